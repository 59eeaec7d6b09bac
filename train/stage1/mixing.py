"""Frames of one person side by side, and codes mixed between them.

A frame is rendered from its own view, light and expression numbers; for nine tenths of a batch the rest of its codes is
the mean of the person's other frames. Whatever differs between the frames then has to be view, light or expression. The
expression numbers carry noise (the information bottleneck of Alemi et al., ICLR 2017), so that they say only what the
other frames leave open.
"""

from dataclasses import replace
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from latentface.codes import Codes
from train.data.clips import Clips

FRAMES = 4
"""Frames of a person that stand together in a batch."""
KINDS = ("shape", "texture")
"""The two codes."""


class Mix(NamedTuple):
    """Random part of mixing B codes."""

    borrowed: Tensor
    """B bool: frames whose identity numbers come from the person's other frames."""
    noise: dict[str, Tensor]
    """By kind of code, B x C: added to the expression numbers."""


def draw_clips(clips: Clips, people: int, generator: torch.Generator) -> Tensor:
    """Draw FRAMES frames each of `people` people, as Clips.draw finds them.

    Args:
        clips: the data set.
        people: how many; a person may come twice.
        generator: of the draws.

    Returns:
        Rows, FRAMES * people int64; of a person with fewer frames some are repeated.
    """
    whose = clips.person[clips.draw(people, generator)]
    first, count = clips.people.first[whose], clips.people.count[whose]
    place = torch.rand(people, int(count.max()), generator=generator)
    place[torch.arange(place.shape[1]) >= count[:, None]] = -1  # another person's
    place = place.argsort(dim=1, descending=True)[:, :FRAMES]
    place = F.pad(place, (0, FRAMES - place.shape[1]))
    return clips.people.order[first[:, None] + place % count[:, None]].flatten()


def draw_mix(
    count: int, code: int, borrowed: float, noise: float, generator: torch.Generator, part: tuple[int, int] = (0, 1)
) -> Mix:
    """Draw which frames of a batch borrow, and the noise on their expression numbers.

    Args:
        count: size of the whole batch.
        code: length of either code.
        borrowed: share of the frames that borrow.
        noise: standard deviation of the noise.
        generator: of the draws.
        part: index and number of the processes that share the batch.

    Returns:
        The mix of this process's part, on the CPU.
    """
    mine = slice(count * part[0] // part[1], count * (part[0] + 1) // part[1])
    whose = torch.rand(count, generator=generator) < borrowed
    drawn = {kind: noise * torch.randn(count, code, generator=generator) for kind in KINDS}
    return Mix(whose[mine], {kind: value[mine] for kind, value in drawn.items()})


def mix_codes(codes: Codes, mix: Mix, expression: dict[str, Tensor], frames: int = FRAMES) -> Codes:
    """Mix codes as training renders them.

    Args:
        codes: of B frames, every `frames` neighbours of one person.
        mix: which frames borrow, and the noise.
        expression: by kind of code, C bool: the expression numbers (see Autoencoder.expression_mask).
        frames: frames of a person side by side.

    Returns:
        Codes with noise on the expression numbers and, in borrowing frames, the mean of the person's other frames in
        the identity numbers.
    """
    mixed = {}
    for kind, noise in mix.noise.items():
        code = getattr(codes, kind)
        clips = code.unflatten(0, (-1, frames))
        others = ((clips.sum(1, keepdim=True) - clips) / (frames - 1)).flatten(0, 1)
        identity = torch.where(mix.borrowed[:, None], others, code)
        mixed[kind] = torch.where(expression[kind], code + noise, identity)
    return replace(codes, **mixed)
