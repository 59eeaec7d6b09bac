"""A map against its code: pairs and shares counted by hand."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from latentface.explain.map_distances import map_distances
from latentface.gallery import Gallery


def test_a_torn_pair_and_a_false_one():
    code = np.array([[0.0, 0], [1, 0], [2, 0], [30, 0], [31, 0], [32, 0]])
    places = np.array([[0.0, 0], [0.1, 0], [9, 0], [5, 0], [5.1, 0], [0.12, 0]])  # 2 is torn off, 5 is put beside 1
    some: Any = SimpleNamespace(
        faces=[{"person": at} for at in range(6)], coordinates={"identity": places}, features={"identity": code}
    )
    found = map_distances(some)
    assert found.false.rows == (1, 5) and found.torn.rows == (2, 1)
    assert found.false.on_map == 0 and found.false.in_code == 1.0  # the other four are all nearer to 1 in the code
    assert found.torn.in_code == 0 and found.torn.on_map == 0.75  # 3, 4 and 5 are nearer to 2 on the map
    assert found.count == 6 and found.kept == 1  # six pictures: each is among the fifteen nearest


def test_the_bundled_map():
    gallery = Gallery()
    found = map_distances(gallery)
    row = 17
    on_map = np.linalg.norm(
        gallery.coordinates["identity"].numpy() - gallery.coordinates["identity"][row].numpy(), axis=1
    )
    assert 0.5 < found.kept < 1 and on_map.min() == 0
    for pair in (found.false, found.torn):
        a, b = pair.rows
        assert gallery.faces[a]["person"] != gallery.faces[b]["person"]
        far = np.linalg.norm(gallery.features["identity"] - gallery.features["identity"][a], axis=1)
        nearer = (far < far[b]).sum() - 1  # not the picture itself
        assert pair.in_code == pytest.approx(nearer / (len(far) - 2), abs=2e-3)
    assert found.false.in_code > 0.2 and found.torn.on_map > 0.2
