"""The objective on clips, term by term against plain loops, and its renderer."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from latentface.codes import Scene
from latentface.shading import shading
from tests.helpers import TINY, bump, smooth, tiny_autoencoder
from train import losses
from train.stage1.clip_objective import clip_objective, render_by_marching, variance_shares, view_correlation
from train.stage1.config import AutoencoderConfig
from train.stage1.congealing import bending
from train.stage1.discriminator import Discriminator
from train.stage1.mixing import FRAMES, draw_mix
from train.stage1.networks import Outputs, TrainingAutoencoder

EXPRESSION = {"changing": (1, 3, 4)}
CONFIG = AutoencoderConfig(
    borrowed=0.5, gate=0.1, following=0.3, habits=0.4, unsteady=0.5, stiffness=0.6, laplacian=0.7, raw_depth=0.8,
    gradient=0.9, average_laplacian=0.2,
)  # fmt: skip


def training_autoencoder(**changes) -> TrainingAutoencoder:
    torch.manual_seed(0)
    return TrainingAutoencoder(**{**TINY, **changes}).eval()


def test_the_expression_subspace():
    model = tiny_autoencoder(**EXPRESSION)
    assert model.expression_mask("shape").nonzero().flatten().tolist() == [3, 13, 14, 15]  # the first four are depth's
    assert model.expression_mask("texture").nonzero().flatten().tolist() == [12, 13, 14, 15]
    still = tiny_autoencoder()
    assert not still.expression_mask("shape").any() and not still.expression_mask("texture").any()


def naive_shares(numbers: list[float]) -> tuple[float, float]:
    clips = [numbers[i : i + FRAMES] for i in range(0, len(numbers), FRAMES)]
    means = [sum(clip) / FRAMES for clip in clips]
    within = sum((value - mean) ** 2 for clip, mean in zip(clips, means, strict=True) for value in clip) / (
        len(clips) * (FRAMES - 1)
    )
    middle = sum(means) / len(means)
    between = sum((mean - middle) ** 2 for mean in means) / (len(means) - 1) - within / FRAMES
    return within / (within + between), between / (within + between)


def test_shares_against_a_loop():
    generator = torch.Generator().manual_seed(0)
    code = torch.randn(20, 6, generator=generator) + torch.randn(5, 6, generator=generator).repeat_interleave(4, 0)
    within, between = variance_shares(code)
    for c in range(6):
        assert (float(within[c]), float(between[c])) == pytest.approx(naive_shares(code[:, c].tolist()), rel=1e-4)


def test_shares_of_what_only_stays_and_of_what_only_changes():
    generator = torch.Generator().manual_seed(0)
    stays, changes = torch.randn(2000, generator=generator).repeat_interleave(4), torch.randn(8000, generator=generator)
    code = torch.stack(
        [stays, changes, stays + changes, 100 * (stays + changes) + 7, torch.ones(8000)], 1
    ).requires_grad_()
    within, between = variance_shares(code)
    torch.testing.assert_close(within, torch.tensor([0, 1, 0.5, 0.5, 0]), atol=0.05, rtol=0)
    torch.testing.assert_close(between, torch.tensor([1, 0, 0.5, 0.5, 0]), atol=0.05, rtol=0)
    torch.testing.assert_close(within[2:4], within[2].expand(2))  # whatever a number's unit
    (within.sum() + between.sum()).backward()
    assert torch.isfinite(code.grad).all()
    alone, nobody = variance_shares(code[:4])
    assert torch.isfinite(alone).all() and torch.isfinite(nobody).all()


def test_following_against_correlations():
    generator = torch.Generator().manual_seed(0)
    code, view = (
        torch.randn(24, 5, generator=generator),
        torch.randn(24, 6, generator=generator) * torch.tensor([20, 9, 4, 0.03, 0.03, 0]),
    )
    known = torch.cat([view[:, :5], view[:, :5].square()], 1)  # the sixth is always 0: nothing follows it
    found = [torch.corrcoef(torch.stack([code[:, i], known[:, j]]))[0, 1] ** 2 for i in range(5) for j in range(10)]
    assert float(view_correlation(code, view)) == pytest.approx(float(sum(found)) / (5 * 12), rel=1e-4)
    code.requires_grad_()
    view.requires_grad_()
    view_correlation(code, view).backward()
    assert view.grad is None and code.grad.abs().sum() > 0
    assert view_correlation(code[:, :0], view) == 0
    assert (
        view_correlation(3 * view[:, :1] + 5, view).item()
        > 1 / 12
        > 5 * view_correlation(torch.randn(4000, 1), torch.randn(4000, 6)).item()
    )


def scene_of(size: int, depth_size: int, softness: int = 1) -> Scene:
    generator = torch.Generator().manual_seed(0)
    depth = bump(depth_size).expand(3, -1, -1) + 0.01 * smooth((3, depth_size, depth_size), 1)
    view = torch.randn(3, 6, generator=generator) * torch.tensor([18, 8, 6, 0.01, 0.01, 0.01])
    light = torch.tensor([[0.6, 0.4, 0.3, 0.2], [0.5, 0.5, -0.6, 0.1], [0.7, 0.3, 0, 0.4]])
    return Scene(depth, 0.7 * smooth((3, 3, size, size), 2, coarse=8), view, light, softness=softness)


@pytest.mark.parametrize("size, depth_size, softness", [(32, 32, 1), (64, 64, 4), (128, 64, 2)])
def test_the_marched_picture_is_the_rendered_one(size, depth_size, softness):
    scene = scene_of(size, depth_size, softness)
    found, mask = render_by_marching(scene, size)
    depth = F.interpolate(scene.depth[:, None], (size, size), mode="bicubic", align_corners=True)[:, 0]
    wanted, there = replace(scene, depth=depth).render()
    assert (
        found.shape == (3, 3, size, size)
        and mask.shape == (3, 1, size, size)
        and set(mask.unique().tolist()) <= {0.0, 1.0}
    )
    assert (mask != there).float().mean() < 0.04 and (found[(mask == 0).expand_as(found)] == 0).all()
    inner = F.max_pool2d(1 - mask * there, 5, 1, 2) == 0  # outlines may differ by a pixel
    assert inner.float().mean() > 0.6
    error = ((found - wanted).abs() * inner).sum() / inner.sum() / 3
    assert error < 0.02 < (scene.albedo - wanted).abs().mean() / 5


def test_gradients_of_the_marched_picture_point_where_the_rendered_ones_do():
    weight = smooth((3, 3, 32, 32), 5)
    grads = []
    for draw in (lambda scene: render_by_marching(scene, 32), lambda scene: scene.render()):
        scene = scene_of(32, 32)
        leaves = [leaf.requires_grad_() for leaf in (scene.albedo, scene.light, scene.view, scene.depth)]
        picture, mask = draw(scene)
        grads.append(torch.autograd.grad((picture * mask * weight).sum(), leaves))
    for one, two, least in zip(*grads, (0.98, 0.98, 0.95, 0.8), strict=True):
        assert F.cosine_similarity(one.flatten(), two.flatten(), 0) > least


def test_light_teaches_depth_as_much_as_it_is_asked_to():
    grads = []
    for share in (0.0, 0.4, 1.0):
        scene = replace(
            scene_of(32, 32), view=torch.zeros(3, 6), shading_gradient=share
        )  # from the front depth is seen by its light alone
        picture, mask = render_by_marching(scene, 32)
        torch.testing.assert_close(picture, render_by_marching(replace(scene, shading_gradient=1.0), 32)[0])
        scene.depth.requires_grad_()
        (shading(scene.lit_depth, scene.light) * smooth((3, 1, 32, 32), 5)).sum().backward()
        grads.append(scene.depth.grad.clone())
    assert grads[0].abs().max() == 0 < grads[2].abs().max()
    torch.testing.assert_close(grads[1], 0.4 * grads[2])


def test_the_average_relief_learns_and_what_a_face_adds_stays_smooth():
    """A nose that all faces share goes into the average relief; the weight on the own relief does not hold it back."""
    model, image, _ = outputs_of(16, 8)
    model.average_share.fill_(1)
    mix = draw_mix(8, 16, 0.5, 0.0, torch.Generator().manual_seed(2))
    moved = {}
    for weight in (0.0, 1e4):
        config = replace(CONFIG, laplacian=weight)
        loss, terms, _ = clip_objective(model, model(image, mix), image, config)
        moved[weight] = torch.autograd.grad(loss, [model.average_relief, model.shape_decoder.head.weight])
    assert moved[0.0][0].abs().max() > 0
    torch.testing.assert_close(moved[1e4][0], moved[0.0][0])
    assert moved[1e4][1].norm() > 10 * moved[0.0][1].norm()


def outputs_of(size: int = 16, count: int = 8, **changes) -> tuple:
    model = training_autoencoder(size=size, **{**EXPRESSION, **changes})
    for layer in (model.shape_decoder.head, model.layout.displacement, model.texture_encoder[-2]):
        torch.nn.init.normal_(layer.weight, std=0.1)
    image = smooth((count, 3, size, size), 3)
    mix = draw_mix(count, 16, 0.5, 0.3, torch.Generator().manual_seed(2))
    return model, image, model(image, mix)


@pytest.mark.parametrize("size", [16, 128])
def test_the_objective_term_by_term(size):
    model, image, outputs = outputs_of(size, 4)
    codes, scene, confidence, _ = outputs
    loss, terms, drawn = clip_objective(model, outputs, image, CONFIG)
    sigma = confidence.clamp(*CONFIG.log_sigma)
    picture, mask = render_by_marching(scene, size)
    torch.testing.assert_close(drawn, torch.where(mask == 1, picture, image))
    assert not drawn.requires_grad
    coarse = 2 if size == 128 else 1  # the mirrored picture asks for no detail
    smaller = replace(scene, albedo=F.avg_pool2d(scene.albedo, coarse), softness=1)
    other, other_mask = render_by_marching(smaller.flip(), size // coarse)
    own, few = render_by_marching(scene, size), (F.avg_pool2d(image, coarse), F.avg_pool2d(sigma, coarse))
    changing = torch.cat([codes.shape[:, [3, 13, 14, 15]], codes.texture[:, 12:]], 1)
    expected = {
        "plain": losses.laplace(own[0], image, sigma[:, :1], mask),
        "mirrored": CONFIG.mirrored * losses.laplace(other, few[0], few[1][:, 1:], other_mask),
        "gradient": 0.9 * losses.gradient_l1(picture, image, mask),
        "raw_depth": 0.8 * scene.raw_depth.square().mean(),
        "laplacian": 7 * losses.laplacian_l1(0.1 * scene.raw_depth),
        "average_laplacian": 2 * losses.laplacian_l1(scene.depth),
        "bending": 0.6 * bending(model.displacement(codes.shape)),
        "gate": 0.1 * sum(v**2 for v in changing.flatten().tolist()) / changing.numel(),
        "following": 0.3 * view_correlation(changing, codes.view),
    }
    for kind, moves in (("shape", [3, 13, 14, 15]), ("texture", [12, 13, 14, 15])):
        code = getattr(codes, kind)
        within, between = variance_shares(code)
        rest = [c for c in range(16) if c not in moves]
        expected[f"unsteady_{kind}"] = 0.5 * sum(within[rest].tolist()) / len(rest)
        expected[f"habits_{kind}"] = 0.4 * sum(between[moves].tolist()) / len(moves)
    assert terms.keys() == {*expected, "l1"}
    for name, value in expected.items():
        assert terms[name].item() == pytest.approx(torch.as_tensor(value).item(), rel=1e-4, abs=1e-6), name
    assert loss.item() == pytest.approx(sum(terms[name].item() for name in expected), rel=1e-4)
    loss.backward()
    missing = [name for name, p in model.named_parameters() if p.grad is None or not torch.isfinite(p.grad).all()]
    assert not missing


def test_without_changing_numbers_no_term_breaks():
    model, image, outputs = outputs_of(changing=(0, 0, 0))
    loss, terms, _ = clip_objective(model, outputs, image, CONFIG)
    assert (
        torch.isfinite(loss)
        and terms["gate"] == terms["following"] == terms["habits_shape"] == terms["habits_texture"] == 0
    )


def test_the_masks_of_parts_average_to_the_whole():
    """Beside what is told of a part's own people: following, habits, unsteady."""
    model, image, (codes, scene, confidence, _) = outputs_of()
    scene.view[:, 0] = torch.tensor([0.0, 5, -5, 0, 58, -58, 55, 50])  # the second half sees less
    terms = ("plain", "mirrored", "gradient", "raw_depth", "laplacian", "bending", "gate")

    def part(rows: slice, mean=lambda x: x) -> dict:
        some = replace(scene, **{k: getattr(scene, k)[rows] for k in ("depth", "albedo", "view", "light", "raw_depth")})
        return clip_objective(model, Outputs(codes[rows], some, confidence[rows]), image[rows], CONFIG, mean=mean).terms

    whole, halves, seen = part(slice(0, 8)), (slice(0, 4), slice(4, 8)), []
    for rows in halves:
        part(rows, lambda x: seen.append(x) or x)
    assert abs(seen[0][0] - seen[1][0]) > 20
    one, two = (part(rows, lambda x: (seen[0] + seen[1]) / 2) for rows in halves)
    for name in (*terms, "l1"):
        torch.testing.assert_close((one[name] + two[name]) / 2, whole[name], rtol=1e-5, atol=1e-6)


def test_the_discriminator_moves_the_model_by_its_share_of_the_reconstruction():
    model, image, _ = outputs_of()
    torch.nn.init.normal_(model.refiner.head.weight, std=0.01)
    outputs = model(image, draw_mix(8, 16, 0.5, 0.3, torch.Generator().manual_seed(2)))
    scene, confidence = outputs.scene, outputs.confidence
    torch.manual_seed(0)
    discriminator = Discriminator(8).eval().requires_grad_(False)
    weight = model.refiner.head.weight
    with_it, terms, _ = clip_objective(
        model, outputs, image, replace(CONFIG, adversarial=0.3), discriminator=discriminator
    )
    without_it, _, _ = clip_objective(model, outputs, image, CONFIG)
    assert (with_it - without_it).item() == pytest.approx(terms["adversarial"].item(), rel=1e-3)
    picture, mask = render_by_marching(scene, 16)
    sigma = confidence.clamp(*CONFIG.log_sigma)
    drawing = losses.laplace(picture, image, sigma[:, :1], mask) + 0.9 * losses.gradient_l1(picture, image, mask)
    pull = torch.autograd.grad(with_it - without_it, weight, retain_graph=True)[0]
    assert pull.norm().item() == pytest.approx(0.3 * torch.autograd.grad(drawing, weight)[0].norm().item(), rel=0.02)
