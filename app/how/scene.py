"""What a scene of tab How it works is made of, and the face that it is about."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from weakref import ref

import numpy as np
from torch import Tensor

from app.components.pictures import uri
from app.components.stage import packed
from app.how.mathml import math
from app.session import Model, Shown
from latentface.codes import Scene
from latentface.explain.blocks import Block
from latentface.explain.branches import Branches
from latentface.explain.diffusion import Diffusion
from latentface.explain.way import Way
from latentface.pictures import picture

SIDE = 288
"""Side in pixels of a picture that stands large."""
SMALL = 144
"""Side in pixels of a picture that stands among others."""


@dataclass(frozen=True)
class Formula:
    """One line of mathematics, in the notation of mathml.py."""

    words: str
    """The same in plain words."""
    symbols: str
    """As the papers write it."""
    numbers: str = ""
    """The same with this face's numbers in it."""
    source: str = ""
    """Paper, section, equation."""

    def page(self) -> dict[str, str]:
        """Write it for the page."""
        numbers = math(self.numbers) if self.numbers else ""
        return {"words": self.words, "symbols": math(self.symbols), "numbers": numbers, "source": self.source}


@dataclass(frozen=True)
class Drawn:
    """A scene as the page shows it."""

    visual: dict[str, Any]
    """What moves: "kind" names a part of web/how_*.js, the rest is its data; {} where there is nothing to see."""
    story: str
    """One sentence, or two."""
    terms: dict[str, str] = field(default_factory=dict)
    """Words that stand here first -> what they mean."""
    blocks: list[tuple[Block, str]] = field(default_factory=list)
    """Networks and what they do."""
    formulas: list[Formula] = field(default_factory=list)

    def page(self) -> dict[str, Any]:
        """Write it for the page."""
        rows = [
            {"name": block.name, "role": role, "parameters": block.parameters, "shapes": block.shapes}
            for block, role in self.blocks
        ]
        return {
            "visual": self.visual, "story": self.story, "terms": self.terms, "blocks": rows,
            "formulas": [formula.page() for formula in self.formulas],
        }  # fmt: skip


class Case:
    """A face with all that the scenes work out of it, each when it is asked for."""

    def __init__(self, model: Model, shown: Shown):
        self.model, self._shown = model, ref(shown)
        self.pages: dict[str, dict[str, Any]] = {}
        """Scenes of an example face, as they were drawn: a whole class looks at the same ones."""

    @property
    def shown(self) -> Shown:
        """The face, which is not kept alive from here: a visitor's goes when the visitor goes."""
        shown = self._shown()
        assert shown is not None
        return shown

    @cached_property
    def way(self) -> Way:
        """Its way through stage 1."""
        return Way(self.model.pipeline, self.shown.face.level)

    @cached_property
    def diffusion(self) -> Diffusion:
        """Its way through stage 2."""
        return Diffusion(self.model.pipeline, self.way.codes)

    @cached_property
    def branches(self) -> Branches:
        """Itself, and example faces beside it, as PCL sees them."""
        assert self.model.pcl is not None
        faces = (self.shown, *self.others)
        return Branches.of_sizes(self.model.pcl, [one.face.level for one in faces])

    @cached_property
    def others(self) -> list[Shown]:
        """Example faces that are not this one, five at most."""
        examples = (self.model.example(number) for number in range(len(self.model.examples)))
        return [example for example in examples if example is not self.shown][:5]


@dataclass(frozen=True)
class HowScene:
    """One scene."""

    id: str
    """In the page's address."""
    chapter: str
    title: str
    draw: Callable[[Case, Shown], Drawn]
    """Draws it for a face, and for the other face B."""
    takes_both: bool = False
    """Whether it shows B."""


def src(image: Tensor, size: int = SIDE) -> str:
    """Write a picture, 3 x S x S in [-1, 1], as a data address."""
    return uri(picture(image, size))


def frames(
    images: Tensor | list[np.ndarray],
    labels: list[str],
    name: str,
    beside: list[dict[str, str]] | None = None,
    size: int = SIDE,
    **more: object,
) -> dict[str, Any]:
    """Make a series of pictures to play and to scrub through.

    Args:
        images: N x 3 x S x S in [-1, 1], or N of uint8 H x W x 3.
        labels: A caption each.
        name: What the slider goes over.
        beside: Pictures that stand by, each {"src", "label"}.
        size: Of the pictures in pixels.
        more: Further entries, see web/how_frames.js.
    """
    pictures = [src(image, size) if isinstance(image, Tensor) else uri(image) for image in images]
    shown = [{"src": one, "label": label} for one, label in zip(pictures, labels, strict=True)]
    return {"kind": "frames", "frames": shown, "name": name, "beside": beside or [], **more}


def relief(variants: list[tuple[str, Scene]], layer: str, hand: str, still: Tensor, **more: object) -> dict[str, Any]:
    """Make a face in 3D to turn, or to light.

    Args:
        variants: Caption and scene of each state that it goes through, all of one size.
        layer: One of LAYERS in web/stage_gl.js.
        hand: What dragging does: "turn" or "light".
        still: 3 x S x S in [-1, 1], for browsers without WebGL.
        more: Further entries, see web/how_relief.js.
    """
    scene = variants[-1][1]
    return {
        "kind": "relief", "variants": [{"label": label, "scene": packed(one)} for label, one in variants],
        "layer": layer, "hand": hand, "view": scene.view[0].tolist(), "light": scene.light[0].tolist(),
        "still": src(still), **more,
    }  # fmt: skip


def rounded(values: Tensor, digits: int = 3) -> list:
    """Write numbers short."""
    return [[round(v, digits) for v in row] for row in values.tolist()] if values.dim() == 2 else [
        round(v, digits) for v in values.tolist()
    ]  # fmt: skip


def signed(value: float, digits: int = 2) -> str:
    """Write a number that may be negative, in brackets where it is."""
    text = f"{value:.{digits}f}"
    return f"({text})" if value < 0 else text


def pair(image: Tensor, label: str, size: int = SIDE) -> dict[str, str]:
    """Make a picture that stands by, of 3 x S x S in [-1, 1]."""
    return {"src": src(image, size), "label": label}
