"""Stage 1 on clips: what a person keeps is learned from their other frames, what changes must fit through a narrow gate.

A frame is drawn from its own view, light and changing numbers, and for half of a batch with the rest of its codes taken from the
person's other frames: whatever differs between them has to be view, light or a changing number. These carry noise and are pulled
to a standard normal (the information bottleneck of Alemi et al., ICLR 2017), so that they say only what the other frames leave
open: expressions, and not who someone is. And as other frames show the face from elsewhere, depth and view have to be right
for its texture to fall into place; a frame drawn from its own texture looks right under any. What is fine about a face's relief, one
face cannot tell from its paint: the average relief is one map that all faces teach, so it may be sharp, and what a face adds is held
smooth. Turning tells more of it than light does, which is why only a share of the shading's gradient reaches depth.
"""

from collections.abc import Callable
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from latentface.autoencoder import COARSE, Autoencoder, Codes, Scene
from latentface.camera import FAR, NEAR
from latentface.ray_march import marched_grid
from latentface.shading import shading
from train import losses
from train.data.clips import Clips
from train.stage1.congealing import bending
from train.stage1.expression_subspace import changing_directions, features_moved

FRAMES = 4
"""Frames of a person that stand together in a batch."""


def draw_clips(clips: Clips, people: int, generator: torch.Generator) -> Tensor:
    """Rows of FRAMES frames each of `people` people, as Clips.draw finds them; a person with fewer frames is seen again in one."""
    whose = clips.person[clips.draw(people, generator)]
    first, count = clips.people.first[whose], clips.people.count[whose]
    place = torch.rand(people, int(count.max()), generator=generator)
    place[torch.arange(place.shape[1]) >= count[:, None]] = -1  # another person's
    place = place.argsort(dim=1, descending=True)[:, :FRAMES]
    place = F.pad(place, (0, FRAMES - place.shape[1]))
    return clips.people.order[first[:, None] + place % count[:, None]].flatten()


def draw_mix(
    model: Autoencoder, count: int, share: float, noise: float, generator: torch.Generator, part: tuple[int, int]
) -> dict:
    """Arguments of Autoencoder.forward for a batch of `count`: which frames borrow, and the noise; part as Clips.jittered's."""
    mine = slice(count * part[0] // part[1], count * (part[0] + 1) // part[1])
    device = model.average_depth.device
    borrowed = torch.rand(count, generator=generator) < share
    drawn = {kind: noise * torch.randn(count, model.config.code, generator=generator) for kind in ("shape", "texture")}
    return {
        "frames": FRAMES,
        "borrowed": borrowed[mine].to(device),
        "noise": {kind: value[mine].to(device) for kind, value in drawn.items()},
    }


def picture_of(scene: Scene, size: int) -> tuple[Tensor, Tensor]:
    """The scene at its view, B x 3 x size x size, and its mask; rays are marched at the depth's size and in between interpolated."""
    side = scene.depth.shape[-1]
    light = shading(scene.lit_depth, scene.light, max(1, scene.softness * side // size))
    if side != size:
        light = F.interpolate(light, (size, size), mode="bilinear")
    canonical = (scene.albedo + 1) * light - 1
    grid, seen = marched_grid(scene.depth, scene.view)
    mask = seen[:, None]
    if side != size:
        grid = F.interpolate(grid.permute(0, 3, 1, 2), (size, size), mode="bilinear", align_corners=True).permute(
            0, 2, 3, 1
        )
        mask = (F.interpolate(mask, (size, size), mode="bilinear", align_corners=True) > 0.999).float()
    return F.grid_sample(canonical, grid, align_corners=True, padding_mode="border") * mask, mask


def shares(code: Tensor) -> tuple[Tensor, Tensor]:
    """How much of each number's variance lies within people, and between them: C each, together 1.

    code: B x C, every FRAMES neighbours of one person. Between people is what the means of their frames differ by, less what they
    would by chance; it may come out below 0. Scaling a number changes nothing.
    """
    clips = code.unflatten(0, (-1, FRAMES))
    means = clips.mean(1)
    within = (clips - means[:, None]).square().sum((0, 1)) / max(1, len(means) * (FRAMES - 1))
    between = (means - means.mean(0)).square().sum(0) / max(1, len(means) - 1) - within / FRAMES
    total = (within + between).clamp(min=1e-6)
    return within / total, between / total


def following(code: Tensor, view: Tensor) -> Tensor:
    """Mean squared correlation of numbers B x C with those of views B x 6 and with their squares: what turning tells of them.

    Gradients reach the code alone.
    """
    known = torch.cat([view, view.square()], 1).detach()
    code, known = (F.normalize(values - values.mean(0), dim=0, eps=1e-4) for values in (code, known))
    with torch.autocast(code.device.type, enabled=False):
        return (code.mT @ known).square().sum() / max(1, code.shape[1] * known.shape[1])


def objective(
    model: Autoencoder, outputs: tuple[Codes, Scene, Tensor], image: Tensor, config, features=None,
    critic: nn.Module | None = None, mean: Callable[[Tensor], Tensor] = lambda x: x,
) -> tuple[Tensor, dict, Tensor]:  # fmt: skip
    """The loss of one batch, its terms, and the pictures drawn, B x 3 x S x S, with the photo where nothing is drawn.

    outputs: of the model, called with draw_mix's arguments. image: B x 3 x S x S in [-1, 1]. features: the perceptual network, or
    None. critic: judges whether patches are of photos, see Critic. mean: see autoencoder.objective.
    """
    codes, scene, confidence = outputs
    scene = replace(scene, shading_gradient=config.shading)
    size = image.shape[-1]
    log_sigma = confidence.clamp(*config.log_sigma)
    plain, mask = picture_of(scene, size)
    small, small_sigma, albedo = image, log_sigma, scene.albedo
    if size > COARSE:
        small, small_sigma, albedo = (F.avg_pool2d(map, size // COARSE) for map in (image, log_sigma, albedo))
    coarse = replace(scene, albedo=albedo, softness=max(1, scene.softness * albedo.shape[-1] // size))
    mirrored, mirrored_mask = picture_of(coarse.flip(), albedo.shape[-1])
    seen = torch.stack([mask.sum(), mirrored_mask.sum()])
    share, mirrored_share = seen / mean(seen).clamp(min=1)
    filled = torch.where(mask > 0, plain, image)
    terms = {
        "plain": share * losses.laplace(plain, image, log_sigma[:, :1], mask),
        "mirrored": mirrored_share
        * config.mirrored
        * losses.laplace(mirrored, small, small_sigma[:, 1:], mirrored_mask),
        "gradient": config.gradient * losses.gradient_l1(plain, image, mask),
        "raw_depth": config.raw_depth * scene.raw_depth.square().mean(),
        "laplacian": config.laplacian * 10 * losses.laplacian_l1((FAR - NEAR) / 2 * scene.raw_depth),
        "average_laplacian": config.average_laplacian * 10 * losses.laplacian_l1(scene.depth),
        "bending": config.stiffness * bending(model.moves(codes.shape)),
    }
    changing = torch.cat([getattr(codes, kind)[:, model.changes(kind)] for kind in ("shape", "texture")], 1)
    terms["gate"] = config.gate * changing.square().sum() / max(1, changing.numel())
    terms["following"] = config.following * following(changing, codes.view)
    for kind in ("shape", "texture"):
        within, between = shares(getattr(codes, kind))
        changes = model.changes(kind)
        terms[f"unsteady_{kind}"] = config.unsteady * (within * ~changes).sum() / (~changes).sum()
        terms[f"habits_{kind}"] = config.habits * (between * changes).sum() / changes.sum().clamp(min=1)
    if features is not None and config.perceptual:
        some = slice(None, None, round(1 / config.perceptual_share))
        terms["perceptual"] = config.perceptual * losses.feature_l2(features(filled[some]), features(image[some]))
    if critic is not None:
        judged = -critic(filled).mean()
        reconstruction = terms["plain"] + terms["gradient"] + terms.get("perceptual", 0)
        weight = balance(reconstruction, judged, model.refiner.head.weight)
        terms["adversarial"] = config.adversarial * mean(weight) * judged
    shown = {name: value.detach() for name, value in terms.items()}
    shown["l1"] = share * losses.masked_mean((plain - image).abs().detach(), mask)
    return sum(terms.values()), shown, filled.detach()


def balance(one: Tensor, two: Tensor, weight: Tensor) -> Tensor:
    """How much larger the gradient of loss `one` at `weight` is than that of `two`, at most 100 (Esser et al., CVPR 2021, eq. 7)."""
    first, second = (torch.autograd.grad(loss, weight, retain_graph=True)[0].norm() for loss in (one, two))
    return (first / (second + 1e-6)).clamp(max=100).detach()


class Critic(nn.Sequential):
    """Tells patches of photos from drawn ones: B x 3 x S x S -> B x 1 x S/8 x S/8, more is more like a photo.

    A PatchGAN (Isola et al., CVPR 2017) under spectral normalisation (Miyato et al., ICLR 2018).
    """

    def __init__(self, base: int = 64):
        layers: list[nn.Module] = []
        channels = 3
        for width in (base, 2 * base, 4 * base):
            layers += [spectral_norm(nn.Conv2d(channels, width, 4, 2, 1)), nn.LeakyReLU(0.2)]
            channels = width
        layers += [spectral_norm(nn.Conv2d(channels, channels, 3, 1, 1)), nn.LeakyReLU(0.2)]
        super().__init__(*layers, spectral_norm(nn.Conv2d(channels, 1, 3, 1, 1)))


def critic_loss(critic: Critic, image: Tensor, drawn: Tensor) -> Tensor:
    """Hinge loss (Lim & Ye 2017) of the critic on photos and drawn pictures, B x 3 x S x S each: 0 where it is sure of both."""
    photo, made = critic(torch.cat([image, drawn])).float().chunk(2)
    return (F.relu(1 - photo).mean() + F.relu(1 + made).mean()) / 2


@torch.no_grad()
def turn(model: Autoencoder, clips: Clips, seed: int = 0, count: int = 8_000) -> None:
    """Turns the layout's and the texture's codes so that their last numbers, which may change, are the directions in which the
    people of `clips` change most as a face shows it (see changing_directions). What the model draws stays what it is.
    """
    device, generator = model.average_depth.device, torch.Generator().manual_seed(seed)
    rows = draw_clips(clips, min(count, 20 * len(clips.learners)) // FRAMES, generator)
    found = [model.encode(clips.centre(part, model.size).to(device)) for part in rows.split(128)]
    codes = {
        name: torch.cat([getattr(c, name).float().cpu() for c in found])
        for name in ("shape", "texture", "view", "light")
    }
    person = torch.arange(len(rows)) // FRAMES
    known = torch.cat([codes["view"][:, :5], codes["light"], codes["view"][:, :3].square()], 1)
    for kind, first in (("shape", model.depth_code), ("texture", 0)):
        code, changing = codes[kind], int(model.changes(kind)[first:].sum())
        mean, spread = code.mean(0), code.std(0).clamp(min=1e-4)
        if not changing or not first and kind == "shape":
            continue
        shown = features_moved(model, kind, mean.to(device), spread.to(device))[first:]
        code, mean, spread = ((value[..., first:]) for value in (code, mean, spread))
        moved = changing_directions((code - mean) / spread, person, changing, known, shown)
        axes = torch.linalg.svd(moved, full_matrices=True)[0].roll(-changing, 1)  # the others first
        forward, back = (axes.T / spread).to(device), (axes * spread[:, None]).to(device)
        if kind == "shape":
            last, displacement = model.layout_encoder[-2], model.layout.displacement.weight
            displacement.copy_(displacement @ back)
        else:
            last, directions = model.texture_encoder[-2], model.texture_basis.directions
            directions.copy_((back.T @ directions.flatten(1)).view_as(directions))
            model.refiner.code.weight.copy_(model.refiner.code.weight @ back)
        last.weight.copy_((forward @ last.weight.flatten(1)).view_as(last.weight))
        last.bias.copy_(forward @ last.bias)
