"""Questions about the diffusion: what it draws when it is told nothing, and what one step is worth."""

from __future__ import annotations

from app.how.scene import SMALL, pair
from app.quiz.question import Answer, Asked, Choice, Pictures, Question, bar
from app.quiz.sheet import Sheet
from latentface.codes import Codes
from latentface.explain.untold import MANY

OUT = {
    "this": "Even untold, it ends as near this face as before: the condition hardly matters to this diffusion.",
    "same": "It ends at one and the same face: without a condition this diffusion knows no more than the average.",
    "others": "Every noise ends at somebody else, who does not exist: the condition alone makes them like this person.",
}
"""Who comes out -> what it means."""
STEPS = {
    "one": "One step gives the middle of all faces that it takes for possible. Fifty steps choose one of them: a "
    "person of their own.",
    "many": "Every step corrects the one before, and the last is nearest to this face.",
    "same": "Its first guess is already its last: given the face, this diffusion has one answer.",
}
"""Which way ends more like the face -> what it means."""


def drawn(sheet: Sheet, codes: Codes, label: str) -> Pictures:
    """Draw faces from the front."""
    images = sheet.model.pipeline.decode(codes).canonical.clamp(-1, 1)
    return [pair(image, f"{label}, noise {at + 1}", SMALL) for at, image in enumerate(images)]


def ask_untold(sheet: Sheet) -> Asked:
    """Show people drawn with this face as the condition."""
    nothing = "nothing" if sheet.model.pipeline.prior is not None else "the average face in place of this one"
    return Asked(
        "A diffusion starts from noise, random numbers, and takes it away step by step until a face is left. These "
        "faces came out while it was told this face's code: that is its condition. Now it starts from the same noise "
        f"and is told {nothing}. Who comes out?",
        [Choice("this", "People like this one again"), Choice("same", "One and the same other face, each time"),
         Choice("others", "Somebody else each time")],
        drawn(sheet, sheet.untold.told, "Told"),
    )  # fmt: skip


def untold(sheet: Sheet) -> Answer:
    """Say who comes out without a condition."""
    found = sheet.untold
    bars = [
        *(bar(f"Told, noise {at + 1}", value, 1, f"{value:.2f}") for at, value in enumerate(found.told_to_face)),
        *(bar(f"Untold, noise {at + 1}", value, 1, f"{value:.2f}") for at, value in enumerate(found.to_face)),
    ]
    return Answer(
        found.verdict, OUT[found.verdict],
        "How alike each one is to this face for the model, 1 being the same; among each other, the untold ones are "
        f"{found.between:.2f} alike.",
        drawn(sheet, found.faces, "Untold"), bars,
    )  # fmt: skip


def ask_steps(sheet: Sheet) -> Asked:
    """Ask what one step gives."""
    return Asked(
        f"The diffusion is told this face. From the same noise it goes to a person in one step, or in {MANY} small "
        "ones. Which way ends more like this face?",
        [Choice("one", "One step"), Choice("many", f"{MANY} steps"), Choice("same", "Both alike")],
        [pair(sheet.shown.face.level[0], f"This face: {sheet.shown.name}", SMALL)],
    )  # fmt: skip


def steps(sheet: Sheet) -> Answer:
    """Say which way ends nearer to the face."""
    found = sheet.hasty
    one, many = found.to_face
    return Answer(
        found.verdict, STEPS[found.verdict],
        "How alike the people are to this face for the model, the mean over three draws of noise.",
        drawn(sheet, found.one, "One step") + drawn(sheet, found.many, f"{MANY} steps"),
        [bar("One step", one, 1, f"{one:.2f}"), bar(f"{MANY} steps", many, 1, f"{many:.2f}")],
    )  # fmt: skip


QUESTIONS = (
    Question("untold", "What happens with no condition?", ask_untold, untold),
    Question("steps", "One step, or fifty?", ask_steps, steps),
)
