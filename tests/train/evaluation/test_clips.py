"""The clips suite: measures on landmarks whose answers are known, and driving on a tiny pipeline."""

import numpy as np
import pytest
import torch
from PIL import Image

from latentface.checkpoints import load_pipeline
from latentface.codes import Codes
from latentface.gallery import Gallery
from latentface.moving import Stretch, settled
from latentface.pipeline import LatentFacePipeline
from tests.helpers import tiny_pipeline
from train.common.judges import Reader
from train.evaluation.clips import LEAST, SIDE, Clip, clips, drive, face_measures, following, run


def landmarks(**moved: tuple[float, float]) -> np.ndarray:
    """68 x 2: a plain face with eyes 60 px apart; groups of points moved by x, y."""
    points = np.zeros((68, 2))
    points[0:5], points[12:17], points[5:12] = (-60, 20), (60, 20), (0, 90)
    points[17:22], points[22:27] = (-30, -25), (30, -25)
    points[27:36] = (0, 30)
    for first, centre in ((36, -30), (42, 30)):
        corners = [(-10, 0), (-4, -3), (4, -3), (10, 0), (4, 3), (-4, 3)]
        points[first : first + 6] = [(centre + x, y) for x, y in corners]
    points[48:68] = (0, 60)
    points[48], points[54] = (-20, 60), (20, 60)
    groups = {"lower_lip": range(65, 68), "brows": range(17, 27), "nose": [30], "right_corner": [54]}
    for name, by in moved.items():
        points[list(groups[name])] += by
    return points


@pytest.mark.parametrize(
    ("measure", "moved", "change"),
    [
        ("mouth_opening", {"lower_lip": (0, 13.2)}, 0.2),
        ("mouth_width", {"right_corner": (6.6, 0)}, 0.1),
        ("brow_height", {"brows": (0, -6.6)}, 0.1),
        ("yaw", {"nose": (6.6, 0)}, 0.1),
        ("pitch", {"nose": (0, 6.6)}, 0.1),
    ],
)
def test_each_measure_moves_with_its_own_points(measure, moved, change):
    measured = face_measures(np.stack([landmarks(), landmarks(**moved)]))
    assert len(measured) == 6
    for name, (plain, changed) in measured.items():
        assert changed - plain == pytest.approx(change if name == measure else 0, abs=1e-9)  # size is 66


def test_measures_do_not_heed_roll_or_scale():
    plain = landmarks(brows=(0, -5), lower_lip=(0, 8))
    angle = np.deg2rad(25)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    measured = face_measures(np.stack([plain, 3 * plain @ turn + 40]))
    for one, other in measured.values():
        assert other == pytest.approx(one, abs=1e-9)


def test_following_agrees_with_numpy_and_with_known_answers():
    draw = np.random.default_rng(0)
    driver, drawn = draw.normal(size=50), draw.normal(size=50)
    corr, slope = following(driver, drawn)
    assert corr == pytest.approx(np.corrcoef(driver, drawn)[0, 1])
    assert slope == pytest.approx(np.polyfit(driver, drawn, 1)[0])
    assert following(driver, driver) == pytest.approx((1, 1))
    assert following(driver, 3 - 0.5 * driver) == pytest.approx((-1, -0.5))
    assert following(driver, np.ones(50)) == (0, 0)


def codes(count: int, seed: int, length: int) -> Codes:
    generator = torch.Generator().manual_seed(seed)
    shape, texture = (torch.randn(count, length, generator=generator) for _ in range(2))
    return Codes(shape, texture, torch.zeros(count, 6), torch.tensor([[0.6, 0.4, 0, 0]]).expand(count, -1))


def test_driving_moves_as_films_are_driven():
    pipeline: LatentFacePipeline = tiny_pipeline()
    length = pipeline.autoencoder.config["code"]
    driver, target = codes(5, 1, length), codes(3, 2, length)
    made = drive(pipeline, driver, target)
    split = pipeline.split(driver)
    zeros = torch.zeros(5)
    stretch = Stretch(
        torch.arange(5.0), zeros == 0, zeros, torch.zeros(5, 4), torch.zeros(5, 5, 2), torch.zeros(5, 3),
        split.identity, split.expression, driver.view, driver.light,
    )  # fmt: skip
    film = settled(stretch, smooth=0)
    still = pipeline.split(target).identity.mean(0)
    wanted = {
        "rebuilt": driver.face,
        "part": split.identity.mean(0) + split.expression,
        "own": film.identity + film.mean_change + film.movement,
        "cross": still + film.mean_change + film.movement,
        "relative": target.face.mean(0) + film.movement,
    }
    assert wanted.keys() == made.keys()
    for name, face in wanted.items():
        assert torch.allclose(made[name].face, face, atol=1e-4)
        assert torch.equal(made[name].view, driver.view)


@pytest.mark.slow
def test_the_suite_on_people_of_the_gallery():
    gallery = Gallery()
    pipeline = load_pipeline("explorer")
    found = []
    for person in list(dict.fromkeys(gallery.faces[row]["person"] for row in sorted(gallery.singles)))[:2]:
        rows = [i for i in sorted(gallery.singles) if gallery.faces[i]["person"] == person]
        rows = (rows * LEAST)[: LEAST + 2]
        faces = [pipeline.read(gallery.picture(row)) for row in rows]
        cut = [face.alignment.image for face in faces if face.alignment is not None]
        pictures = [np.asarray(Image.fromarray(image).resize((SIDE, SIDE))) for image in cut]
        found.append(Clip(str(person), pictures, Codes.cat([face.codes for face in faces])))
    results, sheet = clips(pipeline, found, Reader())
    assert results["n"] == 2 and results["frames"] == 2 * (LEAST + 2)
    assert results["own_yaw_corr"] > 0.8
    assert len(sheet) == 12


def test_the_suite_refuses_what_it_cannot_use(tmp_path):
    for checkpoints, data in ((["a", "b"], [("clips", tmp_path)]), (["a"], []), (["a"], [("london", tmp_path)])):
        with pytest.raises(ValueError, match="the clips suite takes one --checkpoint"):
            run(checkpoints, data, tmp_path / "out.json")
