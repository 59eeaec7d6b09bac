"""Training on clips: which frames, how codes are mixed and judged, against plain loops; the turn of the codes on drawn faces."""

import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from latentface.autoencoder import Codes, Scene
from latentface.shading import shading
from tests.helpers import bump, drawn_clips, random_codes, smooth, tiny_autoencoder
from train import losses
from train.data.clips import Clips
from train.data.reading import read_shards
from train.data.shards import write_shards
from train.stage1.clip_objective import (
    FRAMES,
    Critic,
    balance,
    critic_loss,
    draw_clips,
    draw_mix,
    following,
    objective,
    picture_of,
    shares,
    turn,
)  # fmt: skip
from train.stage1.congealing import bending
from train.stage1.expression_subspace import features_moved, within_people
from train.stage1.texture_basis import fit_basis
from train.stage1.trainer import AutoencoderConfig

CHANGING = {"layout_grid": 4, "layout_base": 8, "changing": (1, 3, 4)}


def people_of(frames: list[int], seed: int = 0) -> Clips:
    """Clips of people with so many frames each, their rows in any order."""
    person = torch.arange(len(frames)).repeat_interleave(torch.tensor(frames))
    person = person[torch.randperm(len(person), generator=torch.Generator().manual_seed(seed))]
    return Clips(
        torch.zeros(len(person), 3, 1, 1, dtype=torch.uint8),
        person,
        [{}] * len(person),
        torch.zeros(len(person)).bool(),
    )


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.integers(1, 5), st.integers(0, 1000))
def test_every_four_neighbours_are_frames_of_one_person(frames, people, seed):
    """Four of them where there are so many, else all, some of them again."""
    clips = people_of(frames, seed)
    rows = draw_clips(clips, people, torch.Generator().manual_seed(seed))
    assert rows.shape == (FRAMES * people,)
    for clip in rows.split(FRAMES):
        whose = set(clips.person[clip].tolist())
        assert len(whose) == 1 and len(set(clip.tolist())) == min(FRAMES, frames[whose.pop()])
    assert torch.equal(rows, draw_clips(clips, people, torch.Generator().manual_seed(seed)))


def test_every_frame_is_as_likely_and_who_validates_is_not_drawn():
    clips = people_of([6, 6, 2])
    clips.validation = clips.person == 1
    rows = draw_clips(clips, 3000, torch.Generator().manual_seed(0))
    drawn = torch.bincount(rows, minlength=14)
    assert (drawn[clips.person == 1] == 0).all()
    assert drawn[clips.person == 0].tolist() == pytest.approx(
        [0.75 * 3000 * 4 / 6] * 6, rel=0.1
    )  # people come by their frames
    assert drawn[clips.person == 2].tolist() == pytest.approx([0.25 * 3000 * 4 / 2] * 2, rel=0.1)


def test_processes_share_what_is_drawn_beside_the_frames():
    model = tiny_autoencoder(**CHANGING)
    whole, *parts = (
        draw_mix(model, 8, 0.5, 0.3, torch.Generator().manual_seed(0), part) for part in ((0, 1), (0, 2), (1, 2))
    )
    assert whole["frames"] == FRAMES and torch.equal(whole["borrowed"], torch.cat([part["borrowed"] for part in parts]))
    for kind in ("shape", "texture"):
        assert torch.equal(whole["noise"][kind], torch.cat([part["noise"][kind] for part in parts]))
    many = draw_mix(model, 4000, 0.75, 0.3, torch.Generator().manual_seed(0), (0, 1))
    assert many["borrowed"].float().mean().item() == pytest.approx(0.75, abs=0.03)
    assert many["noise"]["shape"].std().item() == pytest.approx(0.3, rel=0.02)


@pytest.mark.parametrize("layout", [{}, {"layout_grid": 4, "layout_base": 8}])
def test_what_changes(layout):
    model = tiny_autoencoder(changing=(1, 3, 4), **layout)
    depth = 4 if layout else 16  # how many numbers are depth's
    shape = [i for i in range(16) if i == depth - 1 or (layout and i >= 13)]
    assert model.changes("shape").nonzero().flatten().tolist() == shape
    assert model.changes("texture").nonzero().flatten().tolist() == [12, 13, 14, 15]
    still = tiny_autoencoder(**layout)
    assert not still.changes("shape").any() and not still.changes("texture").any()


def test_codes_are_mixed_as_in_a_loop():
    model, codes = tiny_autoencoder(**CHANGING), random_codes(12)
    generator = torch.Generator().manual_seed(1)
    noise = {kind: torch.randn(12, 16, generator=generator) for kind in ("shape", "texture")}
    borrowed = torch.rand(12, generator=generator) < 0.5
    found = model.mixed(codes, 4, borrowed, noise)
    assert torch.equal(found.view, codes.view) and torch.equal(found.light, codes.light) and 0 < borrowed.sum() < 12
    for kind in ("shape", "texture"):
        code, changes = getattr(codes, kind), model.changes(kind).tolist()
        for row in range(12):
            others = [i for i in range(row // 4 * 4, row // 4 * 4 + 4) if i != row]
            for c in range(16):
                own = float(code[row, c])
                mean = sum(float(code[i, c]) for i in others) / 3
                expected = own + float(noise[kind][row, c]) if changes[c] else mean if borrowed[row] else own
                assert float(getattr(found, kind)[row, c]) == pytest.approx(expected, abs=1e-5)


def test_the_scene_is_of_the_mixed_codes():
    """Drawn as decode draws them; of a big model, with depth at 64 px."""
    for size in (16, 128):
        model, image = tiny_autoencoder(size=size, **CHANGING), smooth((4, 3, size, size), 0)
        for layer in (model.shape_decoder.head, model.layout.displacement, model.refiner.head):
            torch.nn.init.normal_(layer.weight, std=0.05)
        mix = draw_mix(model, 4, 0.5, 0.5, torch.Generator().manual_seed(2), (0, 1))
        with torch.no_grad():
            codes, scene, confidence = model(image, **mix)
            plain, _, same = model(image)
            drawn = model.decode(model.mixed(codes, **mix))
        assert torch.equal(codes.texture, plain.texture) and torch.equal(confidence, same)
        torch.testing.assert_close(scene.albedo, drawn.albedo)
        assert scene.depth.shape == (4, min(size, 64), min(size, 64))
        if size > 64:
            small = F.interpolate(scene.depth[:, None], (128, 128), mode="bicubic")[:, 0]
            torch.testing.assert_close(small, drawn.depth)
        else:
            torch.testing.assert_close(scene.depth, drawn.depth)
        assert not torch.allclose(model.decode(codes).albedo, drawn.albedo, atol=1e-3)


def naive_shares(numbers: list[float]) -> tuple[float, float]:
    clips = [numbers[i : i + FRAMES] for i in range(0, len(numbers), FRAMES)]
    means = [sum(clip) / FRAMES for clip in clips]
    within = sum((value - mean) ** 2 for clip, mean in zip(clips, means) for value in clip) / (
        len(clips) * (FRAMES - 1)
    )
    middle = sum(means) / len(means)
    between = sum((mean - middle) ** 2 for mean in means) / (len(means) - 1) - within / FRAMES
    return within / (within + between), between / (within + between)


def test_shares_against_a_loop():
    generator = torch.Generator().manual_seed(0)
    code = torch.randn(20, 6, generator=generator) + torch.randn(5, 6, generator=generator).repeat_interleave(4, 0)
    within, between = shares(code)
    for c in range(6):
        assert (float(within[c]), float(between[c])) == pytest.approx(naive_shares(code[:, c].tolist()), rel=1e-4)


def test_shares_of_what_only_stays_and_of_what_only_changes():
    generator = torch.Generator().manual_seed(0)
    stays, changes = torch.randn(2000, generator=generator).repeat_interleave(4), torch.randn(8000, generator=generator)
    code = torch.stack(
        [stays, changes, stays + changes, 100 * (stays + changes) + 7, torch.ones(8000)], 1
    ).requires_grad_()
    within, between = shares(code)
    torch.testing.assert_close(within, torch.tensor([0, 1, 0.5, 0.5, 0]), atol=0.05, rtol=0)
    torch.testing.assert_close(between, torch.tensor([1, 0, 0.5, 0.5, 0]), atol=0.05, rtol=0)
    torch.testing.assert_close(within[2:4], within[2].expand(2))  # whatever a number's unit
    (within.sum() + between.sum()).backward()
    assert torch.isfinite(code.grad).all()
    alone, nobody = shares(code[:4])
    assert torch.isfinite(alone).all() and torch.isfinite(nobody).all()


def test_following_against_correlations():
    generator = torch.Generator().manual_seed(0)
    code, view = (
        torch.randn(24, 5, generator=generator),
        torch.randn(24, 6, generator=generator) * torch.tensor([20, 9, 4, 0.03, 0.03, 0]),
    )
    known = torch.cat([view[:, :5], view[:, :5].square()], 1)  # the sixth is always 0: nothing follows it
    found = [torch.corrcoef(torch.stack([code[:, i], known[:, j]]))[0, 1] ** 2 for i in range(5) for j in range(10)]
    assert float(following(code, view)) == pytest.approx(float(sum(found)) / (5 * 12), rel=1e-4)
    code.requires_grad_()
    view.requires_grad_()
    following(code, view).backward()
    assert view.grad is None and code.grad.abs().sum() > 0
    assert following(code[:, :0], view) == 0
    assert (
        following(3 * view[:, :1] + 5, view).item()
        > 1 / 12
        > 5 * following(torch.randn(4000, 1), torch.randn(4000, 6)).item()
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
    found, mask = picture_of(scene, size)
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
    for draw in (lambda scene: picture_of(scene, 32), lambda scene: scene.render()):
        scene = scene_of(32, 32)
        leaves = [leaf.requires_grad_() for leaf in (scene.albedo, scene.light, scene.view, scene.depth)]
        picture, mask = draw(scene)
        grads.append(torch.autograd.grad((picture * mask * weight).sum(), leaves))
    for one, two, least in zip(*grads, (0.98, 0.98, 0.95, 0.8)):
        assert F.cosine_similarity(one.flatten(), two.flatten(), 0) > least


def test_light_teaches_depth_as_much_as_it_is_asked_to():
    grads = []
    for share in (0.0, 0.4, 1.0):
        scene = replace(
            scene_of(32, 32), view=torch.zeros(3, 6), shading_gradient=share
        )  # from the front depth is seen by its light alone
        picture, mask = picture_of(scene, 32)
        torch.testing.assert_close(picture, picture_of(replace(scene, shading_gradient=1.0), 32)[0])
        scene.depth.requires_grad_()
        (shading(scene.lit_depth, scene.light) * smooth((3, 1, 32, 32), 5)).sum().backward()
        grads.append(scene.depth.grad.clone())
    assert grads[0].abs().max() == 0 < grads[2].abs().max()
    torch.testing.assert_close(grads[1], 0.4 * grads[2])


def test_the_average_relief_learns_and_what_a_face_adds_stays_smooth():
    """A nose that all faces share goes into the average map, which the weight on what a face adds does not hold back."""
    model, image, _ = outputs_of(16, 8)
    model.average_share.fill_(1)
    mix = draw_mix(model, 8, 0.5, 0.0, torch.Generator().manual_seed(2), (0, 1))
    moved = {}
    for weight in (0.0, 1e4):
        config = replace(CONFIG, laplacian=weight)
        loss, terms, _ = objective(model, model(image, **mix), image, config)
        moved[weight] = torch.autograd.grad(loss, [model.average_relief, model.shape_decoder.head.weight])
    assert moved[0.0][0].abs().max() > 0
    torch.testing.assert_close(moved[1e4][0], moved[0.0][0])
    assert moved[1e4][1].norm() > 10 * moved[0.0][1].norm()


def outputs_of(size: int = 16, count: int = 8, **changes) -> tuple:
    model = tiny_autoencoder(size=size, **{**CHANGING, **changes})
    for layer in (model.shape_decoder.head, model.layout.displacement, model.texture_encoder[-2]):
        torch.nn.init.normal_(layer.weight, std=0.1)
    image = smooth((count, 3, size, size), 3)
    mix = draw_mix(model, count, 0.5, 0.3, torch.Generator().manual_seed(2), (0, 1))
    return model, image, model(image, **mix)


CONFIG = AutoencoderConfig(
    borrowed=0.5, gate=0.1, following=0.3, habits=0.4, unsteady=0.5, stiffness=0.6, laplacian=0.7, raw_depth=0.8, gradient=0.9,
    average_laplacian=0.2,
)  # fmt: skip


@pytest.mark.parametrize("size", [16, 128])
def test_the_objective_term_by_term(size):
    model, image, (codes, scene, confidence) = outputs_of(size, 4)
    loss, terms, drawn = objective(model, (codes, scene, confidence), image, CONFIG)
    sigma = confidence.clamp(*CONFIG.log_sigma)
    picture, mask = picture_of(scene, size)
    torch.testing.assert_close(drawn, torch.where(mask == 1, picture, image))
    assert not drawn.requires_grad
    coarse = 2 if size == 128 else 1  # the mirrored picture asks for no detail
    smaller = replace(scene, albedo=F.avg_pool2d(scene.albedo, coarse), softness=1)
    other, other_mask = picture_of(smaller.flip(), size // coarse)
    own, few = picture_of(scene, size), (F.avg_pool2d(image, coarse), F.avg_pool2d(sigma, coarse))
    changing = torch.cat([codes.shape[:, [3, 13, 14, 15]], codes.texture[:, 12:]], 1)
    expected = {
        "plain": losses.laplace(own[0], image, sigma[:, :1], mask),
        "mirrored": CONFIG.mirrored * losses.laplace(other, few[0], few[1][:, 1:], other_mask),
        "gradient": 0.9 * losses.gradient_l1(picture, image, mask),
        "raw_depth": 0.8 * scene.raw_depth.square().mean(),
        "laplacian": 7 * losses.laplacian_l1(0.1 * scene.raw_depth),
        "average_laplacian": 2 * losses.laplacian_l1(scene.depth),
        "bending": 0.6 * bending(model.moves(codes.shape)),
        "gate": 0.1 * sum(v**2 for v in changing.flatten().tolist()) / changing.numel(),
        "following": 0.3 * following(changing, codes.view),
    }
    for kind, moves in (("shape", [3, 13, 14, 15]), ("texture", [12, 13, 14, 15])):
        code = getattr(codes, kind)
        within, between = shares(code)
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
    loss, terms, _ = objective(model, outputs, image, CONFIG)
    assert (
        torch.isfinite(loss)
        and terms["gate"] == terms["following"] == terms["habits_shape"] == terms["habits_texture"] == 0
    )


def test_the_masks_of_parts_average_to_the_whole():
    """Beside what is told of a part's own people: following, habits, unsteady."""
    model, image, (codes, scene, confidence) = outputs_of()
    scene.view[:, 0] = torch.tensor([0.0, 5, -5, 0, 58, -58, 55, 50])  # the second half sees less
    terms = ("plain", "mirrored", "gradient", "raw_depth", "laplacian", "bending", "gate")

    def part(rows: slice, mean=lambda x: x) -> dict:
        some = replace(scene, **{k: getattr(scene, k)[rows] for k in ("depth", "albedo", "view", "light", "raw_depth")})
        return objective(model, (codes[rows], some, confidence[rows]), image[rows], CONFIG, mean=mean)[1]

    whole, halves, seen = part(slice(0, 8)), (slice(0, 4), slice(4, 8)), []
    for rows in halves:
        part(rows, lambda x: seen.append(x) or x)
    assert abs(seen[0][0] - seen[1][0]) > 20
    one, two = (part(rows, lambda x: (seen[0] + seen[1]) / 2) for rows in halves)
    for name in (*terms, "l1"):
        torch.testing.assert_close((one[name] + two[name]) / 2, whole[name], rtol=1e-5, atol=1e-6)


def test_the_critics_loss_against_a_loop():
    torch.manual_seed(0)
    critic = Critic(8).eval()
    image, drawn = smooth((2, 3, 32, 32), 0), smooth((2, 3, 32, 32), 1)
    with torch.no_grad():
        critic[-1].bias.fill_(0.9)
        photo, made = critic(image), critic(drawn)
        assert photo.shape == (2, 1, 4, 4)
        total = 0.0
        for real, false in zip(photo.flatten().tolist(), made.flatten().tolist()):
            total += max(0.0, 1 - real) + max(0.0, 1 + false)
        assert float(critic_loss(critic, image, drawn)) == pytest.approx(total / 32 / 2, rel=1e-5)


def test_the_critic_learns_to_tell_and_stays_smooth():
    torch.manual_seed(0)
    critic, image = Critic(8), smooth((8, 3, 16, 16), 0)
    drawn, optimizer = (
        F.interpolate(F.avg_pool2d(image, 4), scale_factor=4),
        torch.optim.Adam(critic.parameters(), 5e-3),
    )
    first = critic_loss(critic, image, drawn).item()
    for _ in range(60):
        optimizer.zero_grad()
        critic_loss(critic, image, drawn).backward()
        optimizer.step()
    assert critic_loss(critic, image, drawn).item() < 0.8 * first
    critic.eval()
    for layer in list(critic)[::2]:
        assert torch.linalg.matrix_norm(layer.weight.flatten(1), 2).item() == pytest.approx(1, abs=0.15)


def test_balance_is_the_ratio_of_the_gradients():
    weight = torch.randn(3, 4, requires_grad=True)
    one, two = (weight * torch.arange(12.0).view(3, 4)).sum(), 0.5 * weight.sum()
    expected = math.sqrt(sum(i * i for i in range(12))) / (0.5 * math.sqrt(12))
    found = balance(one, two, weight)
    assert found.item() == pytest.approx(expected, rel=1e-4) and not found.requires_grad
    assert balance(one, 1e-9 * two, weight) == 100
    one.backward()  # the graph is still there
    assert weight.grad is not None


def test_the_critic_moves_the_model_by_its_share_of_the_reconstruction():
    model, image, _ = outputs_of()
    torch.nn.init.normal_(model.refiner.head.weight, std=0.01)
    codes, scene, confidence = model(image, **draw_mix(model, 8, 0.5, 0.3, torch.Generator().manual_seed(2), (0, 1)))
    torch.manual_seed(0)
    critic = Critic(8).eval().requires_grad_(False)
    weight = model.refiner.head.weight
    with_critic, terms, _ = objective(
        model, (codes, scene, confidence), image, replace(CONFIG, adversarial=0.3), critic=critic
    )
    without, _, _ = objective(model, (codes, scene, confidence), image, CONFIG)
    assert (with_critic - without).item() == pytest.approx(terms["adversarial"].item(), rel=1e-3)
    picture, mask = picture_of(scene, 16)
    sigma = confidence.clamp(*CONFIG.log_sigma)
    drawing = losses.laplace(picture, image, sigma[:, :1], mask) + 0.9 * losses.gradient_l1(picture, image, mask)
    pull = torch.autograd.grad(with_critic - without, weight, retain_graph=True)[0]
    assert pull.norm().item() == pytest.approx(0.3 * torch.autograd.grad(drawing, weight)[0].norm().item(), rel=0.02)


@pytest.fixture(scope="module")
def settled(tmp_path_factory) -> tuple:
    """Drawn faces whose mouth opens and who move from frame to frame, and a model with a basis of them that sees no view: what
    changes along with it would be none of an expression."""
    folder = tmp_path_factory.mktemp("shards")
    write_shards(drawn_clips(41, 6, 80), folder, {"source": "drawn"})
    clips = read_shards([str(folder)], 32)
    model = tiny_autoencoder(size=32, **CHANGING)
    for network in (model.view_net, model.light_net):
        torch.nn.init.zeros_(network[-2].weight)
    fit_basis(model, clips, count=400, layout=1600)
    return model, clips


def encoded(model, clips: Clips) -> Codes:
    with torch.no_grad():
        return model.encode(clips.centre(torch.arange(len(clips.images)), model.size))


def shown_by(model, codes: Codes) -> dict[str, Tensor]:
    return {
        k: features_moved(model, k, getattr(codes, k).mean(0), getattr(codes, k).std(0)) for k in ("shape", "texture")
    }


def test_the_turn_changes_no_picture_and_puts_what_changes_last(settled):
    model, clips = settled
    before = encoded(model, clips)
    scene, shown_before = model.decode(before), shown_by(model, before)
    turn(model, clips, count=800)
    after = encoded(model, clips)
    again, shown_after = model.decode(after), shown_by(model, after)
    for name in ("depth", "albedo"):
        assert (getattr(again, name) - getattr(scene, name)).abs().max() < 0.02 * getattr(scene, name).std()
    for name in ("view", "light"):
        assert torch.equal(getattr(after, name), getattr(before, name))
    assert torch.equal(after.shape[:, :4], before.shape[:, :4])  # depth's part is not turned
    for kind, first in (("shape", 4), ("texture", 0)):
        moves, within, seen = model.changes(kind)[first:], [], []
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


def test_a_model_without_changing_numbers_is_not_turned(settled):
    _, clips = settled
    model = tiny_autoencoder(size=32, layout_grid=4, layout_base=8)
    kept = {name: value.clone() for name, value in model.state_dict().items()}
    turn(model, clips, count=80)
    assert all(torch.equal(value, kept[name]) for name, value in model.state_dict().items())
    only_depth = tiny_autoencoder(size=32, changing=(2, 0, 0))
    turn(only_depth, clips, count=80)
    assert torch.equal(
        only_depth.shape_encoder[-2].weight, tiny_autoencoder(size=32, changing=(2, 0, 0)).shape_encoder[-2].weight
    )
