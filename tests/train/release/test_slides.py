"""Slides: their pictures worked out another way, their words on the page, and the command, at tiny size."""

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw, ImageFont

from latentface.pcl import PCL
from latentface.pictures import picture
from latentface.rendering import render
from latentface.shading import shade
from tests.helpers import smooth, tiny_pipeline
from train.__main__ import main
from train.release import slides
from train.release.slide_page import EDGE, HEIGHT, TOP, WIDTH, Panel, Slide, page, wrapped


@pytest.fixture(scope="module")
def lesson() -> slides.Lesson:
    torch.manual_seed(0)
    pcl = PCL(size=32, width=8).eval()
    people = torch.stack([smooth((4, 3, 16, 16), 10 + person) for person in range(2)])
    return slides.Lesson(tiny_pipeline(), smooth((1, 3, 16, 16), 5), smooth((1, 3, 16, 16), 6), people, pcl)


@pytest.fixture(scope="module")
def drawn(lesson) -> dict[str, Slide]:
    made = [scene(lesson) for scene in slides.SCENES]
    return {slide.name: slide for slide in made if slide is not None}


def test_every_step_has_a_slide_of_its_own(drawn):
    assert len(drawn) == len(slides.SCENES)
    assert len({slide.title for slide in drawn.values()}) == len(drawn)


def test_what_is_drawn_again_is_what_the_model_draws(lesson, drawn):
    pipeline = lesson.pipeline
    codes = pipeline.encode(lesson.crop)
    scene = pipeline.decode(codes)
    lit = shade(scene.albedo, scene.depth, codes.light, scene.softness)
    again = render(lit, scene.depth, codes.view)[0]
    expected = [scene.albedo[0], lit[0], again[0], lesson.crop[0]]
    found = [panel.picture for panel in drawn["rendered"].rows[0]]
    for one, other in zip(found, expected, strict=True):
        assert np.abs(one.astype(int) - picture(other, slides.SIDE)).max() <= 1
    assert np.abs(found[0].astype(int) - found[1]).max() > 5


def test_a_swap_is_a_sum(lesson, drawn):
    pipeline = lesson.pipeline
    mine, theirs = (pipeline.split(pipeline.encode(image)) for image in (lesson.crop, lesson.other))
    for panel, strength in zip(drawn["swap"].rows[0][2:], (0, 0.5, 1, 1.5), strict=True):
        face = pipeline.frontal(mine.identity + strength * theirs.expression)
        expected = picture(pipeline.decode(face).canonical[0].clamp(-1, 1), slides.SIDE)
        assert np.abs(panel.picture.astype(int) - expected).max() <= 1


def test_what_the_checkpoint_lacks_is_left_out(lesson):
    without = slides.Lesson(lesson.pipeline, lesson.crop, lesson.other, lesson.people)
    left_out = [scene.__name__ for scene in slides.SCENES if scene(without) is None]
    assert left_out == ["four", "mirror"]


def test_words_fit_their_slide_and_can_be_drawn(drawn):
    font = ImageFont.load_default(38)

    def looks(letter: str) -> bytes:
        sheet = Image.new("L", (80, 80))
        ImageDraw.Draw(sheet).text((10, 10), letter, 255, font)
        return sheet.tobytes()

    for slide in drawn.values():
        assert len(wrapped(slide.sentence, font, WIDTH - 2 * EDGE)) <= 3, slide.name
        words = " ".join([slide.title, slide.sentence, slide.source, *(one.label for row in slide.rows for one in row)])
        assert all(looks(letter) != looks("\uffff") for letter in set(words)), slide.name


def test_pictures_stand_side_by_side_above_their_words():
    black = Panel(np.zeros((8, 8, 3), np.uint8))
    sheet = np.asarray(page(Slide("a", "", "", "", [[black] * 3, [black] * 2]), ""))
    assert sheet.shape == (HEIGHT, WIDTH, 3)
    dark = sheet[TOP + 5, :, 0] == 0
    assert np.count_nonzero(np.diff(dark.astype(int)) == 1) == 3  # three pictures begin in the first row
    left, right = np.flatnonzero(dark)[[0, -1]]
    assert left >= EDGE and abs(left - (WIDTH - 1 - right)) <= 2


def test_words_are_broken_between_words():
    font = ImageFont.load_default(20)
    lines = wrapped("one two three four five", font, font.getlength("three four"))
    assert lines == ["one two", "three four", "five"]


@pytest.mark.slow
def test_the_command_writes_pngs_in_order(tmp_path, capsys):
    tiny_pipeline(size=32).save_pretrained(tmp_path / "tiny")
    assert main(["slides", "--checkpoint", str(tmp_path / "tiny"), "--out", str(tmp_path / "slides")]) == 0
    files = sorted((tmp_path / "slides").iterdir())
    assert [str(file) for file in files] == capsys.readouterr().out.split()
    assert files[0].name == "01_overview.png" and len(files) == len(slides.SCENES)
    assert Image.open(files[0]).size == (WIDTH, HEIGHT)
