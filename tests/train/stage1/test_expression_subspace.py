"""The expression subspace: directions against plain loops and drawn codes; the rotation of codes on drawn faces."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from latentface.codes import Codes
from latentface.warp import from_canonical
from tests.helpers import drawn_clips, smooth, tiny_autoencoder
from train.data.clips import Clips
from train.data.reading import read_shards
from train.data.shards import write_shards
from train.stage1.expression_subspace import (
    covarying_directions,
    expression_directions,
    feature_motion,
    rotate_codes,
    within_people,
)
from train.stage1.texture_basis import fit_basis

EXPRESSION = {"changing": (1, 3, 4)}


def test_expression_directions_hold_the_most_change_within_people():
    """Against the variance along every axis of codes that change within people along known axes only."""
    generator = torch.Generator().manual_seed(1)
    person = torch.arange(60) // 6
    codes = 5 * torch.randn(10, 8, generator=generator)[person]
    codes[:, 2] += 2 * torch.randn(60, generator=generator)
    codes[:, 5] += torch.randn(60, generator=generator)
    codes += 0.01 * torch.randn(codes.shape, generator=generator)
    found = expression_directions(codes, person, 2)
    axes = torch.eye(8)[:, [2, 5]]
    torch.testing.assert_close((found.T @ axes).abs(), torch.eye(2), atol=0.2, rtol=0)
    torch.testing.assert_close(found.T @ found, torch.eye(2), atol=1e-5, rtol=0)
    assert found.T[0].abs().argmax() == 2  # the first changes most


def test_expression_directions_leave_out_what_the_view_explains_and_what_does_not_show():
    """Codes turn with a known angle (axis 0), change most where it does not show (axis 3), less along axes 1 and 2."""
    generator = torch.Generator().manual_seed(2)
    person, noise = torch.arange(400) // 8, torch.randn(400, 6, generator=generator)
    angle = torch.randn(400, 2, generator=generator) * torch.tensor([20.0, 0.0])
    codes = 3 * torch.randn(50, 6, generator=generator)[person] + noise * torch.tensor([0.1, 1.0, 0.5, 4.0, 0.1, 0.1])
    codes[:, 0] += angle[:, 0] / 4
    shown = torch.diag(torch.tensor([1.0, 1, 1, 0, 1, 1]))
    first = expression_directions(codes, person, 2).abs()
    known = expression_directions(codes, person, 2, angle).abs()
    seen = expression_directions(codes, person, 2, angle, shown).abs()
    assert set(first.argmax(0).tolist()) == {0, 3} and set(known.argmax(0).tolist()) == {1, 3}
    assert set(seen.argmax(0).tolist()) == {1, 2}
    codes[:, 1] += angle[:, 0] / 10  # what changes most turns along, too
    free = expression_directions(codes, person, 2, angle, shown)
    moved, turned = (codes - codes.mean(0)) @ free, angle[:, :1] - angle[:, :1].mean(0)
    within = [
        values - torch.stack([values[person == p].mean(0) for p in range(50)])[person] for values in (moved, turned)
    ]
    assert torch.corrcoef(torch.cat(within, 1).T)[2, :2].abs().max() < 0.05


def test_expression_directions_apart_do_not_tell_people_apart():
    """Axis 1 changes most within people and differs most between them; axis 2 changes less and differs little."""
    generator = torch.Generator().manual_seed(3)
    person = torch.arange(800) // 8
    codes = torch.randn(100, 5, generator=generator)[person] * torch.tensor([0.5, 2.0, 0.2, 0.5, 0.5])
    codes += torch.randn(800, 5, generator=generator) * torch.tensor([0.1, 1.0, 0.8, 0.1, 0.1])
    assert expression_directions(codes, person, 1).abs().argmax() == 1
    assert expression_directions(codes, person, 1, apart=0.5).abs().argmax() == 2
    both = expression_directions(codes, person, 2, apart=0.05)
    assert both.abs().argmax(0).tolist() == [1, 2]


@pytest.mark.parametrize("kind", ["shape", "texture"])
def test_feature_motion_against_one_step_at_a_time(kind):
    model = tiny_autoencoder(layout_grid=8)
    with torch.no_grad():
        model.texture_basis.mean.copy_(smooth((3, 16, 16), 7))
        model.layout.displacement.weight.normal_(std=0.02)
    mean, spread = torch.randn(16, generator=torch.Generator().manual_seed(0)), torch.linspace(0.5, 2, 16)
    found = feature_motion(model, kind, mean, spread)
    average = model.texture_basis.mean[None]

    def decode(code: Tensor) -> Tensor:
        return model.texture_basis(code) if kind == "texture" else from_canonical(average, model.displacement(code))

    steps = torch.eye(16)[5] * spread[5]
    with torch.no_grad():
        moved = (decode((mean + steps)[None]) - decode((mean - steps)[None])) / 2
    assert found.shape == (16, moved.shape[1] * 2 * 8 * 7)
    assert kind == "texture" or (found[:4] == 0).all()  # depth shows nothing that moves
    small = F.avg_pool2d(moved, 2)[0, 0]
    inner = found[5].view(2, -1)[0][: 8 * 7].view(8, 7)  # along x, the first channel
    torch.testing.assert_close(inner[4, 3], small[4, 4] - small[4, 3], atol=0.02 * float(small.abs().max()), rtol=0.05)
    assert inner[0].abs().max() < 0.05 * small.diff(dim=-1).abs().max()  # hair is not looked at


@pytest.mark.parametrize("with_view", [False, True])
def test_covarying_directions_are_the_change_that_comes_with_what_is_read(with_view):
    """Codes in which numbers 3 and 4 follow number 0 within people, and number 5 follows the view, as number 1 does."""
    generator = torch.Generator().manual_seed(0)
    person, noise = torch.arange(4000) // 8, torch.randn(4000, 6, generator=generator)
    view = torch.randn(4000, 1, generator=generator) if with_view else torch.zeros(4000, 1)
    codes = noise * torch.tensor([1.0, 1, 0.1, 0.1, 0.1, 0.1])
    codes[:, 3] += 0.5 * codes[:, 0]
    codes[:, 4] -= 0.25 * codes[:, 0]
    codes[:, [1, 5]] += view
    codes += (5 * torch.randn(500, 6, generator=generator) @ torch.randn(6, 6, generator=generator))[person]
    readings = torch.eye(6)[:, :2]
    found = covarying_directions(codes, person, readings, view, ridge=1e-6)
    wanted = torch.tensor([[1.0, 0, 0, 0.5, -0.25, 0], [0, 1, 0, 0, 0, 0]]).T
    torch.testing.assert_close(found, wanted, atol=0.02, rtol=0)
    assert torch.equal(readings.T @ found, torch.eye(2))


@pytest.fixture(scope="module")
def settled(tmp_path_factory) -> tuple:
    """Drawn faces whose mouth opens and who move, and a settled model whose view and light are constant.

    Changes that follow the view would be left out of the expression.
    """
    folder = tmp_path_factory.mktemp("shards")
    write_shards(drawn_clips(41, 6, 80), folder, {"source": "drawn"})
    clips = read_shards([str(folder)], 32)
    model = tiny_autoencoder(size=32, **EXPRESSION)
    for network in (model.view_net, model.light_net):
        torch.nn.init.zeros_(network[-2].weight)
    fit_basis(model, clips, count=400, warp_images=1600)
    return model, clips


def encoded(model, clips: Clips) -> Codes:
    with torch.no_grad():
        return model.encode(clips.centre(torch.arange(len(clips.images)), model.size))


def shown_by(model, codes: Codes) -> dict[str, Tensor]:
    return {
        k: feature_motion(model, k, getattr(codes, k).mean(0), getattr(codes, k).std(0)) for k in ("shape", "texture")
    }


def test_the_rotation_changes_no_picture_and_puts_what_changes_last(settled):
    model, clips = settled
    before = encoded(model, clips)
    scene, shown_before = model.decode(before), shown_by(model, before)
    rotate_codes(model, clips, count=800)
    after = encoded(model, clips)
    again, shown_after = model.decode(after), shown_by(model, after)
    for name in ("depth", "albedo"):
        assert (getattr(again, name) - getattr(scene, name)).abs().max() < 0.02 * getattr(scene, name).std()
    for name in ("view", "light"):
        assert torch.equal(getattr(after, name), getattr(before, name))
    assert torch.equal(after.shape[:, :4], before.shape[:, :4])  # depth's part is not turned
    for kind, first in (("shape", 4), ("texture", 0)):
        moves, within, seen = model.expression_mask(kind)[first:], [], []
        for codes, shown in ((before, shown_before), (after, shown_after)):
            code, spread = getattr(codes, kind)[:, first:], getattr(codes, kind)[:, first:].std(0)
            change = within_people(code / spread, clips.person)
            within.append((change[:, moves].var() / change[:, ~moves].var()).item())
            whole, part = (
                (change[:, some] @ shown[kind][first:][some]).square().sum() for some in (slice(None), moves)
            )
            seen.append((part / whole).item())
        assert within[1] > 1.2 and within[1] > 1.2 * within[0], (kind, within)
        assert seen[1] > 0.7 > 0.3 > seen[0], (kind, seen)  # of what changes in a face


def test_a_model_without_changing_numbers_is_not_rotated(settled):
    _, clips = settled
    model = tiny_autoencoder(size=32)
    kept = {name: value.clone() for name, value in model.state_dict().items()}
    rotate_codes(model, clips, count=80)
    assert all(torch.equal(value, kept[name]) for name, value in model.state_dict().items())
    only_depth = tiny_autoencoder(size=32, changing=(2, 0, 0))
    rotate_codes(only_depth, clips, count=80)
    assert torch.equal(
        only_depth.shape_encoder[-2].weight, tiny_autoencoder(size=32, changing=(2, 0, 0)).shape_encoder[-2].weight
    )
