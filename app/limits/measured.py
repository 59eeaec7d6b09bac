"""What was measured of the checkpoint, on whom, and what speaks against two uses: figures of its own result files."""

from __future__ import annotations

from html import escape

from app.session import Model
from latentface.fairness import shown_group
from latentface.findings import Finding, GroupFigures, read_findings, read_misuses
from latentface.results import read_comparison

NOTHING = """<p>Nothing was measured of this checkpoint yet. <code>python -m train evaluate --suite all --checkpoint {}
--data ...</code> measures it.</p>"""
USES = (
    ("Identify nobody", "Do not use it to find out who somebody is, or whether two photos show one person."),
    ("Judge nobody's feelings", "A smile is a shape of the face. What somebody feels is not in it."),
    (
        "Show nobody without their consent",
        "A face that is swapped, or driven (moved by another's clip), shows what the person never did.",
    ),
    ("Prove nothing", "What a photo does not show is made up from other faces: hair, skin, teeth, the far cheek."),
)
"""What it must not be used for, and why; the first two have figures in MISUSES, in this order."""
KINDS = {"yaw": "yaw, the head's turn to the side"}
"""Kind of group -> plainer words for it."""


def measured_html(model: Model) -> str:
    """Write the cards of all figures, and the figures by group."""
    found = read_findings(model.folder)
    if not found.any:
        return NOTHING.format(escape(model.name))
    cards = [*found.measured, *([found.unnoticed] if found.unnoticed else [])]
    written = f"<div class=cards>{''.join(card(one) for one in cards)}</div>" if cards else ""
    if not found.grouped:
        return written
    groups = "".join(group_row(one) for one in found.grouped)
    return (
        f"{written}<h4>Error of the way the surface faces, by group</h4><div class=scroll><table><thead><tr>"
        f"<th scope=col>by</th><th scope=col>worst</th><th scope=col>all groups</th></tr></thead><tbody>{groups}"
        f"</tbody></table></div><p class=data>{escape(found.grouped_data)}. Differences were not tested against "
        "chance.</p>"
    )


def card(one: Finding) -> str:
    """Write one figure."""
    return (
        f"<section class=card><p><strong>{escape(one.figure)}</strong> {escape(one.words)}.</p>"
        f"<p class=data>{escape(one.data)}</p><details><summary>How</summary><p class=data>{escape(one.source)}</p>"
        "</details></section>"
    )


def group_row(one: GroupFigures) -> str:
    """Write the figures of one kind of group."""
    shown = {name: escape(shown_group(one.kind, name)) for name in one.groups}
    figures = ", ".join(f"{shown[name]} {figure:.1f}° ({count:,})" for name, (count, figure) in one.groups.items())
    worst = f"{shown[one.worst]} {one.groups[one.worst][1]:.1f}°"
    return f"<tr><th scope=row>{escape(KINDS.get(one.kind, one.kind))}</th><td>{worst}</td><td>{figures}</td></tr>"


def uses_html(model: Model) -> str:
    """Write what it must not be used for."""
    figures: list[Finding | None] = [*read_misuses(read_comparison(), model.name)]
    figures = [figures[at] if at < len(figures) else None for at in range(len(USES))]
    cards = []
    for (title, why), figure in zip(USES, figures, strict=True):
        said = f"<p>{escape(figure.sentence)}</p><p class=data>{escape(figure.data)}</p>" if figure else ""
        cards.append(f"<section class=card><h4>{escape(title)}</h4><p>{escape(why)}</p>{said}</section>")
    return f"<div class=cards>{''.join(cards)}</div>"
