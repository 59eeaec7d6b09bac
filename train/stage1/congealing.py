"""Congealing: learns the warp by laying faces over one another (Learned-Miller, PAMI 2006; see latentface/warp.py).

With the canonical frame level, a frontal albedo is to be drawn from few numbers: its texture in the canonical layout,
rebuilt from a handful of principal components, warped back to the face. So few numbers can draw aligned faces only, so
eyes come to lie over eyes. The albedo is also to be drawn from the texture of another frame of the same person: an
expression moves the warp, not the texture.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from latentface.autoencoder import Autoencoder
from latentface.camera import pixel_grid
from latentface.warp import from_canonical, to_canonical
from train import losses
from train.data.clips import People, another_frame
from train.stage1.canonical_frame import partners, pyramid_l1

BATCH = 32
RANKS = (8, 24, 64)
"""Principal components that draw the texture, in the three thirds of the training: few at first, or nothing need be
aligned."""
REFIT = 100
"""Steps after which they are fitted anew, to the textures of the last 64 batches."""


def face_oval(size: int, device: torch.device | None = None) -> Tensor:
    """Weight of every place of a frontal map, size x size: 1 in the face, a twentieth for hair and background."""
    u, v = pixel_grid(size, device=device).unbind(-1)
    return 0.05 + 0.95 * torch.sigmoid((1 - ((u / 0.72).square() + ((v - 0.12) / 0.88).square()).sqrt()) / 0.08)


class Components:
    """Weighted principal components of textures.

    Args:
        textures: N x 3 x S x S.
        weight: S x S.
        rank: number of components.
    """

    def __init__(self, textures: Tensor, weight: Tensor, rank: int):
        flat, self.root = textures.flatten(1), weight.sqrt().expand(3, -1, -1).flatten()
        self.mean = flat.mean(0)
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.axes = torch.svd_lowrank((flat - self.mean) * self.root, min(rank, len(flat) - 1), niter=2)[2]

    def __call__(self, textures: Tensor) -> Tensor:
        """Rebuild textures B x 3 x S x S from the components."""
        flat = (textures.flatten(1) - self.mean) * self.root
        return ((flat @ self.axes @ self.axes.T) / self.root + self.mean).view_as(textures)


def bending(displacement: Tensor) -> Tensor:
    """Mean absolute second derivative of displacements along both axes, per half width; 0 where they are affine.

    Args:
        displacement: B x S x S x 2.

    Returns:
        Scalar.
    """
    down = displacement[:, 2:] + displacement[:, :-2] - 2 * displacement[:, 1:-1]
    right = displacement[:, :, 2:] + displacement[:, :, :-2] - 2 * displacement[:, :, 1:-1]
    return (down.abs().mean() + right.abs().mean()) * ((displacement.shape[1] - 1) / 2) ** 2


def learn_warp(
    model: Autoencoder,
    albedo: Tensor,
    person: Tensor,
    seed: int,
    images: int,
    lr: float = 5e-4,
    stiffness: float = 0.03,
    tick: Callable[[int], None] = lambda _: None,
) -> float:
    """Train the model's warp; the rest of it stands still.

    Args:
        model: changed in place.
        albedo: N x 3 x s x s frontal albedos (see texture_basis.frontal_albedo).
        person: N int64.
        seed: of the batches.
        images: albedos to see.
        lr: Adam's largest learning rate.
        stiffness: weight of bent displacements.
        tick: called with the albedos seen before every step; what it raises ends the training.

    Returns:
        Mean loss of the last tenth of the steps.
    """
    parameters = [p for part in (model.layout_encoder, model.layout) for p in part.parameters()]
    for parameter in parameters:
        parameter.requires_grad_(True)
    optimizer = torch.optim.Adam(parameters, lr, betas=(0.9, 0.99))
    size, device = albedo.shape[-1], parameters[0].device
    oval = face_oval(size, device)
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
        displacement = model.layout(code.float(), size)
        texture = to_canonical(face, displacement)
        recent = [*recent[-63:], texture.detach()]
        loss = alignment_loss(face, texture, displacement, components, oval)
        still = 0.3 * displacement.square().mean() + 5 * displacement.mean(0).square().mean()
        loss = loss + stiffness * bending(displacement) + still
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


def alignment_loss(face: Tensor, texture: Tensor, displacement: Tensor, components: Components, oval: Tensor) -> Tensor:
    """Error of faces drawn from their texture's few components, and from their partner's texture.

    Args:
        face: B x 3 x S x S frontal albedos, every two neighbours of one person.
        texture: the same in the canonical layout.
        displacement: B x S x S x 2.
        components: of textures.
        oval: S x S weights.

    Returns:
        Scalar.
    """
    both = torch.cat([components(texture), partners(texture).detach()], 1)
    drawn, mask = from_canonical(both, displacement), oval[None, None].expand(len(face), -1, -1, -1)
    errors = [
        pyramid_l1(part, face, mask) + 3 * losses.gradient_l1(part, face, mask) for part in (drawn[:, :3], drawn[:, 3:])
    ]
    return errors[0] + errors[1]
