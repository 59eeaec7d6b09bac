"""The warp: displacements there and back, against naive twins."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from latentface.camera import pixel_grid
from latentface.warp import DisplacementField, from_canonical, to_canonical, warp_picture
from tests.helpers import smooth, tiny_autoencoder


def moved(seed: int, size: int = 32, far: float = 0.08) -> torch.Tensor:
    """Smooth displacements, 1 x size x size x 2, that fade out towards the border."""
    inside = (1 - pixel_grid(size).square()).prod(-1)[None, None]
    return (far * inside * smooth((1, 2, size, size), seed)).permute(0, 2, 3, 1)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), far=st.floats(0, 0.1))
def test_warping_back_undoes_the_warp(seed, far):
    face, moves = smooth((1, 3, 32, 32), seed + 1), moved(seed, far=far)
    back = from_canonical(to_canonical(face, moves), moves)
    assert (back - face).abs().mean() < 0.01 and (back - face).abs()[..., 2:-2, 2:-2].max() < 0.12


def test_to_canonical_against_looking_up_pixel_by_pixel():
    face = smooth((1, 3, 9, 9), 0)
    moves = torch.zeros(1, 9, 9, 2)
    moves[0, 2, 3] = torch.tensor([0.5, -0.25])  # two pixels to the right, one up
    moves[0, 4, 4, 0] = 0.125  # half a pixel
    found = to_canonical(face, moves)
    torch.testing.assert_close(found[0, :, 2, 3], face[0, :, 1, 5])
    torch.testing.assert_close(found[0, :, 4, 4], (face[0, :, 4, 4] + face[0, :, 4, 5]) / 2)
    moves[0, 2, 3] = moves[0, 4, 4] = 0
    torch.testing.assert_close(to_canonical(face, moves), face)


def test_what_lies_lower_is_drawn_lower():
    """A mark in the average layout, on a face whose places all lie a quarter of the half width lower."""
    texture = torch.zeros(1, 1, 33, 33)
    texture[..., 12, 16] = 1
    drawn = from_canonical(texture, torch.tensor([0.0, 0.25]).expand(1, 33, 33, 2))
    assert drawn.flatten().argmax() == 16 * 33 + 16 and drawn.sum() == pytest.approx(1, abs=1e-4)
    torch.testing.assert_close(
        from_canonical(texture, torch.zeros(1, 17, 17, 2)), texture
    )  # displacements may be coarser


def test_gradients_say_where_to_move():
    """The share of a known displacement that is wanted is found by descent."""
    texture, moves = smooth((1, 3, 32, 32), 5, coarse=8), moved(3)
    wanted, share = from_canonical(texture, moves), torch.zeros((), requires_grad=True)
    optimizer = torch.optim.Adam([share], 0.05)
    for _ in range(60):
        optimizer.zero_grad()
        (from_canonical(texture, share * moves) - wanted).square().mean().backward()
        optimizer.step()
    assert share.item() == pytest.approx(1, abs=0.05)


def test_displacements_are_linear_and_start_at_nothing():
    layout = DisplacementField(6, 4)
    one, other = torch.randn(2, 6), torch.randn(2, 6)
    assert (layout(one, 16) == 0).all() and layout(one, 16).shape == (2, 16, 16, 2)
    torch.nn.init.normal_(layout.displacement.weight)
    torch.testing.assert_close(
        layout(one + 2 * other, 16), layout(one, 16) + 2 * layout(other, 16), atol=1e-4, rtol=1e-4
    )
    coarse = layout.displacement(one).view(2, 2, 4, 4)
    torch.testing.assert_close(layout(one, 16)[:, 0, 0], coarse[..., 0, 0])  # corners lie on corners
    torch.testing.assert_close(layout(one, 16)[:, -1, 0], coarse[..., -1, 0])


@pytest.mark.parametrize("size", [16, 128])
def test_a_model_with_a_layout_draws_its_face_where_the_code_says(size):
    model = tiny_autoencoder(size=size, layout_grid=8, layout_base=8)
    image = smooth((2, 3, size, size), 1)
    with torch.no_grad():
        torch.nn.init.normal_(model.texture_basis.mean)
        codes = model.encode(image)
        plain = model.decode(codes)
        assert codes.shape.shape == (2, 16) and model.depth_code == 4
        torch.nn.init.normal_(model.layout.displacement.weight, std=0.01)
        scene = model.decode(codes)
        torch.testing.assert_close(scene.depth, plain.depth)
        torch.testing.assert_close(
            scene.albedo, from_canonical(plain.albedo, model.displacement(codes.shape)), atol=1e-4, rtol=0
        )
        assert (scene.albedo - plain.albedo).abs().max() > 1e-3
        other = model.encode(image)  # texture is read where the features lie now
    torch.testing.assert_close(other.shape, codes.shape)
    assert not torch.allclose(other.texture, codes.texture, atol=1e-4)
    codes.shape.requires_grad_()
    model.decode(codes).albedo.square().sum().backward()
    assert (codes.shape.grad[:, :4] == 0).all() and (codes.shape.grad[:, 4:] != 0).all()


def test_the_net_is_even_on_the_average_face_and_bends_with_the_layout():
    black = -torch.ones(1, 3, 64, 64)
    even = warp_picture(black, torch.zeros(1, 16, 16, 2), lines=8)  # lines at every ninth of 63 pixels
    assert even[0, 0, 9 * torch.arange(1, 7), 4].min() > 0.2 and even[0, 0, 9 * torch.arange(1, 7) + 4, 4].max() == -1
    lower = warp_picture(black, torch.tensor([0.0, 4 / 31.5]).expand(1, 16, 16, 2), lines=8)  # four pixels
    assert lower[0, 0, 9 * torch.arange(1, 6) + 4, 4].min() > 0.2 and lower[0, 0, 9 * torch.arange(1, 6), 4].max() == -1
