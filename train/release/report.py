"""`python -m train report`: tables of docs/results.md and of the checkpoints' cards, and the README's pictures.

Writes assets/pictures/faces.webp and swaps.webp. Which faces are shown is a rule, not a choice: evenly spaced people;
in each, the frame whose smile edit is strongest (faces, expressions) or frame 0 (identities).
"""

from pathlib import Path

from latentface.checkpoints import ASSETS, load_pipeline
from latentface.gallery import Gallery
from train.release.pictures import faces_picture, swaps_picture
from train.release.tables import RESULTS_OF, SUMMARY_IN, replace_between, results_of, summary, write_table


def report(out: Path = ASSETS / "pictures", people: int = 6) -> None:
    """Write all tables where pages and cards are marked, and the pictures, drawn by the gallery's own checkpoint.

    Args:
        out: folder of the pictures.
        people: the most that are shown.
    """
    page = ASSETS.parent / "docs" / "results.md"
    write_table(page)
    replace_between(page, SUMMARY_IN, summary(ASSETS / "explorer"))
    for card in ASSETS.glob("*/README.md"):
        replace_between(card, RESULTS_OF, results_of(card.parent))
    gallery = Gallery(ASSETS / "gallery")
    pipeline = load_pipeline(gallery.checkpoint)
    persons = sorted({face["person"] for face in gallery.faces})
    chosen = persons[:: max(1, len(persons) // people)][:people]

    def strongest(person: int, sign: int) -> int:
        own = [i for i, face in enumerate(gallery.faces) if face["person"] == person]
        return max(own, key=lambda i: sign * gallery.faces[i].get("smile", 0.0))

    first = [next(i for i, face in enumerate(gallery.faces) if face["person"] == person) for person in chosen]
    expressive = [strongest(person, 1 if n % 2 == 0 else -1) for n, person in enumerate(chosen)]
    out.mkdir(parents=True, exist_ok=True)
    faces_picture(pipeline, gallery, expressive).save(out / "faces.webp", quality=88)
    swaps_picture(pipeline, gallery, first[:5], expressive[:6]).save(out / "swaps.webp", quality=88)
