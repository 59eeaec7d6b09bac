"""The detail suite: regions of a face, and who is nearest."""

import numpy as np
import pytest
import torch

from tests.helpers import tiny_pipeline
from train.evaluation.detail import identities, rebuilt, regions, run


def landmarks(size: int) -> np.ndarray:
    """Sixty-eight landmarks of a round, even face."""

    def ring(middle: tuple[float, float], wide: float, high: float, count: int) -> np.ndarray:
        """Points around a middle."""
        angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
        return np.stack([middle[0] + wide * np.cos(angle), middle[1] + high * np.sin(angle)], 1)

    jaw = np.linspace(np.pi, 0, 17)
    points = [np.stack([0.5 + 0.4 * np.cos(jaw), 0.45 + 0.45 * np.sin(jaw)], 1)]
    points += [np.stack([np.linspace(a, a + 0.2, 5), np.full(5, 0.3)], 1) for a in (0.2, 0.6)]
    points += [np.stack([np.full(4, 0.5), np.linspace(0.4, 0.55, 4)], 1)]
    points += [np.stack([np.linspace(0.44, 0.56, 5), np.full(5, 0.58)], 1)]
    points += [ring((0.3, 0.4), 0.06, 0.03, 6), ring((0.7, 0.4), 0.06, 0.03, 6)]
    points += [ring((0.5, 0.72), 0.12, 0.05, 12), ring((0.5, 0.72), 0.08, 0.02, 8)]
    return np.concatenate(points) * size


def test_regions_lie_where_they_should_and_apart():
    found = regions(landmarks(64), 64)
    at = {name: lambda x, y, mask=mask: float(mask[0, 0, int(y * 64), int(x * 64)]) for name, mask in found.items()}
    assert at["eyes"](0.3, 0.4) == at["eyes"](0.7, 0.4) == at["mouth"](0.5, 0.72) == at["skin"](0.25, 0.6) == 1
    assert at["skin"](0.3, 0.4) == at["skin"](0.5, 0.72) == at["skin"](0.05, 0.05) == at["eyes"](0.5, 0.72) == 0
    assert float(torch.cat(list(found.values())).sum(0).max()) == 1  # no place is two
    assert all(mask.shape == (1, 1, 64, 64) and mask.sum() > 20 for mask in found.values())


def test_identities_count_the_right_person():
    draw = np.random.default_rng(0)
    photos = list(draw.normal(size=(6, 128)))
    people = ["a", "a", "b", "b", "c", "c"]
    own = {"photo": photos, "": photos, "_enlarged": [photos[1], photos[0], *photos[2:]]}
    found = identities(own, people)
    assert found["identity_distance"] == 0 and found["identity_top1"] == found["identity_top1_enlarged"] == 1
    assert found["identity_distance_enlarged"] > 1
    shuffled = identities({**own, "": photos[2:] + photos[:2]}, people)
    assert shuffled["identity_top1"] == 0


def test_pictures_of_both_ways_have_the_photos_size():
    for base in (0, 8):
        pipeline = tiny_pipeline(enlarger_base=base)
        codes = pipeline.encode(torch.zeros(1, 3, 16, 16))
        images = rebuilt(pipeline, codes, 32)
        assert {name: image.shape for name, image in images.items()} == dict.fromkeys(("", "_enlarged"), (1, 3, 32, 32))


def test_other_data_are_refused(tmp_path):
    with pytest.raises(ValueError, match="london"):
        run(["explorer"], [("truth", tmp_path)], tmp_path / "out.json", 0)
