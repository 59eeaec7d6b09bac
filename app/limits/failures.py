"""Where the model rebuilds faces worse, by group of people who do not exist: measured here, with the worst of each."""

from __future__ import annotations

from collections.abc import Generator
from html import escape
from weakref import WeakKeyDictionary

from app.components.pictures import uri
from app.session import Model
from latentface.explain.failures import Group, Sorted, by_groups, measured, one_each, rebuilt
from latentface.pictures import picture

SIDE = 112
"""Side of a picture in pixels."""
_found: WeakKeyDictionary[Model, list[float]] = WeakKeyDictionary()
"""What was measured so far: it goes on from there for whoever comes next."""
_drawn: WeakKeyDictionary[Model, str] = WeakKeyDictionary()


def read_on(model: Model) -> Generator[tuple[str, str, bool], None, None]:
    """Measure one picture of everybody in the gallery, from where it was left.

    Args:
        model: The model.

    Yields:
        Words on how far it is, the groups as HTML, and whether everybody was read.
    """
    rows = one_each(model.gallery)
    begun = _found.get(model, [])
    for more in measured(model.pipeline, model.gallery, rows[len(begun) :]):
        _found[model] = [*begun, *more]
        yield f"Reading people: {len(_found[model])} of {len(rows)} …", groups_html(model, rows, {}), False
    if model not in _drawn:
        _drawn[model] = groups_html(model, rows, worst_pictures(model, rows))
    yield f"One picture each of {len(rows)} people was read.", _drawn[model], True


def progress(model: Model) -> str:
    """Say how far it was read when it was stopped."""
    return f"Stopped after {len(_found.get(model, []))} of {len(one_each(model.gallery))} people."


def worst_pictures(model: Model, rows: list[int]) -> dict[int, tuple[str, str]]:
    """Draw the worst face of every group: row -> its picture and what the model makes of it."""
    sorted_by = by_groups(model.gallery, rows, _found[model])
    worst = sorted({group.worst for kind in sorted_by for group in kind.groups if group.worst is not None})
    crops, drawn, _ = rebuilt(model.pipeline, model.gallery, worst)
    return {
        row: (uri(picture(crop, SIDE)), uri(picture(again, SIDE)))
        for row, crop, again in zip(worst, crops, drawn, strict=True)
    }


def groups_html(model: Model, rows: list[int], pictures: dict[int, tuple[str, str]]) -> str:
    """Write all groups.

    Args:
        model: The model.
        rows: Of the gallery, in the order in which they are read.
        pictures: See `worst_pictures`; empty while it is still read.
    """
    return "".join(kind_html(one, pictures) for one in by_groups(model.gallery, rows, _found.get(model, [])))


def kind_html(one: Sorted, pictures: dict[int, tuple[str, str]]) -> str:
    """Write the groups of one kind."""
    most = max((group.missed for group in one.enough), default=1.0)
    parts = "".join(group_html(group, most, pictures) for group in one.groups)
    said = f"<p>{escape(one.sentence)}</p>" if pictures else ""
    head = f"<h4>By {escape(one.kind.name)} <small>({escape(one.kind.how)})</small></h4>"
    return f"<section>{head}{said}<div class=groups>{parts}</div></section>"


def group_html(group: Group, most: float, pictures: dict[int, tuple[str, str]]) -> str:
    """Write one group: its worst face, its bar, its numbers."""
    name = escape(group.name)
    if group.count < 2:
        return f"<div class=group><b>{name}</b><small>too few people</small></div>"
    shown = ""
    if group.worst in pictures:
        crop, again = pictures[group.worst]
        shown = (
            f'<div class=two><img src="{crop}" alt="{name}, rebuilt worst: the picture">'
            f'<img src="{again}" alt="{name}, rebuilt worst: what the model makes of it"></div>'
        )
    width = round(100 * group.missed / most)
    return (
        f"<div class=group>{shown}<b>{name}</b><span class=bar aria-hidden=true><i style='width:{width}%'></i></span>"
        f"<small>{group.missed:.1%} missed, ± {100 * group.error:.1f} points, {group.count} people</small></div>"
    )
