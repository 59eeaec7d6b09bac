"""The way through stage 1 against the same worked out by hand, with numpy, a place at a time."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from latentface.explain.blocks import recorded
from latentface.explain.loss import likelihoods
from latentface.explain.way import COUNTS, SPOT, Way, sampled
from latentface.rendering import unrender
from tests.helpers import smooth, tiny_pipeline
from train.losses.photometric import laplace

H = math.tan(math.radians(5))


def lively_pipeline(seed: int = 0):
    """A tiny pipeline whose warp, relief and refiner do something."""
    pipeline = tiny_pipeline(seed, layout_grid=4)
    net = pipeline.autoencoder
    torch.manual_seed(seed + 7)
    with torch.no_grad():
        net.layout.displacement.weight.normal_(std=0.02)
        net.refiner.head.weight.normal_(std=0.05)
        net.shape_decoder.head.weight.normal_(std=0.5)
        net.average_relief.copy_(smooth((1, 16, 16), 3)[0] * 0.03)
        net.average_depth.copy_(1 + net.average_relief)
        net.average_share.fill_(1)
        net.view_net.last.weight.mul_(3)
    return pipeline


@pytest.fixture(scope="module")
def way() -> Way:
    return Way(lively_pipeline(), smooth((1, 3, 16, 16), 5))


def turned(view: np.ndarray) -> np.ndarray:
    """Rotation matrix of a view, factor by factor."""
    x, y, z = np.radians([-view[1], -view[0], view[2]])
    rx = np.array([[1, 0, 0], [0, math.cos(x), -math.sin(x)], [0, math.sin(x), math.cos(x)]])
    ry = np.array([[math.cos(y), 0, math.sin(y)], [0, 1, 0], [-math.sin(y), 0, math.cos(y)]])
    rz = np.array([[math.cos(z), -math.sin(z), 0], [math.sin(z), math.cos(z), 0], [0, 0, 1]])
    return rx @ ry @ rz


def point(depth: np.ndarray, row: int, column: int) -> np.ndarray:
    side = len(depth)
    u, v = 2 * column / (side - 1) - 1, 2 * row / (side - 1) - 1
    d = depth[row, column]
    return np.array([u * H * d, v * H * d, d])


def normal(depth: np.ndarray, row: int, column: int) -> np.ndarray:
    right = point(depth, row, column + 1) - point(depth, row, column - 1)
    down = point(depth, row + 1, column) - point(depth, row - 1, column)
    across = np.cross(down, right)
    return across / np.linalg.norm(across)


def test_places_are_looked_up_where_the_turned_head_has_them(way):
    depth, view = way.net.average_depth.numpy().astype(float), way.codes.view[0].numpy().astype(float)
    found = way.looked_up().numpy()
    for row, column in ((3, 4), (8, 8), (12, 2)):
        moved = turned(view) @ (point(depth, row, column) - [0, 0, 1]) + [0, 0, 1] + view[3:]
        np.testing.assert_allclose(found[row, column], moved[:2] / (H * moved[2]), atol=1e-4)


def test_the_turn_begins_with_the_crop_and_ends_with_the_front(way):
    turn = way.turning(4)
    assert torch.equal(turn[:1], way.input)
    inside = (slice(None), slice(2, -2), slice(2, -2))
    torch.testing.assert_close(turn[-1][inside], way.front[0][inside], atol=2e-3, rtol=0)


def test_light_is_divided_out_place_by_place(way):
    depth, light = way.own_depth[0].numpy().astype(float), way.codes.light[0].numpy().astype(float)
    travels = np.array([light[2], light[3], 1]) / np.linalg.norm([light[2], light[3], 1])
    frames = way.unlighting(5)
    torch.testing.assert_close(frames[0], way.lit_front[0])
    torch.testing.assert_close(frames[-1], way.unlit[0])
    for row, column in ((5, 6), (9, 9), (11, 4)):
        share = light[0] + light[1] * max(0, -normal(depth, row, column) @ travels)
        assert float(way.front_shading[0, 0, row, column]) == pytest.approx(max(share, 0.25), abs=1e-4)
    restored = (way.unlit + 1) * way.front_shading - 1
    seen = unrender(way.input, way.own_depth, way.codes.view)[1]
    own = ((1 - seen) * seen.flip(-1) == 0).expand_as(restored)  # not filled from the mirror side
    assert own.float().mean() > 0.5
    torch.testing.assert_close(restored[own], way.lit_front[own], atol=1e-4, rtol=0)


def test_the_warp_looks_colours_up_where_the_displacement_says(way):
    moved = way.displacement[0].numpy()
    coarse = (way.net.layout.displacement.weight @ way.face.shape[0, way.net.depth_code :]).view(2, 4, 4)
    assert moved[0, 0] == pytest.approx(coarse[:, 0, 0].detach().numpy(), abs=1e-5)
    assert moved[-1, -1] == pytest.approx(coarse[:, -1, -1].detach().numpy(), abs=1e-5)
    row, column = 7, 9
    u, v = 2 * column / 15 - 1 + moved[row, column, 0], 2 * row / 15 - 1 + moved[row, column, 1]
    x, y = (u + 1) / 2 * 15, (v + 1) / 2 * 15
    i, j = int(x), int(y)
    image = way.unlit[0].numpy()
    expected = sum(
        (1 - abs(x - a)) * (1 - abs(y - b)) * image[:, b, a] for a in (i, i + 1) for b in (j, j + 1)
    )  # fmt: skip
    np.testing.assert_allclose(way.laying_out(3)[-1][:, row, column].numpy(), expected, atol=1e-4)
    torch.testing.assert_close(way.laying_out(3)[0], way.unlit[0])
    torch.testing.assert_close(way.laying_out(3)[-1], way.face.albedo[0], atol=1e-4, rtol=0)


@torch.no_grad()
def test_more_numbers_of_the_texture_come_nearer_and_all_are_exact(way):
    basis = way.net.texture_basis
    whole = basis(way.codes.texture)
    average = basis(way.pipeline.denoiser.mean[None, 16:])
    far = [float((way.texture_with(count) - whole).square().sum()) for count in COUNTS]
    assert far == sorted(far, reverse=True) and far[0] > 0 and far[-1] < 1e-6 * far[0]
    for count, distance in zip(COUNTS, far, strict=True):
        share = 1 - distance / float((average - whole).square().sum())
        assert way.explained_share(count) == pytest.approx(share, abs=1e-4)


def test_refining_and_relief_end_at_the_decoded_face(way):
    soft, sharp = way.refined
    assert float((soft - sharp).detach().abs().max()) > 1e-3
    scene = way.pipeline.decode(way.codes)
    *_, average_laid_out, own = way.reliefs()
    torch.testing.assert_close(own, scene.depth)
    assert float((own - average_laid_out).abs().max()) > 1e-4
    raw = way.net.raw_depth(way.codes.shape)
    without = way.net.depth_over_average(way.codes.shape, 0 * raw)
    torch.testing.assert_close(average_laid_out, without)


def test_the_numbers_of_the_spot(way):
    scene = way.scene
    depth, view = scene.depth[0].numpy().astype(float), scene.view[0].numpy().astype(float)
    row, column = way.spot
    assert (row, column) == (round((SPOT[1] + 1) / 2 * 15), round((SPOT[0] + 1) / 2 * 15))
    found = way.normal_numbers()
    np.testing.assert_allclose([found["p" + a] for a in "xyz"], point(depth, row, column), atol=1e-5)
    np.testing.assert_allclose([found["n" + a] for a in "xyz"], normal(depth, row, column), atol=1e-3)
    light = scene.light[0].numpy().astype(float)
    travels = np.array([light[2], light[3], 1]) / np.linalg.norm([light[2], light[3], 1])
    share = way.shading_numbers()
    facing = max(0, -normal(depth, row, column) @ travels)
    np.testing.assert_allclose([share["l" + a] for a in "xyz"], travels, atol=1e-5)
    assert share["facing"] == pytest.approx(facing, abs=1e-3)
    assert share["share"] == pytest.approx(light[0] + light[1] * facing, abs=1e-3)
    drawn = way.rendered_numbers()
    colour = float((scene.albedo[0, :, row, column].mean() + 1) / 2)
    assert drawn["albedo"] == pytest.approx(colour, abs=1e-5)
    assert drawn["lit"] == pytest.approx(colour * share["share"], abs=1e-4)
    moved = turned(view) @ (point(depth, row, column) - [0, 0, 1]) + [0, 0, 1] + view[3:]
    assert (drawn["u"], drawn["v"]) == pytest.approx(tuple(moved[:2] / (H * moved[2])), abs=1e-4)


def test_the_loss_is_the_one_of_training(way):
    with torch.no_grad():
        sigma = way.pipeline.autoencoder.confidence(way.crop)
    parts = likelihoods(way.scene, way.crop, sigma)
    for number, (part, scene) in enumerate(zip(parts, (way.scene, way.scene.flip()), strict=True)):
        picture, mask = scene.render()
        both = mask * way.scene.flip().render()[1] * way.scene.render()[1]
        expected = laplace(picture, way.crop, sigma[:, number : number + 1], both)
        assert part.mean == pytest.approx(float(expected), abs=1e-4)
        error = float((picture[0, :, 8, 7] - way.crop[0, :, 8, 7]).abs().mean())
        assert float(part.error[8, 7]) == pytest.approx(error, abs=1e-5)
        assert float(part.loss[8, 7]) == pytest.approx(
            math.sqrt(2) * error / math.exp(float(sigma[0, number, 8, 7])) + float(sigma[0, number, 8, 7]), abs=1e-3
        )


def test_a_map_is_sampled_at_even_places():
    places = torch.rand(5, 5, 2)
    fine = sampled(places, 9)
    torch.testing.assert_close(fine[::2, ::2], places)
    torch.testing.assert_close(fine[0, 1], (places[0, 0] + places[0, 1]) / 2)


def test_blocks_have_the_shapes_that_pass_through(way):
    blocks = way.blocks
    assert blocks["view_net"].shapes[0] == (3, 16, 16) and blocks["view_net"].shapes[-1] == (6,)
    assert blocks["texture_encoder"].shapes == [(3, 16, 16), (8, 8, 8), (16, 4, 4), (16, 1, 1), (16,)]
    assert blocks["refiner"].shapes[-1] == (3, 16, 16) and (16,) not in blocks["refiner"].shapes
    assert blocks["shape_decoder"].parameters == sum(p.numel() for p in way.net.shape_decoder.parameters())
    assert not way.net.view_net._forward_hooks and not way.net.view_net[0]._forward_hooks, "nothing listens on"


def test_a_network_that_is_called_twice_is_written_down_once():
    net = nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 2))
    idle = nn.Linear(4, 4)

    def run() -> None:
        net(torch.zeros(1, 3))
        net(torch.zeros(7, 3))

    one, two = recorded({"net": net, "idle": idle}, run)
    assert one.shapes == [(3,), (5,), (2,)] and two.shapes == [] and two.parameters == 20
