"""Contact sheets of a model."""

import numpy as np
import torch

from tests.helpers import smooth, tiny_autoencoder
from train.common.sheets import mixing_sheet, tile


def test_the_mixing_sheet_draws_one_persons_face_with_anothers_changing_numbers():
    model = tiny_autoencoder(layout_grid=4, layout_base=8, changing=(1, 3, 4))
    for layer in (model.shape_decoder.head, model.layout.displacement, model.texture_encoder[-2]):
        torch.nn.init.normal_(layer.weight, std=0.1)
    images = torch.cat([smooth((1, 3, 16, 16), i) for i in range(5)])
    picture = np.asarray(mixing_sheet(model, images, 2))
    assert picture.shape == (3 * 128, 4 * 128, 3)
    with torch.no_grad():
        codes = model.encode(images)
        own, other = codes[[0]], codes[4:5]  # a copy
        own.shape[0, [3, 13, 14, 15]], own.texture[0, 12:] = other.shape[0, [3, 13, 14, 15]], other.texture[0, 12:]
        cells = [images[4:5], images[0:1], model.decode(codes[0:1]).render()[0], model.decode(own).render()[0]]
    for cell, (row, column) in zip(cells, ((0, 3), (1, 0), (1, 1), (1, 3)), strict=True):
        shown = picture[128 * row :, 128 * column :][20:108, 20:108].astype(int)
        wanted = np.asarray(tile([cell], 8))[20:108, 20:108]
        assert np.abs(shown - wanted).max() < 3, (row, column)
    assert mixing_sheet(model, images[:1]).size == (3 * 128, 2 * 128)  # one face mixes with itself


def test_tiles_stand_in_rows():
    rows = [torch.full((2, 3, 4, 4), v) for v in (-1.0, 1.0)]
    picture = np.asarray(tile(rows, 1))
    assert picture.shape == (8, 8, 3) and picture[:4].max() == 0 and picture[4:].min() == 255
