"""What one block of the code does, in pictures: exchanged alone, its nearest faces, its main directions."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from torch import Tensor

from app.components.pictures import figure, front, seen, strip
from app.session import Model, Shown
from latentface.disentanglement import BLOCKS, code_blocks, directions, exchange, neighbours

NEAREST = 6
"""Faces of the gallery that are shown."""
STEPS = (-2.0, -1.0, 0.0, 1.0, 2.0)
"""Standard deviations of a film strip."""
FILMS = 2
"""Directions that are shown."""
SMALL = 128
"""Side of a picture in pixels."""
NO_GALLERY = """<p>Nearest faces and main directions need a gallery of this checkpoint:
<code>python -m train gallery --checkpoint RUN</code>.</p>"""
_blocks: WeakKeyDictionary[Model, dict[str, Tensor]] = WeakKeyDictionary()
_films: WeakKeyDictionary[Model, dict[str, str]] = WeakKeyDictionary()


def gallery_blocks(model: Model) -> dict[str, Tensor]:
    """Give the blocks of the gallery's codes; worked out once a model."""
    if model not in _blocks:
        _blocks[model] = code_blocks(model.pipeline, model.atlas.codes)
    return _blocks[model]


def exchanged(model: Model, a: Shown, b: Shown, block: str) -> str:
    """Draw A, B, and A with that block of B alone, as HTML."""
    scene = model.pipeline.decode_fine(exchange(model.pipeline, a.face.codes, b.face.codes, block))
    name = BLOCKS[block]
    return f"<h4>A with B's {name} alone</h4>" + strip(
        figure(seen(a.scene), f"A: {a.name}"),
        figure(seen(scene), f"A with B's {name}"),
        figure(seen(b.scene), f"B: {b.name}"),
    )


def nearest(model: Model, face: Shown, block: str) -> str:
    """Draw the gallery's faces that are nearest to a face by that block alone, as HTML."""
    if not model.mapped:
        return NO_GALLERY
    rows = neighbours(gallery_blocks(model)[block], code_blocks(model.pipeline, face.face.codes)[block][0], NEAREST)
    figures = [figure(model.atlas.crop(row, SMALL), f"person {model.atlas.faces[row]['person']}") for row in rows]
    return f"<h4>Nearest to {face.name} by its {BLOCKS[block]} alone</h4>" + strip(*figures)


def films(model: Model, block: str) -> str:
    """Draw the main directions in which the block varies, from the gallery's average face, as HTML; kept a model."""
    if not model.mapped:
        return ""
    kept = _films.setdefault(model, {})
    if block not in kept:
        found = directions(model.pipeline, model.atlas.codes, gallery_blocks(model), block, FILMS, list(STEPS))
        draw = seen if block in ("view", "light", "full") else front
        strips = []
        for codes in found:
            scenes = [model.pipeline.decode(codes[at : at + 1]) for at in range(len(STEPS))]
            strips.append(
                strip(
                    *(
                        figure(draw(scene, SMALL), f"{step:+.0f} sd" if step else "average")
                        for scene, step in zip(scenes, STEPS, strict=True)
                    )
                )
            )
        kept[block] = (
            f"<h4>Main directions of the {BLOCKS[block]}, from the average face</h4>"
            + f"<div class=films-of-block>{''.join(strips)}</div>"
        )
    return kept[block]
