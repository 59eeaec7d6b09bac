"""Shape and texture apart: four switches that say whose each part of a swap is."""

from __future__ import annotations

import gradio as gr

from app.session import plain_error
from latentface.pipeline import USUAL, Whose

PARTS = (
    ("shape_identity", "Shape, identity", "The form of the face at rest"),
    ("texture_identity", "Colour, identity", "Skin, eyes and hair at rest"),
    ("shape_expression", "Shape, expression", "How the features move"),
    ("texture_expression", "Colour, expression", "Shadows, lids, teeth"),
)
"""Field of Whose, label, explanation."""
SIDES = ("A", "B")


def whose_switches(elem_id: str = "whose") -> list[gr.Radio]:
    """Add the switches, in the order of PARTS, as the usual swap has them.

    Args:
        elem_id: Begins their ids, which end in the field's name, such as -shape-identity.
    """
    with (
        gr.Accordion("Shape and colour apart: whose is each part?", open=False, elem_id=elem_id),
        gr.Row(elem_classes="whose"),
    ):
        return [
            gr.Radio(
                SIDES, value=getattr(USUAL, field).upper(), label=label, info=about, min_width=150,
                elem_id=f"{elem_id}-{field.replace('_', '-')}", elem_classes="switch",
            )
            for field, label, about in PARTS
        ]  # fmt: skip


def whose_of(*chosen: str | None) -> Whose:
    """Read the switches.

    Args:
        chosen: "A" or "B" for each of PARTS.

    Raises:
        gr.Error: One is neither.
    """
    if len(chosen) != len(PARTS) or not set(chosen) <= set(SIDES):
        raise plain_error("every part is A's or B's", "Whose part?")
    return Whose(**{field: str(side).lower() for (field, _, _), side in zip(PARTS, chosen, strict=True)})
