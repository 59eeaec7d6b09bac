"""Questions about the parts of the code: which one knows the pose, and where a darker photo goes."""

from __future__ import annotations

from app.how.scene import SMALL, pair, src
from app.quiz.question import Answer, Asked, Choice, Question, bar, mixed
from app.quiz.sheet import Sheet
from latentface.disentanglement import BLOCKS, PARTS
from latentface.explain.dimming import DIMMED
from latentface.explain.turning import YAWS

KNOWS = {
    "view": "The view part takes the turn, as it should. The others should not move: the bars show how far they do.",
    "identity": "The identity part moves most: to this model a turned head is partly another person.",
    "expression": "The expression part moves most: to this model a turned head partly makes another face.",
    "light": "The light part moves most: to this model a turned head is partly another light.",
}
"""Part -> what it means that it moved most."""
CHANGED = {
    "colour": "The model gives most of the darkness to the face: it takes dim light for a darker skin.",
    "light": "The model gives most of the darkness to the light, and leaves the face most of its colour.",
    "both": "The model gives part of the darkness to the face and part to the light: one photo can't tell them apart.",
    "neither": "The model hardly notices: it takes the dark photo for the same face in the same light.",
}
"""What changed -> what it means."""


def degrees(angle: float) -> str:
    """Write an angle with its sign, no sign before a nought."""
    return f"{round(angle):+d}°" if round(angle) else "0°"


def ask_pose(sheet: Sheet) -> Asked:
    """Show the head turned both ways."""
    turning = sheet.turning
    ends = [pair(turning.pictures[at], degrees(YAWS[at]), SMALL) for at in (0, len(YAWS) // 2, -1)]
    choices = [Choice(name, f"The {BLOCKS[name]}" if name in ("identity", "expression") else f"The {name}") for name
               in PARTS]  # fmt: skip
    return Asked(
        "The head turns and nothing else changes. The model reads each picture anew and writes its code, a row of "
        "numbers in four parts: identity (who it is), expression (what the face does), view (how the head is turned) "
        "and light. Which part changes most, compared with how much it differs between people?",
        mixed(choices, sheet, "pose"), ends,
    )  # fmt: skip


def pose(sheet: Sheet) -> Answer:
    """Say which part moves most when the head turns."""
    turning = sheet.turning
    most = max(turning.moved.values())
    bars = [bar(BLOCKS[name], value, most, f"{value:.2f}") for name, value in turning.moved.items()]
    read = ", ".join(f"{degrees(drawn)} as {degrees(said)}" for drawn, said in zip(YAWS, turning.read, strict=True))
    return Answer(
        turning.block, KNOWS[turning.block],
        "How far each part moves, 1 being as far as people differ. Yaw (turn to the side) of the pictures, drawn and "
        f"read: {read}.",
        [], bars,
    )  # fmt: skip


def ask_dark(sheet: Sheet) -> Asked:
    """Show the photo and the same photo darker."""
    dark = sheet.dimming.dark[0]
    choices = [
        Choice("light", "The light"), Choice("colour", "The colour of the face"),
        Choice("both", "Both, a part each"), Choice("neither", "Neither"),
    ]  # fmt: skip
    return Asked(
        f"The photo is made darker: every pixel keeps {DIMMED:.0%} of its brightness. What will the model take to "
        "have changed?",
        choices, [pair(sheet.shown.face.level[0], "The photo", SMALL), pair(dark, "Darker", SMALL)],
    )  # fmt: skip


def dark(sheet: Sheet) -> Answer:
    """Say where the darkness went."""
    found = sheet.dimming
    labels = ("Colour read off the photo", "Colour read off the darker one")
    return Answer(
        found.changed, CHANGED[found.changed],
        "How bright the model takes colour and light to be in the darker photo, as a share of the photo before; with "
        f"all of the darkness in one of the two, that one would be {DIMMED:.0%} and the other 100%.",
        [{"src": src(image, SMALL), "label": label} for image, label in zip(found.albedos, labels, strict=True)],
        [bar("Colour of the face", found.colour, 1, f"{found.colour:.0%}"),
         bar("Light on it", found.light, 1, f"{found.light:.0%}")],
    )  # fmt: skip


QUESTIONS = (
    Question("pose", "Which part knows the pose?", ask_pose, pose),
    Question("dark", "Dark photo, dark face?", ask_dark, dark),
)
