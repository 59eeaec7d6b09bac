"""All scenes in order, and one of them as the page takes it."""

from __future__ import annotations

from typing import Any

from app.how import contrast, stage1, stage2
from app.how.scene import Case, HowScene
from app.session import Model, Shown

SCENES: tuple[HowScene, ...] = (*stage1.SCENES, *stage2.SCENES, *contrast.SCENES)


def case_of(model: Model, shown: Shown) -> Case:
    """Give what is known of a face, worked out as it is needed; it lives as long as the face."""
    case = model.cases.get(shown)
    if case is None:
        case = model.cases[shown] = Case(model, shown)
    return case


def listed() -> list[dict[str, str]]:
    """List the scenes for the page."""
    return [{"id": scene.id, "chapter": scene.chapter, "title": scene.title} for scene in SCENES]


def scene_content(model: Model, shown: Shown, other: Shown, index: object) -> dict[str, Any]:
    """Draw one scene.

    Args:
        model: The model.
        shown: The face that it is about.
        other: The face B.
        index: Which scene, counted from 0, as it came with a request: anything a stranger may write.

    Returns:
        Empty where there is no such scene.
    """
    if type(index) is not int or not 0 <= index < len(SCENES):
        return {}
    scene, case = SCENES[index], case_of(model, shown)
    if scene.id in case.pages:
        return {"scene": index, **case.pages[scene.id]}
    page = scene.draw(case, other).page()
    if shown.photo is not None and shown.photo.example is not None and not scene.takes_both:
        case.pages[scene.id] = page
    return {"scene": index, **page}
