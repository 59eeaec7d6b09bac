"""Settles stage 1's canonical frame, before faces are laid over one another in it (see basis.py).

Nothing tells a canonical face that looks up from one that looks ahead: a tilted depth that is turned back down draws the same
picture, and then turning sideways needs a roll. So the frame is levelled first. Then the views learn from pairs: a picture is
turned to the front, and from there to the view of another frame of the same person, whose picture it must match. Depth stands
still meanwhile: left free, it lost the nose to what is wrong with the views.
"""

from collections.abc import Callable, Iterator
from copy import deepcopy

import torch
import torch.nn.functional as F
from torch import Tensor

from latentface.autoencoder import Autoencoder
from latentface.camera import pixel_grid, rotation
from latentface.rendering import render, view_grid
from latentface.shading import shade
from train import losses
from train.data.clips import Clips, another_frame

BATCH = 16
Tick = Callable[[int], None]
"""Called with the images seen before every step; what it raises ends the work halfway."""


def turned(view: Tensor, turn: Tensor) -> Tensor:
    """The view B x 6 of faces whose canonical frame has been turned by `turn`, 1 x 6 without a shift: the same pose of the head."""
    matrix = rotation(view) @ rotation(turn).mT
    angles = [
        torch.asin(matrix[:, 0, 2].clamp(-1, 1)).neg(),
        torch.atan2(matrix[:, 1, 2], matrix[:, 2, 2]),
        torch.atan2(-matrix[:, 0, 1], matrix[:, 0, 0]),
    ]
    return torch.cat([torch.rad2deg(torch.stack(angles, 1)), view[:, 3:]], 1)


def _batches(
    model: Autoencoder,
    clips: Clips,
    images: int,
    seed: int,
    optimizer: torch.optim.Optimizer,
    lr: float,
    tick: Tick,
    pairs: bool,
) -> Iterator[Tensor]:
    """Crops as the encoders look at them, B x 3 x s x s; the learning rate warms up over 50 steps and falls to 0 over the last third."""
    for step in range(images // BATCH):
        tick(step * BATCH)
        generator = torch.Generator().manual_seed(seed * 1_000_003 + step)
        rows = clips.draw(BATCH // 2 if pairs else BATCH, generator)
        if pairs:
            rows = torch.stack([rows, another_frame(clips.people, rows, generator)], 1).flatten()
        for group in optimizer.param_groups:
            group["lr"] = lr * min(1.0, (step + 1) / 50, 3 * (1 - step * BATCH / images))
        yield model._seen(clips.jittered(rows, model.size, generator).to(model.average_depth.device))


def level(
    model: Autoencoder, clips: Clips, seed: int = 0, images: int = 6_400, lr: float = 3e-4, tick: Tick = lambda _: None
) -> float:
    """Turns the canonical frame so that the mean pitch of training faces is 0; returns the degrees that it was off.

    The model as it is teaches itself: its depth seen from the new front, its views composed with the turn.
    """
    device = model.average_depth.device
    teacher = deepcopy(model).requires_grad_(False).eval()
    rows = clips.draw(2_048, torch.Generator().manual_seed(seed))
    seen = [teacher.geometry(model._seen(clips.centre(part, model.size).to(device)))[0] for part in rows.split(256)]
    turn = torch.zeros(1, 6, device=device)
    turn[0, 1] = torch.cat(seen)[:, 1].mean()
    with torch.no_grad():
        model.average_depth.copy_(view_grid(teacher.average_depth[None], turn)[1][0])
    parts = [model.view_net, model.shape_encoder, model.shape_decoder]
    optimizer = torch.optim.Adam([p for part in parts for p in part.parameters()], lr, betas=(0.9, 0.99))
    for image in _batches(model, clips, images, seed, optimizer, lr, tick, pairs=False):
        with torch.no_grad():
            view, _, _, raw = teacher.geometry(image)
            goal = view_grid(teacher._depth(raw), turn.expand(len(image), -1))[1]
            view, inside = turned(view, turn), (goal > 0).float()
        own, _, _, raw = model.geometry(image)
        error = (model._depth(raw) - goal) * inside
        slopes = error.diff(dim=-1).abs().mean() + error.diff(dim=-2).abs().mean()
        loss = (
            10 * error.abs().mean()
            + 100 * slopes
            + (own - view)[:, :3].abs().mean() / 10
            + 50 * (own - view)[:, 3:].abs().mean()
        )
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    return float(turn[0, 1])


def partners(values: Tensor) -> Tensor:
    """Every two neighbours of a batch in each other's place."""
    return values.unflatten(0, (-1, 2)).flip(1).flatten(0, 1)


def pyramid_l1(drawn: Tensor, image: Tensor, weight: Tensor, levels: int = 3) -> Tensor:
    """L1 of pictures B x 3 x S x S under weights B x 1 x S x S, over `levels` halvings, so that far places pull too, and of their gradients."""
    total = losses.gradient_l1(drawn, image, weight, levels)
    for level in range(levels):
        total = total + losses.masked_mean((drawn - image).abs(), weight) * (0.5 if level else 1 / 3)
        covered = F.avg_pool2d(weight, 2)
        drawn, image, weight = (
            F.avg_pool2d(drawn * weight, 2) / covered.clamp(min=1e-3),
            F.avg_pool2d(image, 2),
            covered,
        )
    return total


def align_views(
    model: Autoencoder,
    clips: Clips,
    seed: int = 0,
    images: int = 9_600,
    lr: float = 2e-4,
    mirrored: float = 0.5,
    tick: Tick = lambda _: None,
) -> float:
    """Trains the view network on pairs of frames under the depth as it is; returns the last tenth's mean loss.

    A picture is turned to the front, where it fills what is hidden from its mirror side and gives up its light, and drawn at
    the view and light of the other frame; its own mirror image, at its own view.
    """
    u, v = pixel_grid(model.average_depth.shape[-1], device=model.average_depth.device).unbind(-1)
    radius = ((u / 0.8).square() + ((v - 0.1) / 0.95).square()).sqrt()
    oval = 0.1 + 0.9 * torch.sigmoid((1 - radius) / 0.08)  # hair and background move by themselves
    optimizer = torch.optim.Adam(model.view_net.parameters(), lr, betas=(0.9, 0.99))
    soft = max(1, model.config.softness * oval.shape[-1] // model.size)
    found = []
    for image in _batches(model, clips, images, seed, optimizer, lr, tick, pairs=True):
        view, light, _, raw = model.geometry(image)
        light, depth = light.detach(), model._depth(raw).detach()
        filled, front = model.frontal(image, depth, view, light)
        loss = torch.zeros((), device=image.device)
        for albedo, shape, weight in (
            (partners(filled), partners(depth), 1.0),
            (front.flip(-1), depth.flip(-1), mirrored),
        ):
            drawn, mask = render(shade(albedo, shape, light, soft), shape, view)
            loss = loss + weight * pyramid_l1(drawn, image, mask * oval)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        found.append(loss.detach())
    optimizer.zero_grad(set_to_none=True)  # or the trainer's next step would move the view once more
    last = found[-max(1, len(found) // 10) :]
    return float(torch.stack(last).mean())
