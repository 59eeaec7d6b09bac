"""Stage 1's network at tiny sizes: what goes in, what comes out, and that saving loses nothing."""

import pytest
import torch
import torch.nn.functional as F

from latentface.autoencoder import Autoencoder, clamp_border, depth_from_raw
from latentface.blocks import Enlarger, Refiner, TextureBasis
from latentface.camera import BORDER_DEPTH
from latentface.codes import Codes, Scene
from latentface.rendering import render, unrender
from latentface.shading import shade
from tests.helpers import TINY, random_codes, smooth, tiny_autoencoder


def everything(model: Autoencoder, image: torch.Tensor) -> tuple[Codes, Scene, torch.Tensor]:
    """Codes, scene and log confidence."""
    codes = model.encode(image)
    return codes, model.decode(codes), model.confidence(image)


@pytest.mark.parametrize("size", [16, 32])
def test_shapes_and_ranges(size):
    model = tiny_autoencoder(size=size, code=24)
    image = smooth((3, 3, size, size), 0)
    with torch.no_grad():
        codes, scene, confidence = everything(model, image)
    assert codes.shape.shape == codes.texture.shape == (3, 24)
    assert codes.view.shape == (3, 6) and codes.light.shape == (3, 4)
    assert scene.depth.shape == scene.raw_depth.shape == (3, size, size) and scene.albedo.shape == (3, 3, size, size)
    assert confidence.shape == (3, 2, size, size) and scene.canonical.shape == image.shape
    rendered, mask = scene.render(24)
    assert rendered.shape == (3, 3, 24, 24) and mask.shape == (3, 1, 24, 24)
    for tensor in (
        codes.shape,
        codes.texture,
        codes.view,
        codes.light,
        scene.depth,
        scene.albedo,
        confidence,
        rendered,
    ):
        assert tensor.dtype == torch.float32 and torch.isfinite(tensor).all()
    assert torch.equal(scene.view, codes.view) and torch.equal(scene.light, codes.light)


@pytest.mark.parametrize("changing", [(0, 0, 0), (0, 0, 1)])
def test_view_light_and_depth_stay_in_their_bounds(changing):
    """How near a head comes is left open only where other frames can tell."""
    model = tiny_autoencoder(max_angle=50.0, max_shift=0.2, changing=changing)
    with torch.no_grad():
        for net in (model.view_net, model.light_net):  # saturated, whatever the picture
            net[-2].weight.mul_(1e5)
        model.shape_decoder.head.weight.mul_(1e6)
        codes = model.encode(torch.randn(64, 3, 16, 16, generator=torch.Generator().manual_seed(0)))
        scene = model.decode(codes)
    angles, shift = codes.view[:, :3].abs(), codes.view[:, 3:5].abs()
    assert 49 < angles.max() <= 50 and 0.19 < shift.max() <= 0.2
    nearer = codes.view[:, 5].abs().max()
    assert 0.19 < nearer <= 0.2 if any(changing) else nearer == 0
    ambient, direction = codes.light[:, :2], codes.light[:, 2:]
    assert 0 <= ambient.min() < 0.01 and 0.99 < ambient.max() <= 1
    assert -1 <= direction.min() < -0.99 and 0.99 < direction.max() <= 1
    assert 0.9 <= scene.depth.min() < 0.91 and 1.09 < scene.depth.max() <= 1.1


def test_depth_of_raw_values_against_the_formula():
    raw = smooth((2, 16, 16), 3) * 3 + torch.tensor([5.0, -7.0])[:, None, None]
    depth = depth_from_raw(raw)
    for i in range(2):
        mean = float(raw[i].double().mean())
        expected = 1.0 + 0.1 * torch.tanh(raw[i].double() - mean)
        torch.testing.assert_close(depth[i].double(), expected, atol=1e-6, rtol=0)


def test_the_clamped_border_is_two_columns_without_gradients():
    depth = (1 + 0.1 * smooth((2, 16, 16), 3)).requires_grad_()
    clamped = clamp_border(depth)
    assert torch.equal(clamped[..., 2:-2], depth[..., 2:-2])
    for column in (0, 1, -2, -1):
        torch.testing.assert_close(clamped[..., column], torch.full((2, 16), BORDER_DEPTH))
    clamped.sum().backward()
    expected = torch.ones(2, 16, 16)
    expected[..., [0, 1, -2, -1]] = 0
    assert torch.equal(depth.grad, expected)


def test_mirrored_picture_mirrors_view_and_light():
    """yaw, roll and x of view and light change their sign, the rest stays, in any training state."""
    model, image = tiny_autoencoder(), torch.randn(4, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        model.view_net[-2].weight.mul_(30)
        model.light_net[-2].weight.mul_(30)
        one, other = model.encode(image), model.encode(image.flip(-1))
    torch.testing.assert_close(other.view, one.view * torch.tensor([-1, 1, -1, -1, 1, 1]), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(other.light, one.light * torch.tensor([1, 1, -1, 1]), atol=1e-5, rtol=1e-4)
    assert (one.view[:, :5].abs().amax(0) > 1e-2).all() and one.light[:, 2].abs().max() > 1e-2


def test_first_depth_is_convex():
    """Whatever it is shown, an untrained model starts from a face that bulges towards the camera."""
    for seed in range(3):
        model = tiny_autoencoder(seed, size=32)
        with torch.no_grad():
            depth = model.decode(model.encode(smooth((4, 3, 32, 32), seed))).depth
        middle, cheeks = depth[:, 14:18, 14:18].mean((1, 2)), depth[:, 14:18, [6, 7, 24, 25]].mean((1, 2))
        forehead, chin = depth[:, 3:6, 14:18].mean((1, 2)), depth[:, -6:-3, 14:18].mean((1, 2))
        assert (middle < cheeks - 0.01).all() and (middle < forehead - 0.01).all() and (middle < chin - 0.01).all()
        assert (depth[:, 2:-2, 2:-2].diff(n=2, dim=-1)[:, 12:16, 12:14] > 0).all()


def test_first_view_and_light_are_near_the_middle():
    codes = tiny_autoencoder().encode(smooth((16, 3, 16, 16), 1))
    assert codes.view[:, :3].abs().max() < 30 and (codes.light[:, :2] - 0.5).abs().max() < 0.3


@pytest.mark.parametrize("size", [8, 15, 32])
def test_wrong_image_size(size):
    with pytest.raises(ValueError, match=rf"16 x 16 crops, not \({size}, {size}\)"):
        tiny_autoencoder().encode(torch.zeros(1, 3, size, size))
    with pytest.raises(ValueError, match="16 x 16"):
        tiny_autoencoder().encode(torch.zeros(1, 3, 16, size))


@pytest.mark.parametrize("size", [0, 8, 24, 100])
def test_wrong_model_size(size):
    with pytest.raises(ValueError, match=f"16, 32, 64 or 128, not {size}"):
        Autoencoder(**{**TINY, "size": size})


@pytest.mark.parametrize("options", [{}, {"low_cpu_mem_usage": False}])
def test_saved_and_loaded_is_the_same_model(tmp_path, options):
    model = tiny_autoencoder(5, bump=0.3)
    model.save_pretrained(tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {"config.json", "diffusion_pytorch_model.safetensors"}
    loaded = Autoencoder.from_pretrained(tmp_path, **options)
    assert loaded.config.bump == 0.3 and all(loaded.config[name] == value for name, value in TINY.items())
    image = smooth((2, 3, 16, 16), 2)
    with torch.no_grad():
        codes, scene, confidence = everything(model, image)
        again, scene_again, confidence_again = everything(loaded, image)
    for name in ("shape", "texture", "view", "light"):
        assert torch.equal(getattr(codes, name), getattr(again, name)), name
    assert torch.equal(scene.depth, scene_again.depth) and torch.equal(scene.albedo, scene_again.albedo)
    assert torch.equal(confidence, confidence_again)


def test_codes_join_in_their_order():
    one, two = random_codes(2), random_codes(3, seed=1)
    both = Codes.cat([one, two])
    for name in ("shape", "texture", "view", "light"):
        assert torch.equal(getattr(both, name)[:2], getattr(one, name))
        assert torch.equal(getattr(both, name)[2:], getattr(two, name))


def test_a_warp_needs_a_grid():
    with pytest.raises(ValueError, match="layout_grid must be at least 2, not 0"):
        Autoencoder(**{**TINY, "layout_grid": 0})


def test_codes_index_and_convert():
    codes = random_codes(4)
    one = codes[2:3]
    assert torch.equal(one.view, codes.view[2:3]) and one.shape.shape == (1, 16)
    doubled = codes.to(torch.float64)
    assert doubled.light.dtype == doubled.texture.dtype == torch.float64


def grown_pair() -> tuple[Autoencoder, Autoencoder]:
    """A 64 px model with random weights, and a 128 px model that took them over."""
    torch.manual_seed(0)
    tiny = {k: v for k, v in TINY.items() if k != "size"}
    small, big = Autoencoder(size=64, **tiny), Autoencoder(size=128, **tiny)
    for network in (small.shape_encoder, small.shape_decoder, small.view_net, small.texture_encoder):
        for parameter in network.parameters():
            torch.nn.init.normal_(parameter, std=0.05)
    own = big.state_dict()
    big.load_state_dict({**own, **{k: v for k, v in small.state_dict().items() if own[k].shape == v.shape}})
    return small.eval(), big.eval()


def test_a_small_model_grows_into_a_big_one():
    """Trained weights of 64 px are a 128 px model's start: same codes, and maps that show the same face."""
    small, big = grown_pair()
    image = torch.rand(2, 3, 128, 128) * 2 - 1
    codes, scene, confidence = everything(big, image)
    small_codes = small.encode(F.avg_pool2d(image, 2))
    for name in ("shape", "texture", "view", "light"):
        torch.testing.assert_close(getattr(codes, name), getattr(small_codes, name), atol=1e-4, rtol=1e-3)
    coarse = small.decode(small_codes)
    assert (
        scene.depth.shape == (2, 128, 128)
        and scene.albedo.shape == (2, 3, 128, 128)
        and confidence.shape == (2, 2, 128, 128)
    )
    pooled = F.avg_pool2d(torch.cat([scene.depth[:, None], scene.albedo], 1), 2)
    assert (pooled[:, 0] - coarse.depth)[:, 2:-2, 2:-2].abs().max() < 0.1 * coarse.depth.std()
    assert (pooled[:, 1:] - coarse.albedo)[
        ..., 2:-2, 2:-2
    ].abs().mean() < 0.3 * coarse.albedo.std()  # noise: cubic blurs it


@pytest.mark.parametrize("seed", range(3))
def test_projection_against_least_squares(seed):
    """Directions askew and of unlike lengths; a ridge of 1e-4 of their mean square, as further rows, holds them."""
    torch.manual_seed(seed)
    basis = TextureBasis(16, 5)
    with torch.no_grad():
        root = basis.weight.sqrt().expand(3, -1, -1).flatten()
        basis.directions.copy_(
            (torch.randn(5, 5) @ torch.randn(5, 768) * torch.tensor([3.0, 2, 1, 0.7, 0.5])[:, None]).view(5, 3, 16, 16)
        )
        basis.mean.normal_()
        code, albedo = torch.randn(4, 5), torch.randn(4, 3, 16, 16)
        matrix = (basis.directions.flatten(1).T * root[:, None]).double()
        ridge = (1e-4 * matrix.square().sum(0).mean() + 1e-8).sqrt() * torch.eye(5, dtype=torch.float64)
        values = ((albedo - basis.mean).flatten(1) * root).T.double()
        wanted = torch.linalg.lstsq(torch.cat([matrix, ridge]), torch.cat([values, torch.zeros(5, 4)])).solution.T
        torch.testing.assert_close(basis.project(albedo), wanted.float(), atol=1e-4, rtol=1e-3)
        error = (
            (basis(basis.project(basis(code))) - basis(code)).flatten(1) * root
        ).norm()  # what the basis drew, it draws again
        assert error < 0.01 * ((basis(code) - basis.mean).flatten(1) * root).norm()
        basis.directions.zero_()
        assert (basis.project(albedo) == 0).all()


def test_the_pseudoinverse_follows_its_directions(tmp_path):
    """In training mode at once; in evaluation mode when weights are loaded, the mode is set, or refresh is called."""
    model, other = tiny_autoencoder(), tiny_autoencoder(1)
    basis, albedo = model.texture_basis, smooth((2, 3, 16, 16), 0)
    before = basis.project(albedo)

    def afresh() -> torch.Tensor:
        twin = TextureBasis(16, 16)
        twin.load_state_dict(basis.state_dict())
        return twin.project(albedo)

    with torch.no_grad():
        basis.directions.mul_(2)
        assert torch.equal(basis.project(albedo), before)
        basis.refresh()
        torch.testing.assert_close(basis.project(albedo), before / 2, atol=1e-5, rtol=1e-4)
        model.train()
        basis.directions.mul_(2)
        torch.testing.assert_close(basis.project(albedo), before / 4, atol=1e-5, rtol=1e-4)
        basis.directions.normal_()
        model.eval()
        assert torch.equal(basis.project(albedo), afresh())
        model.load_state_dict(other.state_dict())
        assert torch.equal(basis.project(albedo), other.texture_basis.project(albedo))
        model.double().float()
        torch.testing.assert_close(basis.project(albedo), afresh(), atol=1e-5, rtol=1e-4)
    assert "texture_basis.inverse" not in model.state_dict()
    model.save_pretrained(tmp_path)
    assert torch.equal(Autoencoder.from_pretrained(tmp_path).texture_basis.project(albedo), afresh())


@pytest.mark.parametrize("size, coarse", [(32, 32), (32, 16)])
def test_the_refiner_adds_nothing_at_first_and_learns(size, coarse):
    refiner = Refiner(size, coarse, 8, 4)
    albedo, code = smooth((2, 3, coarse, coarse), 0), torch.randn(2, 4)
    large = albedo if size == coarse else F.interpolate(albedo, scale_factor=2, mode="bicubic")
    assert torch.equal(refiner(albedo, code), large)
    refiner(albedo, code).square().sum().backward()
    assert refiner.head.weight.grad.abs().sum() > 0
    torch.nn.init.normal_(refiner.head.weight, std=0.1)
    with torch.no_grad():
        assert (refiner(albedo, code) - refiner(albedo, code.flip(0))).abs().max() > 1e-3  # it heeds the code
        one, both = refiner(albedo[:1], code[:1]), refiner(albedo, code)
    torch.testing.assert_close(one, both[:1])
    refiner(albedo, code).square().sum().backward()
    first = [
        refiner.inlet.weight,
        refiner.code.weight,
        refiner.near.weight,
        refiner.blocks[0][-1].weight,
        refiner.fine[1][-1].weight,
    ]
    assert all(weight.grad.abs().sum() > 0 for weight in first)


def turned_face(yaw: float) -> tuple[Autoencoder, torch.Tensor, torch.Tensor, torch.Tensor]:
    """A model, a symmetric albedo, and its picture at a yaw under a light from the side (with the view and light)."""
    model = tiny_autoencoder(size=64)
    depth = model.average_depth[None]
    albedo = smooth((1, 3, 64, 64), 4, coarse=6)
    albedo = 0.6 * (albedo + albedo.flip(-1)) / 2
    view, light = torch.tensor([[yaw, 4.0, 2.0, 0.01, 0, 0]]), torch.tensor([[0.6, 0.4, 0.8, 0.1]])
    image, _ = render(shade(albedo, depth, light), depth, view)
    return model, albedo, image, (view, light)


@pytest.mark.parametrize("yaw", [0.0, 20.0, -35.0])
def test_the_front_of_a_turned_lit_face_is_its_albedo(yaw):
    model, albedo, image, (view, light) = turned_face(yaw)
    front = model.frontal(image, model.average_depth[None], view, light).filled
    inner = (slice(None), slice(None), slice(12, 52), slice(12, 52))
    assert (front - albedo)[inner].abs().mean() < 0.03
    untouched = image - albedo
    assert untouched[inner].abs().mean() > 0.08 or yaw == 0


def test_what_the_head_hides_is_taken_from_its_mirror_side():
    model, albedo, image, (view, light) = turned_face(50.0)
    filled, front = model.frontal(image, model.average_depth[None], view, light)
    _, seen = unrender(image, model.average_depth[None], view)
    hidden = ((seen < 0.1) & (seen.flip(-1) > 0.9))[:, :, 8:56]
    assert hidden.sum() > 30
    wrong, mended = (
        (found - albedo)[:, :, 8:56].abs().mean(1, keepdim=True)[hidden].mean() for found in (front, filled)
    )
    assert mended < 0.06 < wrong


def test_codes_carry_no_gradient_through_the_turning():
    """The loss moves view and light where they draw the picture, not by choosing what the texture encoder sees."""
    model = tiny_autoencoder()
    with torch.no_grad():
        model.texture_encoder[-2].weight.normal_()
    model.encode(smooth((2, 3, 16, 16), 0)).texture.square().sum().backward()
    assert model.texture_encoder[0].weight.grad.abs().sum() > 0 and model.texture_basis.directions.grad is None
    assert model.view_net[0].weight.grad is None and model.shape_encoder[0].weight.grad is None


def test_a_fine_scene_is_the_same_face_with_more_pixels():
    model = tiny_autoencoder(enlarger_base=8, softness=2)
    with torch.no_grad():
        codes = model.encode(smooth((2, 3, 16, 16), 0))
        torch.nn.init.normal_(model.enlarger.head.weight, std=0.1)
        plain, fine = model.decode(codes), model.decode_fine(codes)
        assert fine.albedo.shape == fine.canonical.shape == fine.render()[0].shape == (2, 3, 32, 32)
        assert torch.equal(fine.depth, plain.depth) and torch.equal(fine.view, plain.view) and fine.softness == 2
        small, mask = fine.render(16)
        assert small.shape == (2, 3, 16, 16) and set(mask.unique().tolist()) <= {0.0, 1.0}
        torch.testing.assert_close(mask, plain.render()[1], atol=1.0, rtol=0)
        whole, there = fine.render()
        inner = F.avg_pool2d(there, 2) == 1
        assert torch.equal(small[inner.expand_as(small)], F.avg_pool2d(whole, 2)[inner.expand_as(small)])
        assert fine.half().albedo.shape == (2, 3, 16, 16) and fine.half().depth.shape == (2, 8, 8)


def test_without_an_enlarger_both_decodings_are_one():
    model = tiny_autoencoder()
    with torch.no_grad():
        codes = model.encode(smooth((1, 3, 16, 16), 0))
        assert torch.equal(model.decode(codes).albedo, model.decode_fine(codes).albedo)


def test_an_enlarger_changes_neither_colour_nor_local_brightness():
    torch.manual_seed(0)
    enlarger = Enlarger(32, 16, 8, 8)
    for part in enlarger.head.parameters():
        torch.nn.init.normal_(part, 0.2, 0.2)
    albedo, features = smooth((1, 3, 32, 32), 0), smooth((1, 8, 16, 16), 1)
    with torch.no_grad():
        added = enlarger(albedo, features) - F.interpolate(albedo, scale_factor=2, mode="bicubic", align_corners=True)
    torch.testing.assert_close(added[:, :1].expand(-1, 3, -1, -1), added, atol=1e-6, rtol=0)
    assert added.abs().mean() > 0.1 and F.avg_pool2d(added, 32)[0, 0].abs().max() < 0.05
