"""The tabs of the page, in order: a tab is one file here and one line in TABS."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from app.session import Session
from app.tabs import (
    compare,
    diffusion,
    disentangle,
    how_it_works,
    limits,
    maps,
    mirror,
    predict,
    reconstruct,
    swap,
    training,
    video,
)


def always(session: Session) -> bool:
    """Show a tab on every page."""
    return True


@dataclass(frozen=True)
class Tab:
    """One tab of the page."""

    name: str
    """What the visitor reads on it."""
    id: str
    """Its id on the page, for links and tests."""
    build: Callable[[Session], None]
    """Adds its contents to the current gr.Blocks."""
    is_shown: Callable[[Session], bool] = always
    """Whether the page has it: a tab that needs a file comes with that file."""


TABS = (
    Tab("Reconstruct", "reconstruct", reconstruct.build),
    Tab("Swap", "swap", swap.build),
    Tab("Video", "video", video.build),
    Tab("Mirror", "mirror", mirror.build),
    Tab("Diffusion", "diffusion", diffusion.build),
    Tab("Maps", "maps", maps.build),
    Tab("Disentangle", "disentangle", disentangle.build, disentangle.is_shown),
    Tab("Compare", "compare", compare.build, compare.is_shown),
    Tab("How it works", "how", how_it_works.build),
    Tab("Predict", "predict", predict.build),
    Tab("Limits", "limits", limits.build),
    Tab("Training", "training", training.build, training.is_shown),
)
