"""The canonical frame is levelled and views learn from pairs: on known turns and faces rendered from known views."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from latentface.camera import apply_view, rotation
from latentface.rendering import render, view_grid
from tests.helpers import bump, drawn_clips, smooth, tiny_autoencoder
from train.data.clips import Clips
from train.data.reading import read_shards
from train.data.shards import write_shards
from train.stage1.canonical_frame import align_views, level, partners, pyramid_l1, turned

angle = st.floats(-50, 50)


def view_of(*numbers: float) -> Tensor:
    return torch.tensor([[*numbers, 0.0]], dtype=torch.float64)


@settings(deadline=None, derandomize=True)
@given(angle, st.floats(-40, 40), angle, st.floats(-0.1, 0.1), st.floats(-20, 20))
def test_a_turned_frame_and_its_view_leave_the_head_where_it_is(yaw, pitch, roll, x, tilt):
    view, turn = view_of(yaw, pitch, roll, x, 0.02), view_of(0, tilt, 0, 0, 0)
    points = torch.randn(1, 20, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 0.1
    own = turned(view, turn)
    torch.testing.assert_close(apply_view(apply_view(points, turn), own), apply_view(points, view), atol=1e-9, rtol=0)
    torch.testing.assert_close(rotation(turned(own, undo(turn))), rotation(view), atol=1e-9, rtol=0)


def undo(turn: Tensor) -> Tensor:
    return turn * -1  # of one angle only


def test_a_face_looks_the_same_from_a_turned_frame():
    depth, picture = bump(64), smooth((1, 3, 64, 64), 3, coarse=8)
    view, turn = view_of(15, 8, -5, 0.01, 0).float(), view_of(0, -12, 0, 0, 0).float()
    new_depth = view_grid(depth, turn)[1]
    new_picture = render(picture, depth, turn)[0]
    before, after = render(picture, depth, view)[0], render(new_picture, new_depth, turned(view, turn))[0]
    inner = (..., slice(14, 50), slice(14, 50))
    assert (before - after)[inner].abs().mean() < 0.025
    assert (before - render(new_picture, new_depth, view)[0])[inner].abs().mean() > 0.06


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> Clips:
    folder = tmp_path_factory.mktemp("shards")
    write_shards(drawn_clips(21, 4, 40), folder, {"source": "drawn"})
    return read_shards([str(folder)], 16)


def pitch_and_depth(model, clips: Clips) -> tuple[float, Tensor]:
    found = model.geometry(clips.centre(torch.arange(40), 16))
    return float(found.view[:, 1].mean()), model.depth_over_prior(found.raw_depth).mean(0)


@pytest.mark.slow
def test_levelling_turns_views_and_depth_together(clips):
    model = tiny_autoencoder()
    with torch.no_grad():
        model.view_net[-2].bias[1] = -0.3  # all seem to look down; up in the canonical frame
        before, depth = pitch_and_depth(model, clips)
        prior = model.average_depth.clone()
    tilt = level(model, clips, images=3_200, lr=1e-3)
    with torch.no_grad():
        after, new_depth = pitch_and_depth(model, clips)
    assert before < -10 and tilt == pytest.approx(before, abs=2)
    assert abs(after) < 2
    turn = torch.tensor([[0, tilt, 0, 0, 0, 0.0]])
    goal = view_grid(depth[None], turn)[1][0]
    assert (new_depth - goal).abs().mean() < 0.4 * (depth - goal).abs().mean()
    assert not torch.allclose(prior, model.average_depth)


@pytest.mark.slow
def test_views_learn_from_each_other_and_nothing_else_moves(clips):
    """Faces rendered from known views: the view network learns their yaw, up to its scale, from pairs."""
    model = tiny_autoencoder(size=32)
    depth = model.average_depth[None]
    generator = torch.Generator().manual_seed(1)
    yaws = (torch.rand(40 * 4, generator=generator) - 0.5) * 70
    pictures = []
    for person in range(40):
        face = smooth((1, 3, 32, 32), person, coarse=8)
        face = 0.7 * (face + face.flip(-1)) / 2
        for yaw in yaws[4 * person :][:4]:
            pictures.append(render(face, depth, torch.tensor([[float(yaw), 0, 0, 0, 0, 0]]), 80)[0])
    images = ((torch.cat(pictures) + 1) * 127.5).round().to(torch.uint8)
    people = torch.arange(40).repeat_interleave(4)
    drawn = Clips(images, people, [{}] * 160, people >= 36)

    def yaw_agrees() -> float:
        with torch.no_grad():
            found = model.geometry(drawn.centre(torch.arange(160), 32)).view[:, 0]
        return float(torch.corrcoef(torch.stack([found, yaws]))[0, 1])

    others = {k: v.clone() for k, v in model.state_dict().items() if not k.startswith("view_net")}
    before = yaw_agrees()
    align_views(model, drawn, images=4_800, lr=5e-4)
    assert yaw_agrees() > max(0.7, before)
    assert all(torch.equal(v, model.state_dict()[k]) for k, v in others.items())


def test_partners():
    assert partners(torch.arange(6)).tolist() == [1, 0, 3, 2, 5, 4]


def test_pyramid_l1():
    image, drawn = smooth((2, 3, 16, 16), 0), smooth((2, 3, 16, 16), 1)
    weight = torch.ones(2, 1, 16, 16)
    weight[:, :, :, :4] = 0
    assert pyramid_l1(image, image, weight) == 0
    elsewhere = drawn.clone()
    elsewhere[..., :4] = 9.0
    torch.testing.assert_close(pyramid_l1(elsewhere, image, weight), pyramid_l1(drawn, image, weight))
    moved = pyramid_l1(image + 0.1, image, torch.ones(2, 1, 16, 16))
    assert float(moved) == pytest.approx(0.1 * (1 / 3 + 0.5 + 0.5), rel=1e-4)
