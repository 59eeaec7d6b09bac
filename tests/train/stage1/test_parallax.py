"""Relief from parallax: found where frames of one head turn, and only there."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from latentface.camera import pixel_grid
from latentface.rendering import render
from latentface.shading import shade
from tests.helpers import bump, drawn_clips, smooth, tiny_autoencoder
from train.__main__ import main
from train.common.blur import blurred
from train.data.shards import write_shards
from train.stage1.parallax import SIDE, levelled, measure_parallax, sensitivities
from train.stage1.relief import GRID, regress, with_relief

LIGHT = torch.tensor([[0.7, 0.3, 0.0, 0.0]])


def frames(depth: torch.Tensor, yaws: list[float]) -> tuple[torch.Tensor, torch.Tensor]:
    """Pictures of one painted head, K x 3 x S x S, at yaws; and their views."""
    paint = smooth((1, 3, SIDE, SIDE), 1, 24) * 0.8
    picture = shade(paint, depth, LIGHT, 2).expand(len(yaws), -1, -1, -1)
    view = torch.zeros(len(yaws), 6)
    view[:, 0] = torch.tensor(yaws)
    return render(picture, depth.expand(len(yaws), -1, -1), view)[0], view


def own_relief() -> torch.Tensor:
    """S x S: one cheek nearer, the other farther."""
    u, v = pixel_grid(SIDE).unbind(-1)
    return 0.006 * ((-((u - 0.35) ** 2 + v**2) / 0.05).exp() - (-((u + 0.35) ** 2 + v**2) / 0.05).exp())


def agreement(found: torch.Tensor, true: torch.Tensor) -> tuple[float, float]:
    """Correlation of found reliefs with true ones, and their slope over them, inside the face."""
    inside = pixel_grid(SIDE // 2).square().sum(-1) < 0.35
    true = F.avg_pool2d(true[None, None], 2)[0, 0]
    one, other = (part[inside] - part[inside].mean() for part in (found, true))
    return float((one * other).sum() / (one.norm() * other.norm())), float((one * other).sum() / other.square().sum())


def test_the_relief_that_turning_shows_is_found():
    base = bump(SIDE)
    image, view = frames(base + own_relief(), [-30, -15, 0, 15, 30])
    found = measure_parallax(image, base[0], view, LIGHT.expand(5, -1))
    correlation, slope = agreement(found, own_relief())
    assert correlation > 0.8 and 0.4 < slope < 1.3


def test_a_right_depth_is_left_alone():
    base = bump(SIDE)
    image, view = frames(base, [-30, -10, 10, 30])
    found = measure_parallax(image, base[0], view, LIGHT.expand(4, -1))
    assert found.abs().mean() < 0.15 * own_relief().abs().max()


def test_frames_from_one_side_show_nothing():
    base = bump(SIDE)
    image, view = frames(base + own_relief(), [10, 10, 10])
    found = measure_parallax(image, base[0], view, LIGHT.expand(3, -1))
    assert found.abs().max() < 0.1 * own_relief().abs().max()


def test_wrong_views_are_not_taken_for_depth():
    base = bump(SIDE)
    image, view = frames(base + own_relief(), [-30, -15, 0, 15, 30])
    wrong = view.clone()
    wrong[:, 0] += torch.tensor([1.5, -1.0, 0.5, 1.0, -2.0])
    wrong[:, 3] += torch.tensor([0.001, 0, -0.001, 0, 0.001])
    found = measure_parallax(image, base[0], wrong, LIGHT.expand(5, -1))
    assert agreement(found, own_relief())[0] > 0.6


def test_sensitivities_are_those_of_the_frontal_picture():
    """Turning to the front with a deeper face moves what is seen as foretold, to first order."""
    from latentface.camera import apply_view, project, unproject

    depth, view = bump(SIDE).double(), torch.tensor([[20.0, 5, 0, 0, 0, 0]]).double()
    by_depth, by_view = sensitivities(depth, view)
    middle, step = SIDE // 2, 1e-3
    place = pixel_grid(SIDE).double()[middle, middle + 20]

    def seen(depth, view):  # where the picture shows each place of the front
        return project(apply_view(unproject(depth), view))[0]

    wanted = seen(depth + step, view)[middle, middle + 20]
    moved = (seen(depth, view) - wanted).norm(dim=-1)  # the place of the front that the old depth looks up there
    nearest = pixel_grid(SIDE).double().flatten(0, 1)[moved.flatten().argmin()]
    foretold = place + step * by_depth[0, middle, middle + 20]
    assert (nearest - foretold).norm() < 1.5 * 2 / (SIDE - 1)
    assert by_view.shape == (1, SIDE, SIDE, 2, 6)


def test_levelling_takes_light_and_contrast_off():
    grey = smooth((2, 1, SIDE, SIDE), 3, 32)
    ramp = pixel_grid(SIDE)[..., 0] * 0.5
    assert (levelled(grey) - levelled(2 * grey + ramp))[..., 20:-20, 20:-20].abs().mean() < 0.2


def test_blurring_keeps_a_plane_and_the_sum_of_a_point():
    plane = pixel_grid(32)[None, None, ..., 0]
    assert torch.allclose(blurred(plane, 2.0)[..., 8:-8], plane[..., 8:-8], atol=1e-6)
    point = torch.zeros(1, 1, 33, 33)
    point[..., 16, 16] = 1
    assert blurred(point, 2.0).sum() == pytest.approx(1, abs=1e-5)
    assert blurred(point, 2.0)[0, 0, 16, 18] / blurred(point, 2.0)[0, 0, 16, 16] == pytest.approx(
        np.exp(-0.5), abs=1e-4
    )


def test_regression_foretells_the_held_out_peoples_relief_from_codes():
    draw = torch.Generator().manual_seed(0)
    true = torch.randn(GRID * GRID, 12, generator=draw)
    codes = [torch.randn(1, 12, generator=draw) + 0.1 * torch.randn(4, 12, generator=draw) for _ in range(80)]
    reliefs = torch.stack([(true @ code.mean(0)).view(GRID, GRID) + 1 for code in codes])
    held = torch.arange(80) % 5 == 0
    weight, bias, found = regress(codes, reliefs, held)
    assert found["foretold"] > 0.9
    wanted = reliefs[0].flatten()
    assert (codes[0].mean(0) @ weight.T + bias - wanted).norm() < 0.2 * wanted.norm()
    unrelated = reliefs[torch.randperm(80, generator=draw)]
    assert regress(codes, unrelated, held)[2]["foretold"] < 0.2


def test_a_relief_of_zero_changes_nothing_and_another_is_added():
    model = tiny_autoencoder(size=32, code=16)
    wider = with_relief(model)
    assert with_relief(wider) is wider
    image = torch.rand(2, 3, 32, 32) * 2 - 1
    codes = model.encode(image)
    assert torch.equal(model.decode(codes).depth, wider.decode(codes).depth)
    with torch.no_grad():
        wider.relief.bias.fill_(0.01)
    assert torch.allclose(wider.decode(codes).depth, model.decode(codes).depth + 0.01)
    assert torch.equal(wider.encode(image).shape, codes.shape)


@pytest.mark.slow
def test_the_command_writes_a_model_and_its_record(tmp_path, capsys):
    model = tiny_autoencoder(size=128, code=16)
    model.save_pretrained(tmp_path / "run" / "autoencoder")
    write_shards(drawn_clips(4, 3, 160), tmp_path / "shards", {})
    out = tmp_path / "out"
    words = ["relief", "--autoencoder", str(tmp_path / "run"), "--data", str(tmp_path / "shards"), "--out", str(out)]
    assert main(words) == 0
    assert "foretold" in capsys.readouterr().out
    assert (out / "autoencoder" / "config.json").exists() and (out / "config.json").exists()
    assert main(words) == 2
