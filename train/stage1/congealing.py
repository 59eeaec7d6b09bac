"""Teaches stage 1 where features lie, by laying faces over one another (congealing, Learned-Miller, PAMI 2006; latentface/warp.py).

With the frame settled, a face seen from the front is to be drawn from few numbers: its texture in the average layout, told by
a handful of principal components, laid out again by its displacements. What so few numbers can draw is aligned faces, so eyes
come to lie over eyes. And it is to be drawn from the texture of another frame of the same person: what an expression moves is
layout, not texture.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from latentface.autoencoder import Autoencoder
from latentface.camera import pixel_grid
from latentface.warp import gather, spread
from train import losses
from train.data.clips import People, another_frame
from train.stage1.canonical_frame import partners, pyramid_l1

BATCH = 32
RANKS = (8, 24, 64)
"""Principal components that draw the texture, in the three thirds of the training: few at first, or nothing need be aligned."""
REFIT = 100
"""Steps after which they are fitted anew, to the textures of the last 64 batches."""


def face_oval(size: int, device=None) -> Tensor:
    """Weight of every place of the canonical map, size x size: 1 in the face, a twentieth for hair and background."""
    u, v = pixel_grid(size, device=device).unbind(-1)
    return 0.05 + 0.95 * torch.sigmoid((1 - ((u / 0.72).square() + ((v - 0.12) / 0.88).square()).sqrt()) / 0.08)


class Components:
    """Textures B x 3 x S x S as `rank` principal components draw them, under weights S x S."""

    def __init__(self, textures: Tensor, weight: Tensor, rank: int):
        flat, self.root = textures.flatten(1), weight.sqrt().expand(3, -1, -1).flatten()
        self.mean = flat.mean(0)
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.axes = torch.svd_lowrank((flat - self.mean) * self.root, min(rank, len(flat) - 1), niter=2)[2]

    def __call__(self, textures: Tensor) -> Tensor:
        flat = (textures.flatten(1) - self.mean) * self.root
        return ((flat @ self.axes @ self.axes.T) / self.root + self.mean).view_as(textures)


def bending(moves: Tensor) -> Tensor:
    """Mean absolute second derivative of displacements B x S x S x 2 along both axes, per half width: 0 where they are affine."""
    down = moves[:, 2:] + moves[:, :-2] - 2 * moves[:, 1:-1]
    right = moves[:, :, 2:] + moves[:, :, :-2] - 2 * moves[:, :, 1:-1]
    return (down.abs().mean() + right.abs().mean()) * ((moves.shape[1] - 1) / 2) ** 2


def learn_layout(
    model: Autoencoder,
    albedo: Tensor,
    person: Tensor,
    seed: int,
    images: int,
    lr: float = 5e-4,
    another: float = 1.0,
    stiffness: float = 0.03,
    tick: Callable[[int], None] = lambda _: None,
) -> float:
    """Trains the model's layout; the rest of it stands still. Returns the last tenth's mean loss.

    albedo: N x 3 x s x s canonical albedos (train/stage1/texture_basis.py). person: N int64, whose they are. another: weight of drawing a face
    from another frame's texture. stiffness: of bent displacements. tick: called with the albedos seen before every step.
    """
    parts = [model.layout_encoder, model.layout]
    parameters = [p for part in parts for p in part.parameters()]
    for parameter in parameters:
        parameter.requires_grad_(True)
    optimizer = torch.optim.Adam(parameters, lr, betas=(0.9, 0.99))
    size, device = albedo.shape[-1], parameters[0].device
    oval = face_oval(size, device)
    weight = oval[None, None]

    def error(drawn: Tensor, wanted: Tensor) -> Tensor:
        mask = weight.expand(len(wanted), -1, -1, -1)
        return pyramid_l1(drawn, wanted, mask) + 3 * losses.gradient_l1(drawn, wanted, mask)

    components = Components(albedo[:2048].to(device).float(), oval, RANKS[0])
    people = People(person)
    recent, found, steps = [], [], max(1, images // BATCH)
    for step in range(steps):
        tick(step * BATCH)
        generator = torch.Generator().manual_seed(seed * 1_000_003 + step)
        rows = torch.randint(len(albedo), (BATCH // 2,), generator=generator)
        rows = torch.stack([rows, another_frame(people, rows, generator)], 1).flatten()
        face = albedo[rows].to(device).float()
        if torch.rand((), generator=generator) < 0.5:
            face = face.flip(-1)
        for group in optimizer.param_groups:
            group["lr"] = lr * min(1.0, (step + 1) / 100, 2 * (1 - step / steps))
        with torch.autocast(device.type, torch.bfloat16):
            code = model.layout_encoder(face)
        moves = model.layout(code.float(), size)
        texture = gather(face, moves)
        recent = [*recent[-63:], texture.detach()]
        drawn = spread(torch.cat([components(texture), partners(texture).detach()], 1), moves)
        loss = error(drawn[:, :3], face) + another * error(drawn[:, 3:], face)
        still = 0.3 * moves.square().mean() + 5 * moves.mean(0).square().mean()
        loss = loss + stiffness * bending(moves) + still
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        found.append(loss.detach())
        if (step + 1) % REFIT == 0:
            components = Components(torch.cat(recent), oval, RANKS[3 * step // steps])
    for parameter in parameters:  # a gradient left behind would move them once more, in the trainer's next step
        parameter.requires_grad_(False).grad = None
    return float(torch.stack(found[-max(1, len(found) // 10) :]).mean())
