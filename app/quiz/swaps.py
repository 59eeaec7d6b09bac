"""Questions about a swap: whose expression it shows, and whom it looks like."""

from __future__ import annotations

from app.components.pictures import seen, uri
from app.how.scene import SMALL, pair
from app.quiz.question import Answer, Asked, Choice, Question, bar, mixed
from app.quiz.sheet import STRONG, Sheet
from app.session import Shown
from latentface.codes import Codes

SIDE = 240
"""Side in pixels of the picture that is asked about."""


def drawn(sheet: Sheet, codes: Codes, label: str) -> dict[str, str]:
    """Draw a face at its own view and light."""
    return {"src": uri(seen(sheet.model.pipeline.decode(codes), SIDE)), "label": label}


def faces(sheet: Sheet) -> list[Shown]:
    """Give those among whom the owner of the expression is looked for."""
    return [sheet.others[at] for at in sheet.candidates]


def ask_whose(sheet: Sheet) -> Asked:
    """Show this face with somebody's expression."""
    choices = [Choice(str(at), face.name, face.thumbnail) for at, face in zip(sheet.candidates, faces(sheet),
               strict=True)]  # fmt: skip
    return Asked(
        "This face was given the expression of one of the people below. Whose?", mixed(choices, sheet, "whose"),
        [pair(sheet.shown.face.level[0], f"This face: {sheet.shown.name}", SIDE),
         drawn(sheet, sheet.swapped(1.0), "With somebody's expression")],
    )  # fmt: skip


def whose(sheet: Sheet) -> Answer:
    """Say whose expression it is, and whose the model sees in the picture."""
    alike = sheet.expressions_alike
    best = max(range(len(alike)), key=lambda at: alike[at])
    lender, found = sheet.lender, faces(sheet)[best]
    told = (
        f"It was taken from {lender.name}, and that is what the model sees change: expressions can be added."
        if found is lender
        else f"It was taken from {lender.name}, but what the model sees change is more like {found.name}'s: a swap "
        "does not carry everything."
    )
    bars = [bar(face.name, value, 1, f"{value:.2f}") for face, value in zip(faces(sheet), alike, strict=True)]
    return Answer(
        str(sheet.candidates[0]), told,
        "The model reads the picture again: how alike is what changed there to the expression of each? 1 is the same, "
        "0 unrelated, below 0 the opposite.",
        [pair(face.face.level[0], face.name, SMALL) for face in faces(sheet)], bars,
    )  # fmt: skip


def ask_whom(sheet: Sheet) -> Asked:
    """Show the same swap, stronger."""
    return Asked(
        f"Now the expression of {sheet.lender.name} is put on {STRONG:g} times as strong. Whom does the result look "
        "like, for the model?",
        [Choice("a", sheet.shown.name, sheet.shown.thumbnail), Choice("b", sheet.lender.name, sheet.lender.thumbnail)],
        [drawn(sheet, sheet.swapped(STRONG), f"Expression × {STRONG:g}")],
    )


def whom(sheet: Sheet) -> Answer:
    """Say whom the strong swap looks like."""
    a, b = sheet.identities_alike
    keeps = a >= b
    why = (
        f"The identity part stayed {sheet.shown.name}'s: only the expression part was changed."
        if keeps
        else f"The parts are not split cleanly: so strong, the expression brings {sheet.lender.name}'s looks along."
    )
    return Answer(
        "a" if keeps else "b", why,
        "How alike is the person seen in the result to each of the two? 1 is the same person. It is the model's own "
        "opinion.",
        [drawn(sheet, sheet.swapped(strength), f"Expression × {strength:g}") for strength in (0.0, 1.0, STRONG)],
        [bar(sheet.shown.name, a, 1, f"{a:.2f}"), bar(sheet.lender.name, b, 1, f"{b:.2f}")],
    )  # fmt: skip


QUESTIONS = (
    Question("expression", "Whose expression is it?", ask_whose, whose),
    Question("person", "And who is it?", ask_whom, whom),
)
