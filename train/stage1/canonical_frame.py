"""The canonical frame: levelled, and the view network aligned to it, before faces are warped over one another in it.

Single pictures do not tell a canonical face that looks up from one that looks ahead: a tilted depth, turned back down,
draws the same picture, and then turning sideways needs a roll. So the frame is levelled first. Then the views learn
from pairs: a picture is turned to the front, and from there to the view of another frame of the same person, whose
picture it must match. Depth stands still meanwhile: left free, it lost the nose to the errors of the views.
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
    """Express views in a canonical frame that has been turned: the same pose of the head.

    Args:
        view: B x 6, see Codes.
        turn: 1 x 6 view without a shift, by which the frame was turned.

    Returns:
        B x 6 views.
    """
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
    """Encoder inputs B x 3 x s x s; the learning rate warms up over 50 steps and falls to 0 over the last third."""
    for step in range(images // BATCH):
        tick(step * BATCH)
        generator = torch.Generator().manual_seed(seed * 1_000_003 + step)
        rows = clips.draw(BATCH // 2 if pairs else BATCH, generator)
        if pairs:
            rows = torch.stack([rows, another_frame(clips.people, rows, generator)], 1).flatten()
        for group in optimizer.param_groups:
            group["lr"] = lr * min(1.0, (step + 1) / 50, 3 * (1 - step * BATCH / images))
        yield model.encoder_input(clips.jittered(rows, model.size, generator).to(model.average_depth.device))


def level(
    model: Autoencoder, clips: Clips, seed: int = 0, images: int = 6_400, lr: float = 3e-4, tick: Tick = lambda _: None
) -> float:
    """Turn the canonical frame so that the mean pitch of training faces is 0.

    The model as it is teaches itself: its depth seen from the new front, its views composed with the turn.

    Args:
        model: changed in place.
        clips: the data set.
        seed: of the batches.
        images: to see.
        lr: Adam's largest learning rate.
        tick: see Tick.

    Returns:
        The mean pitch before, in degrees.
    """
    device = model.average_depth.device
    teacher = deepcopy(model).requires_grad_(False).eval()
    rows = clips.draw(2_048, torch.Generator().manual_seed(seed))
    crops = (model.encoder_input(clips.centre(part, model.size).to(device)) for part in rows.split(256))
    turn = torch.zeros(1, 6, device=device)
    turn[0, 1] = torch.cat([teacher.geometry(image).view for image in crops])[:, 1].mean()
    with torch.no_grad():
        model.average_depth.copy_(view_grid(teacher.average_depth[None], turn)[1][0])
    parts = [model.view_net, model.shape_encoder, model.shape_decoder]
    optimizer = torch.optim.Adam([p for part in parts for p in part.parameters()], lr, betas=(0.9, 0.99))
    for image in _batches(model, clips, images, seed, optimizer, lr, tick, pairs=False):
        with torch.no_grad():
            known = teacher.geometry(image)
            goal = view_grid(teacher.depth_over_prior(known.raw_depth), turn.expand(len(image), -1))[1]
            view, inside = turned(known.view, turn), (goal > 0).float()
        own = model.geometry(image)
        error = (model.depth_over_prior(own.raw_depth) - goal) * inside
        slopes = error.diff(dim=-1).abs().mean() + error.diff(dim=-2).abs().mean()
        loss = (
            10 * error.abs().mean()
            + 100 * slopes
            + (own.view - view)[:, :3].abs().mean() / 10
            + 50 * (own.view - view)[:, 3:].abs().mean()
        )
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    return float(turn[0, 1])


def partners(values: Tensor) -> Tensor:
    """Exchange every two neighbours of a batch."""
    return values.unflatten(0, (-1, 2)).flip(1).flatten(0, 1)


def pyramid_l1(drawn: Tensor, image: Tensor, weight: Tensor, levels: int = 3) -> Tensor:
    """L1 of pictures and of their gradients, over several halvings, so that far places pull too.

    Args:
        drawn: B x 3 x S x S.
        image: B x 3 x S x S.
        weight: B x 1 x S x S of the places.
        levels: sizes to compare at.

    Returns:
        Scalar.
    """
    total = losses.gradient_l1(drawn, image, weight, levels)
    for number in range(levels):
        total = total + losses.masked_mean((drawn - image).abs(), weight) * (0.5 if number else 1 / 3)
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
    """Train the view network on pairs of frames under the depth as it is.

    A picture is turned to the front, where hidden places are filled from their mirror side and light is divided out,
    and rendered at the view and light of the other frame; its own mirror image, at its own view.

    Args:
        model: changed in place.
        clips: the data set.
        seed: of the batches.
        images: to see.
        lr: Adam's largest learning rate.
        mirrored: weight of the mirror images.
        tick: see Tick.

    Returns:
        Mean loss of the last tenth of the steps.
    """
    u, v = pixel_grid(model.average_depth.shape[-1], device=model.average_depth.device).unbind(-1)
    radius = ((u / 0.8).square() + ((v - 0.1) / 0.95).square()).sqrt()
    oval = 0.1 + 0.9 * torch.sigmoid((1 - radius) / 0.08)  # hair and background move by themselves
    optimizer = torch.optim.Adam(model.view_net.parameters(), lr, betas=(0.9, 0.99))
    softness = max(1, model.config["softness"] * oval.shape[-1] // model.size)
    found = []
    for image in _batches(model, clips, images, seed, optimizer, lr, tick, pairs=True):
        face = model.geometry(image)
        light, depth = face.light.detach(), model.depth_over_prior(face.raw_depth).detach()
        front = model.frontal(image, depth, face.view, light)
        loss = torch.zeros((), device=image.device)
        for albedo, shape, weight in (
            (partners(front.filled), partners(depth), 1.0),
            (front.seen.flip(-1), depth.flip(-1), mirrored),
        ):
            drawn, mask = render(shade(albedo, shape, light, softness), shape, face.view)
            loss = loss + weight * pyramid_l1(drawn, image, mask * oval)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        found.append(loss.detach())
    optimizer.zero_grad(set_to_none=True)  # or the trainer's next step would move the view once more
    last = found[-max(1, len(found) // 10) :]
    return float(torch.stack(last).mean())
