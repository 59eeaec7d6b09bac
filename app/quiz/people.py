"""Questions about other people: who is the same person again, and which neighbour on a map is a real one."""

from __future__ import annotations

from app.components.pictures import uri
from app.how.scene import SMALL
from app.quiz.question import Answer, Asked, Choice, Question, bar, mixed
from app.quiz.sheet import Sheet


def crop(sheet: Sheet, row: int) -> str:
    """Give a picture of the gallery."""
    return uri(sheet.known.gallery.crop(row, SMALL))


def letters(rows: list[int], sheet: Sheet, question: str) -> list[Choice]:
    """Make choices of pictures of the gallery, lettered in the order in which they stand."""
    order = mixed([Choice(str(row), "") for row in rows], sheet, question)
    return [Choice(one.id, f"Picture {'ABCD'[at]}", crop(sheet, int(one.id))) for at, one in enumerate(order)]


def again_choices(sheet: Sheet) -> list[Choice]:
    """Make the choices of the question about the same person."""
    return letters([sheet.again.right, *sheet.again.others], sheet, "again")


def ask_again(sheet: Sheet) -> Asked:
    """Show the person of the gallery who is likest to this face, and four more pictures."""
    asked = {"src": crop(sheet, sheet.again.asked), "label": "Who is this?"}
    return Asked(
        "This person does not exist: a generator, a network that draws faces, made them up, so it is known which "
        "pictures are theirs. Of all people in the gallery, the app's collection of such pictures, the model finds "
        "them most like this face. Which picture below is the same person?",
        again_choices(sheet), [asked],
    )  # fmt: skip


def again(sheet: Sheet) -> Answer:
    """Say who is the same person, and whom the model takes for them."""
    found, choices = sheet.again, again_choices(sheet)
    names = {int(one.id): one.words for one in choices}
    missed = (
        "The model says so too."
        if found.said == found.right
        else f"The model takes {names[found.said]} for them. Such mistakes are one reason why it must not be used to "
        "identify anybody."
    )
    bars = [bar(one.words, value, 1, f"{value:.2f}") for one in choices for value in [found.cosines[int(one.id)]]]
    return Answer(
        str(found.right), missed,
        "How alike each picture is to the first for the model: 1 is the same, about 0 two strangers. The generator "
        "knows who is who.",
        [{"src": crop(sheet, found.asked), "label": "The first picture"},
         {"src": crop(sheet, found.right), "label": f"The same person: {names[found.right]}"}],
        bars,
    )  # fmt: skip


def neighbour_choices(sheet: Sheet) -> list[Choice]:
    """Make the choices of the question about neighbours."""
    return letters(list(sheet.neighbours.in_code), sheet, "neighbour")


def ask_neighbour(sheet: Sheet) -> Asked:
    """Show four faces that the map puts beside this one."""
    return Asked(
        f"A map of identities ({sheet.known.layout}) puts each picture on a plane, so that similar people lie near "
        "each other. There these four people all lie near this face. In the code itself, all the numbers that stand "
        "for a face, one of them is the nearest of all, and the rest are far off. Which is the real neighbour?",
        neighbour_choices(sheet), [{"src": sheet.shown.thumbnail, "label": f"This face: {sheet.shown.name}"}],
    )  # fmt: skip


def neighbour(sheet: Sheet) -> Answer:
    """Say who is near in the code."""
    found, choices = sheet.neighbours, neighbour_choices(sheet)
    most = max(found.in_code.values())
    wide = sheet.known.features.shape[1]
    nearer = sum(1 for row, far in found.on_map.items() if far < found.on_map[found.real])
    but = f" On the map, {nearer} of the others lie even nearer." if nearer else ""
    bars = [
        bar(one.words, found.in_code[int(one.id)], most,
            f"{found.in_code[int(one.id)]:.1f}; on the map {found.on_map[int(one.id)]:.2f}")
        for one in choices
    ]  # fmt: skip
    return Answer(
        str(found.real),
        f"A map lays {wide} numbers out on 2, and must put some people side by side who are not "
        f"alike.{but}",
        "Bars: distance to this face in the code, in standard deviations. Beside them: on the map, whose sides are 1 "
        "long.", [], bars,
    )  # fmt: skip


QUESTIONS = (
    Question("again", "Who is the same person?", ask_again, again),
    Question("neighbour", "Which neighbour is real?", ask_neighbour, neighbour),
)
