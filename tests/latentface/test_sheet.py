"""The captioned sheet of all layers."""

import io

import numpy as np
from PIL import Image

from latentface.sheet import CAPTION, COLUMNS, GAP, TURNED, clay, layers, sheet
from tests.helpers import random_codes, tiny_pipeline, tiny_scene


def test_clay_has_one_colour_under_the_scenes_light():
    scene = clay(tiny_scene(16))
    assert scene.albedo.flatten(2).std(-1).max() < 1e-6
    assert scene.light[0, 2:].tolist() == tiny_scene(16).light[0, 2:].tolist()


def test_all_layers():
    pipeline, codes = tiny_pipeline(), random_codes(1)
    scene = pipeline.decode(codes)
    crop = scene.render()[0].clamp(-1, 1)
    pictures = layers(pipeline, crop, codes, scene.turned((30, 0, 0), (0.5, 0.5, 0, 0)), 24)
    assert len(pictures) == 10 and {picture.shape for picture in pictures.values()} == {(24, 24, 3)}
    assert np.abs(pictures["Error"].astype(int)).max() <= 2  # the crop is the model's own picture
    assert np.abs(pictures["Rebuilt"].astype(int) - pictures["Photo"]).max() <= 1
    assert np.abs(pictures["Rebuilt"].astype(int) - pictures[TURNED]).mean() > 2


def test_a_sheet_lays_them_out():
    pictures = {f"Number {i}": np.full((20, 20, 3), 40 * i, np.uint8) for i in range(COLUMNS + 1)}
    page = np.asarray(Image.open(io.BytesIO(sheet(pictures))))
    assert page.shape == (2 * (20 + CAPTION + GAP) + GAP, COLUMNS * (20 + GAP) + GAP, 3)
    for i in range(COLUMNS + 1):
        left, top = GAP + i % COLUMNS * (20 + GAP), GAP + i // COLUMNS * (20 + CAPTION + GAP)
        assert (page[top : top + 20, left : left + 20] == 40 * i).all()
        assert page[top + 20 : top + 20 + CAPTION, left : left + 20].min() < 120  # a caption
