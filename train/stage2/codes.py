"""Codes of clips for stage 2: every frame's code and, as target, the mean of the person's other frames."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from latentface.autoencoder import Autoencoder
from latentface.paper import PaperAutoencoder
from train.common.run import Progress
from train.data.clips import Clips


@dataclass
class FrameCodes:
    """Codes of N frames, on the CPU, with what each frame is for."""

    face: Tensor
    """N x V x C, shape and texture side by side, of V crops; crop 0 is the plain one."""
    known: Tensor
    """N x G, what else is known of the plain crop: view, light, and the view's squares."""
    person: Tensor
    """N int64."""
    learning: Tensor
    """N bool: frames of people to learn from, shards of weight 0 included."""
    drawn: Tensor
    """N bool: of these, frames of shards that weigh anything."""
    rows: Tensor
    """Frames to train on: drawn, and not their person's only one."""
    held: Tensor
    """Frames to validate on."""
    target: Tensor
    """N x C, see `others_mean`."""


def read_codes(model: Autoencoder | PaperAutoencoder, clips: Clips, views: int, seed: int) -> FrameCodes:
    """Encode clips and say what each frame is for.

    Args:
        model: the stage 1 network.
        clips: frames; a weight of 0 leaves them out of `drawn`.
        views: crops of each frame.
        seed: of the crops.

    Raises:
        ValueError: where nobody to train on has two frames.
    """
    weighs = torch.ones_like(clips.validation) if clips.weight is None else clips.weight > 0
    drawn, usable = ~clips.validation & weighs, torch.bincount(clips.person)[clips.person] > 1
    rows, held = ((usable & part).nonzero().flatten() for part in (drawn, clips.validation & weighs))
    if not len(rows):
        raise ValueError("no person to train on has two frames: the RDM learns from several frames of one person")
    progress = Progress(len(clips.images), unit="frames encoded")
    codes = encode_clips(model, clips, views, seed, lambda done, _: progress(done, line=False))
    known = torch.cat([codes["view"], codes["light"], codes["view"].square()], 2)[:, 0]
    target = others_mean(codes["face"], clips.person)
    return FrameCodes(codes["face"], known, clips.person, ~clips.validation, drawn, rows, held, target)


@torch.no_grad()
def encode_clips(
    model: Autoencoder | PaperAutoencoder,
    clips: Clips,
    views: int,
    seed: int,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Tensor]:
    """Encode all frames.

    Args:
        model: the stage 1 network.
        clips: N frames.
        views: crops of each; view 0 is the plain crop, the others are shifted and mirrored.
        seed: of the crops.
        progress: called with the frames done and N.

    Returns:
        {"face", "view", "light"}: N x views x C each, on the CPU.
    """
    generator = torch.Generator().manual_seed(seed)
    device = next(model.parameters()).device
    out: dict[str, list[Tensor]] = {name: [] for name in ("face", "view", "light")}
    rows = torch.arange(len(clips.images))
    for done, part in enumerate(rows.split(256)):
        codes = []
        for view in range(views):
            image = clips.jittered(part, model.size, generator) if view else clips.centre(part, model.size)
            codes.append(model.encode(image.to(device, memory_format=torch.channels_last)))
        for name, found in out.items():
            found.append(torch.stack([getattr(c, name).float().cpu() for c in codes], 1))
        if progress:
            progress(min(len(rows), (done + 1) * 256), len(rows))
    return {name: torch.cat(parts) for name, parts in out.items()}


def others_mean(codes: Tensor, person: Tensor) -> Tensor:
    """Average the codes of the person's other frames: the frame itself would leak into its target.

    Args:
        codes: N x V x C, all crops of the N frames.
        person: N int64.

    Returns:
        N x C means over the other frames' crops; 0 where there is no other frame.
    """
    people = int(person.max()) + 1
    frame = codes.mean(1)
    total = torch.zeros(people, codes.shape[-1]).index_add_(0, person, frame)
    count = torch.bincount(person, minlength=people)[person]
    return (total[person] - frame) / (count - 1).clamp(min=1)[:, None]
