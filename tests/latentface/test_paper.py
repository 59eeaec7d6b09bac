"""The paper's networks have the published keys, mean the published geometry and light, train, save and swap."""

import csv
import json
import math
from collections import defaultdict
from itertools import product
from pathlib import Path

import pytest
import torch

import latentface
from latentface.autoencoder import Codes, Scene
from latentface.camera import apply_view, rotation, unproject
from latentface.paper import PaperAutoencoder, PaperDenoiser, view_from_axis_angles
from latentface.pipeline import LatentFacePipeline
from latentface.rdm import make_scheduler, split
from latentface.shading import shade
from train import losses

KEYS = Path(__file__).parent.parent / "data" / "paper64_keys.tsv"
"""network, key, shape of every tensor of the released checkpoint."""
TINY = {"width": 8, "code": 16}


def published() -> dict[str, dict[str, list[int]]]:
    """The table as {network: {key: shape}}; netEA = netED stands for both denoisers."""
    table = defaultdict(dict)
    with KEYS.open() as file:
        for row in csv.DictReader(file, delimiter="\t"):
            table[row["network"]][row["key"]] = json.loads(row["shape"])
    return dict(table)


def shapes(state: dict) -> dict[str, list[int]]:
    return {key: list(value.shape) for key, value in state.items()}


def faces(count: int = 8) -> torch.Tensor:
    """Smooth pictures, count x 3 x 64 x 64 in [-1, 1]."""
    noise = torch.randn(count, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    return torch.nn.functional.interpolate(noise, size=(64, 64), mode="bicubic").tanh()


@pytest.fixture(scope="module")
def released() -> PaperAutoencoder:
    """The release's size with random weights."""
    torch.manual_seed(0)
    return PaperAutoencoder().eval()


def tiny() -> PaperAutoencoder:
    torch.manual_seed(0)
    return PaperAutoencoder(**TINY)


# Keys


def test_autoencoder_has_exactly_the_published_keys(released):
    table = published()
    del table["netEA = netED"]
    assert {name: shapes(net.state_dict()) for name, net in released.named_children()} == table


def test_denoiser_has_exactly_the_published_keys():
    denoiser = PaperDenoiser()
    for net in (denoiser.netED, denoiser.netEA):
        assert shapes(net.state_dict()) == published()["netEA = netED"]
    beside = {key for key in denoiser.state_dict() if not key.startswith(("netED.", "netEA."))}
    assert beside == {"mean", "std"}


def test_a_published_state_loads_strictly_and_is_used(released):
    generator = torch.Generator().manual_seed(1)
    model, denoiser = PaperAutoencoder(), PaperDenoiser()
    homes = {**dict(model.named_children()), **dict(denoiser.named_children())}
    tables = published()
    tables["netED"] = tables["netEA"] = tables.pop("netEA = netED")
    code, t = torch.randn(2, 512, generator=generator), torch.tensor([3, 300])
    first = denoiser(code, t, code)
    for name, table in tables.items():
        state = {key: torch.randn(shape, generator=generator) * 0.05 for key, shape in table.items()}
        homes[name].load_state_dict(state, strict=True)
        assert all(torch.equal(value, state[key]) for key, value in homes[name].state_dict().items())
    for one, two in zip(first.chunk(2, 1), denoiser(code, t, code).chunk(2, 1), strict=True):
        assert not torch.allclose(one, two)
    image = faces(2)
    before, after = released.encode(image), model.eval().encode(image)
    for field in ("shape", "texture", "view", "light"):
        assert not torch.allclose(getattr(before, field), getattr(after, field))


def test_parameter_counts(released):
    count = {name: sum(p.numel() for p in net.parameters()) for name, net in released.named_children()}
    table = {name: sum(math.prod(shape) for shape in rows.values()) for name, rows in published().items()}
    assert count == {name: table[name] for name in count}
    encoder, decoder = (sum(p.numel() for p in part.parameters()) for part in released.netD.children())
    assert (round(encoder / 1e6, 2), round(decoder / 1e6, 2)) == (4.85, 8.13)  # METHOD 1.1
    assert sum(p.numel() for p in PaperDenoiser().parameters()) == 2 * table["netEA = netED"] == 2 * 4_351_616


def test_layers_without_parameters_are_the_authors(released):
    """What no key shows: group sizes, slopes, strides and where the non-linearities stand (Unsup3D, networks.py)."""
    norms = [m for m in released.modules() if isinstance(m, torch.nn.GroupNorm)]
    assert norms and all(m.num_groups * 4 == m.num_channels for m in norms)  # 16 groups of 64, 32 of 128, 64 of 256
    assert {m.negative_slope for m in released.modules() if isinstance(m, torch.nn.LeakyReLU)} == {0.2}

    def names(network):
        short = {
            "Conv2d": "c",
            "ConvTranspose2d": "t",
            "GroupNorm": "g",
            "LeakyReLU": "l",
            "ReLU": "r",
            "Upsample": "u",
        }
        return "".join(short[type(m).__name__] for m in network)

    for net in (released.netD, released.netA):
        assert names(net.network1) == "cglcglcglcl" + "cr"
        assert names(net.network2) == "trcr" + 3 * "tgrcgr" + "u" + 2 * "cgr" + "c"
        assert net.network2[22].mode == "nearest"
    assert names(released.netV.network) == names(released.netL.network) == 4 * "cr" + "cr" + "c"
    assert names(released.netC.network) == "cglcglcglcl" + "cr" + "tr" + 2 * "tgr"
    assert (names(released.netC.out_net1), names(released.netC.out_net2)) == (2 * "tgr" + "c", "c")
    layers = [m for m in released.modules() if isinstance(m, (torch.nn.Conv2d, torch.nn.ConvTranspose2d))]
    assert all(m.bias is None for m in layers)


# View


def unsup3d_matrix(x: float, y: float, z: float) -> torch.Tensor:
    """Unsup3D's rotation, spelled out: about x, then y, then z, right-handed; angles in degrees."""
    (sx, cx), (sy, cy), (sz, cz) = ((math.sin(math.radians(a)), math.cos(math.radians(a))) for a in (x, y, z))
    about_x = torch.tensor([[1, 0, 0], [0, cx, -sx], [0, sx, cx]], dtype=torch.float64)
    about_y = torch.tensor([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]], dtype=torch.float64)
    about_z = torch.tensor([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]], dtype=torch.float64)
    return about_z @ about_y @ about_x


ANGLES = torch.tensor(list(product([-60.0, -37.0, -5.0, 0.0, 21.0, 44.0, 60.0], repeat=3)), dtype=torch.float64)


def test_view_keeps_unsup3ds_matrix():
    view = torch.cat([view_from_axis_angles(ANGLES), torch.zeros(len(ANGLES), 3)], 1)
    expected = torch.stack([unsup3d_matrix(*row) for row in ANGLES.tolist()])
    torch.testing.assert_close(rotation(view), expected, rtol=0, atol=1e-12)
    single = rotation(torch.cat([view_from_axis_angles(ANGLES.float()), torch.zeros(len(ANGLES), 3)], 1))
    torch.testing.assert_close(single.double(), expected, rtol=0, atol=1e-6)


def test_one_axis_at_a_time():
    found = view_from_axis_angles(torch.eye(3, dtype=torch.float64) * 40)
    expected = torch.tensor([[0, -40, 0], [-40, 0, 0], [0, 0, 40]], dtype=torch.float64)
    torch.testing.assert_close(found, expected)


def test_view_has_no_jump_and_a_bounded_gradient():
    angles = ANGLES.clone().requires_grad_()
    yaw, pitch, roll = view_from_axis_angles(angles).unbind(-1)
    assert yaw.abs().max() < 76 and pitch.abs().max() < 90 and roll.abs().max() < 90
    for part in (yaw, pitch, roll):
        (slope,) = torch.autograd.grad(part.sum(), angles, retain_graph=True)
        assert slope.isfinite().all() and slope.abs().max() < 5
    assert torch.autograd.gradcheck(view_from_axis_angles, (ANGLES[::17].clone().requires_grad_(),))


def test_points_move_as_unsup3d_moves_them():
    """Renderer.get_warped_3d_grid: about (0, 0, 1), rotate, then translate."""
    depth = 1 + 0.05 * torch.rand(1, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    points, shift = unproject(depth), torch.tensor([[0.03, -0.02, 0.0]], dtype=torch.float64)
    angles = torch.tensor([[12.0, -33.0, 7.0]], dtype=torch.float64)
    centre = torch.tensor([0, 0, 1.0], dtype=torch.float64)
    expected = (points - centre) @ unsup3d_matrix(*angles[0].tolist()).T + centre + shift
    found = apply_view(points, torch.cat([view_from_axis_angles(angles), shift], 1))
    torch.testing.assert_close(found, expected)


def test_encode_scales_view_and_light_as_the_authors():
    model = tiny()
    raw_view, raw_light = torch.tensor([0.4, -0.9, 0.2, 0.5, -1.0, 2.0]), torch.tensor([-0.3, 0.8, 1.5, -0.6])

    def says(numbers):
        return lambda module, inputs, output: numbers.expand_as(output)

    model.netV.register_forward_hook(says(raw_view))
    model.netL.register_forward_hook(says(raw_light))
    codes = model.encode(faces(1))
    view, light = raw_view.tanh(), raw_light.tanh()
    expected = unsup3d_matrix(*(60 * view[:3]).tolist()).float()
    torch.testing.assert_close(rotation(codes.view)[0], expected, rtol=0, atol=1e-6)
    torch.testing.assert_close(codes.view[0, 3:], torch.tensor([0.1 * view[3], 0.1 * view[4], 0.0]))
    torch.testing.assert_close(codes.light[0], torch.stack([light[0] / 2 + 0.5, light[1] / 2 + 0.5, *light[2:]]))


# Light


def test_shade_is_unsup3ds():
    """(albedo/2+.5) * (a + b * max(0, n.l)) * 2 - 1, n = d/dx x d/dy with z positive, l = (dx, dy, 1) normalised."""
    generator = torch.Generator().manual_seed(3)
    bumps = torch.rand(4, 1, 6, 6, dtype=torch.float64, generator=generator)
    depth = 0.95 + 0.1 * torch.nn.functional.interpolate(bumps, size=(24, 24), mode="bicubic")[:, 0]
    albedo = torch.rand(4, 3, 24, 24, dtype=torch.float64, generator=generator) * 2 - 1
    light = torch.rand(4, 4, dtype=torch.float64, generator=generator)
    light[:, 2:] = light[:, 2:] * 2 - 1
    focal = 23 / 2 / math.tan(math.radians(5))
    place = torch.arange(24, dtype=torch.float64) - 23 / 2
    x, y = place[None, :] / focal * depth, place[:, None] / focal * depth
    points = torch.stack([x, y, depth], -1)
    along_x, along_y = points[:, 1:-1, 2:] - points[:, 1:-1, :-2], points[:, 2:, 1:-1] - points[:, :-2, 1:-1]
    normal = torch.linalg.cross(along_x, along_y)
    normal = normal / normal.norm(dim=-1, keepdim=True)
    assert (normal[..., 2] > 0).all()
    direction = torch.cat([light[:, 2:], torch.ones(4, 1, dtype=torch.float64)], 1)
    direction = direction / direction.norm(dim=1, keepdim=True)
    diffuse = (normal * direction[:, None, None]).sum(-1).clamp(min=0)
    assert diffuse.std() > 0.1  # the light makes a difference here
    shading = light[:, 0, None, None] + light[:, 1, None, None] * diffuse
    expected = (albedo[..., 1:-1, 1:-1] / 2 + 0.5) * shading[:, None] * 2 - 1
    torch.testing.assert_close(shade(albedo, depth, light)[..., 1:-1, 1:-1], expected)


def test_light_travels_along_its_direction():
    """dx > 0: light goes to the image's right, so the side of a bump that faces left is the bright one."""
    u = torch.linspace(-1, 1, 32)
    depth = (1 - 0.08 * torch.exp(-(u[None] ** 2 + u[:, None] ** 2) * 4))[None]
    lit = shade(torch.zeros(1, 3, 32, 32), depth, torch.tensor([[0.0, 1.0, 0.8, 0.0]]))
    assert lit[0, 0, 16, 10] > lit[0, 0, 16, 21] + 0.2


# Shapes, ranges, learning


def test_shapes_and_ranges(released):
    image = faces(2)
    with torch.no_grad():
        codes, scene, confidence, features = released(image, features=True)
    assert released.size == 64
    assert isinstance(codes, Codes) and isinstance(scene, Scene)
    assert codes.shape.shape == codes.texture.shape == (2, 256)
    assert codes.view.shape == (2, 6) and codes.light.shape == (2, 4)
    assert (codes.shape >= 0).all() and (codes.shape > 0).any() and (codes.texture >= 0).all()
    assert (codes.view[:, 5] == 0).all() and codes.view[:, 3:5].abs().max() <= 0.1
    assert (codes.light[:, :2] >= 0).all() and codes.light.abs().max() <= 1
    assert scene.raw_depth is not None
    assert scene.depth.shape == scene.raw_depth.shape == (2, 64, 64) and scene.albedo.shape == (2, 3, 64, 64)
    assert scene.depth.min() >= 0.9 and scene.depth.max() <= 1.1 and scene.albedo.abs().max() <= 1
    assert torch.allclose(scene.depth[..., [0, 1, -2, -1]], torch.tensor(1.04))
    raw = released.netD.network2(released.netD.network1(image))[:, 0]
    inner = (1 + 0.1 * (raw - raw.mean((1, 2), keepdim=True)).tanh())[..., 2:-2]
    torch.testing.assert_close(scene.depth[..., 2:-2], inner)
    assert confidence.shape == (2, 2, 64, 64) and features.shape == (2, 2, 16, 16)
    softplus = torch.nn.functional.softplus(released.netC(image)[1])
    torch.testing.assert_close(features.exp(), softplus, rtol=1e-4, atol=1e-6)
    assert len(released(image)) == 3 and torch.equal(released.confidence(image), confidence)


@pytest.mark.parametrize("size", [32, 128])
def test_another_size_is_refused(size):
    with pytest.raises(ValueError, match="64 x 64"):
        tiny().encode(torch.zeros(1, 3, size, size))


@pytest.mark.parametrize("make", [lambda: PaperAutoencoder(width=12), lambda: PaperDenoiser(widths=(64, 32))])
def test_a_width_that_cannot_be_normalised_is_refused(make):
    with pytest.raises(ValueError, match="width must be"):
        make()


def test_gaussian_feature_against_the_formula():
    generator = torch.Generator().manual_seed(0)
    one, two = torch.randn(2, 2, 3, 4, 4, generator=generator)
    sigma = torch.rand(2, 1, 4, 4, generator=generator) + 0.1
    mask = (torch.rand(2, 1, 16, 16, generator=generator) > 0.3).float()
    total = weight = 0.0
    for b, c, y, x in product(range(2), range(3), range(4), range(4)):
        share = mask[b, 0, 4 * y : 4 * y + 4, 4 * x : 4 * x + 4].mean().item()
        s = sigma[b, 0, y, x].item()
        total += share * ((one[b, c, y, x].item() - two[b, c, y, x].item()) ** 2 / (2 * s**2) + math.log(s))
        weight += share
    assert losses.gaussian_feature(one, two, sigma.log(), mask).item() == pytest.approx(total / weight, rel=1e-5)
    assert losses.gaussian_feature(one, two, sigma.log(), mask * 0).item() == 0


def paper_loss(model: PaperAutoencoder, image: torch.Tensor) -> torch.Tensor:
    """Unsup3D's objective with the picture averaged to 16 px in the place of VGG's features."""
    _, scene, pixels, places = model(image, features=True)
    total, shrink = torch.tensor(0.0), torch.nn.AdaptiveAvgPool2d(16)
    pictures = [scene.render(), scene.flip().render()]
    mask = pictures[0][1] * pictures[1][1]
    for side, (weight, (picture, _)) in enumerate(zip((1, 0.5), pictures, strict=True)):
        total = total + weight * losses.laplace(picture, image, pixels[:, side : side + 1], mask)
        terms = shrink(picture), shrink(image), places[:, side : side + 1], mask
        total = total + weight * losses.gaussian_feature(*terms)
    return total


def test_steps_lower_the_loss_and_reach_every_parameter():
    model, image = tiny(), faces(8)
    optimizer = torch.optim.Adam(model.parameters(), 2e-3, weight_decay=5e-4)
    history = []
    for step in range(12):
        loss = paper_loss(model, image)
        optimizer.zero_grad()
        loss.backward()
        if not step:
            for name, parameter in model.named_parameters():
                assert parameter.grad is not None and parameter.grad.isfinite().all() and parameter.grad.any(), name
        optimizer.step()
        history.append(loss.item())
    assert all(math.isfinite(value) for value in history) and history[-1] < history[0] - 0.1


def test_denoiser_learns_to_copy_its_condition():
    torch.manual_seed(0)
    denoiser = PaperDenoiser(code=8)
    optimizer = torch.optim.Adam(denoiser.parameters(), 3e-3)
    condition, noise, t = torch.randn(64, 8), torch.randn(64, 8), torch.randint(1000, (64,))
    history = []
    for _ in range(16):
        loss = (denoiser(noise, t, condition) - condition).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        history.append(loss.item())
    assert history[-1] < 0.2 * history[0]
    with torch.no_grad():
        one, other = (denoiser(noise[:2], torch.tensor(time), condition[:2]) for time in ([10, 900], [0, 0]))
    assert one.shape == (2, 8) and not torch.allclose(one, other)


def test_denoiser_takes_noise_first_and_condition_second():
    """And each network its own half of both."""
    denoiser = PaperDenoiser(code=16, widths=(64, 96)).eval()
    sample, condition, t = torch.randn(3, 16), torch.randn(3, 16), torch.tensor([5, 50, 500])
    halves = zip((denoiser.netED, denoiser.netEA), sample.chunk(2, 1), condition.chunk(2, 1), strict=True)
    expected = [net(torch.cat([s, c], 1)[..., None, None], t).sample[..., 0, 0] for net, s, c in halves]
    torch.testing.assert_close(denoiser(sample, t, condition), torch.cat(expected, 1))


def test_standardize_is_the_identity_until_set():
    denoiser, code = PaperDenoiser(code=8, widths=(64, 64)), torch.rand(3, 8)
    assert torch.equal(denoiser.standardize(code), code) and torch.equal(denoiser.restore(code), code)
    denoiser.mean.fill_(2.0)
    denoiser.std.fill_(4.0)
    torch.testing.assert_close(denoiser.standardize(code), (code - 2) / 4)
    torch.testing.assert_close(denoiser.restore(denoiser.standardize(code)), code)


# Files


def test_saved_and_loaded_networks_answer_the_same(tmp_path):
    model, image = tiny().eval(), faces(2)
    model.save_pretrained(tmp_path / "autoencoder")
    again = PaperAutoencoder.from_pretrained(tmp_path / "autoencoder").eval()
    assert again.config["code"] == 16 and again.config["width"] == 8
    denoiser = PaperDenoiser(code=16, widths=(64, 96)).eval()
    denoiser.mean.fill_(0.3)
    denoiser.save_pretrained(tmp_path / "denoiser")
    other = PaperDenoiser.from_pretrained(tmp_path / "denoiser").eval()
    with torch.no_grad():
        assert torch.equal(model.encode(image).shape, again.encode(image).shape)
        assert torch.equal(model.confidence(image), again.confidence(image))
        code, t = torch.rand(2, 16), torch.tensor([3, 300])
        assert torch.equal(denoiser(code, t, code), other(code, t, code)) and torch.equal(denoiser.mean, other.mean)


def test_pipeline_loads_and_swaps(tmp_path):
    torch.manual_seed(0)
    denoiser = PaperDenoiser(code=32, widths=(64, 64)).eval()
    LatentFacePipeline(tiny().eval(), denoiser, make_scheduler()).save_pretrained(tmp_path)
    pipeline = latentface.load_pipeline(tmp_path)
    assert isinstance(pipeline.autoencoder, latentface.PaperAutoencoder) and pipeline.size == 64
    assert isinstance(pipeline.denoiser, latentface.PaperDenoiser)
    codes = pipeline.encode(faces(2))
    one, two = codes[:1], codes[1:]
    swapped = pipeline.swap(one, two)
    part = {"scheduler": pipeline.scheduler, "samples": 8}
    with torch.no_grad():
        a, b = (split(pipeline.denoiser, code=c.face, **part) for c in (one, two))
    torch.testing.assert_close(swapped.face, a.identity + b.expression)
    torch.testing.assert_close(swapped.view, one.view)
    picture, mask = pipeline.decode(swapped).render()
    assert picture.shape == (1, 3, 64, 64) and picture.isfinite().all() and mask.mean() > 0.5
