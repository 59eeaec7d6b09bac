"""UMAP in 3-D and PCL's maps of the bundled gallery, principal axes, and the file of a selection's codes."""

import io

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from latentface.checkpoints import load_network
from latentface.gallery import MAPS, Gallery
from latentface.pcl import PCL
from latentface.pcl_maps import PCL_MAPS, pcl_features
from latentface.principal import PrincipalAxes
from latentface.selection import selection_file


@pytest.fixture(scope="module")
def gallery() -> Gallery:
    return Gallery()


def test_every_map_has_places_in_the_plane_and_in_space(gallery):
    assert gallery.names == [*MAPS, *PCL_MAPS] and set(gallery.spaces) == set(gallery.names)
    for name in gallery.names:
        for places, axes in ((gallery.coordinates[name], 2), (gallery.spaces[name], 3)):
            assert places.shape == (len(gallery.faces), axes) and places.min() == 0 and places.max() == 1
        trusted = gallery.trusted[name]
        assert set(trusted) == {"umap", "pca", "umap3", "pca3"} and all(0.5 < v <= 1 for v in trusted.values() if v)
        assert trusted["umap3"] >= trusted["umap"] - 0.005  # an axis more


def test_pcl_maps_are_of_the_bundled_pcl(gallery):
    """Made anew by `python -m train gallery --further-maps` wherever PCL's weights change."""
    pcl, rows = load_network("pcl", PCL), [0, 700, 3004]
    crops = torch.stack([torch.from_numpy(gallery.crop(i).copy()) for i in rows]).permute(0, 3, 1, 2) / 127.5 - 1
    found = pcl_features(pcl, crops)
    for name in PCL_MAPS:
        assert torch.allclose(found[name].norm(dim=1), torch.ones(3))
        short = gallery.shortened(name, found[name])
        assert np.allclose(short, gallery.features[name][rows], atol=5e-3)  # kept in half precision
        for place, row in zip(gallery.places(name, short), rows, strict=True):
            assert place.neighbours[0] == row and not place.far
            assert (place.x, place.y) == pytest.approx(tuple(gallery.coordinates[name][row].tolist()), abs=0.05)


def test_codes_keep_their_length_where_the_map_is_not_pcls(gallery):
    rows = torch.randn(2, 512)
    assert gallery.shortened("identity", rows) is rows


@settings(max_examples=25, deadline=None)
@given(arrays(float, st.tuples(st.integers(1, 12), st.integers(1, 6)), elements=st.floats(-5, 5, width=16)))
def test_principal_axes_fill_the_map_and_order_what_varies(rows):
    fit = PrincipalAxes(rows)
    places, amounts = fit.places(rows), fit.amounts(rows)
    assert places.shape == amounts.shape == (len(rows), 3)
    assert places.min() >= -1e-6 and places.max() <= 1 + 1e-6
    spread = amounts.std(0)
    assert spread[0] >= spread[1] - 1e-6 >= spread[2] - 2e-6
    centred = rows - rows.mean(0)
    if min(rows.shape) <= 3:  # all that varies lies on the axes
        assert np.isclose(np.square(amounts).sum(), np.square(centred).sum(), atol=1e-6)


def test_a_selection_file_holds_its_codes(gallery):
    rows = [3, 5, 2000]
    found = np.load(io.BytesIO(selection_file(gallery, rows, "where from")))
    assert found["row"].tolist() == rows and found["caption"] == "where from"
    assert np.allclose(found["shape"], gallery.codes.shape[rows], atol=1e-2)
    assert found["person"].tolist() == [gallery.faces[i]["person"] for i in rows]
    whole = found["identity"].astype(float) + found["expression"]
    assert np.allclose(whole, gallery.features["whole"][rows], atol=2e-2)
