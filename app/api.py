"""Named, typed endpoints for programs, by gradio_client and, if installed, MCP."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from app.clips import LANE, Clip, drive_codes, forget, take, the_end
from app.components.clip_input import ClipInput
from app.components.photo_input import photo_input
from app.components.pictures import anatomy, front, mesh_file, neutral_scene, pose_pictures, seen
from app.components.whose_parts import whose_of
from app.environment import LANES
from app.session import Model, plain_error, report, whole_seed
from app.tabs.swap import SCALE
from app.tabs.video import SCALE as FORCE
from latentface.expression_sliders import load_sliders

Pictures = list[tuple[np.ndarray, str]]
SIDE = 256
PHOTO_LANES: dict[str, Any] = {"concurrency_limit": LANES, "concurrency_id": "photos"}
"""One line for all that takes photos, first come, first served: with a line each, swaps waited four times as long as
the rest."""


def build(model: Model) -> None:
    """Adds the endpoints to the current gr.Blocks; none of their components is seen."""
    pipeline, pcl = model.pipeline, model.pcl
    sliders = load_sliders(model.checkpoint, 2 * pipeline.autoencoder.config["code"])

    def reconstruct(photo: str, face: int = 0) -> tuple[dict, str, Pictures]:
        """The 3D face in a photo.

        Args:
            photo: A photo (JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF or HEIC, up to 64 MB).
            face: Which face, counted from 0 by falling size.

        Returns:
            A report {file, box, faces, turned, pose, light, notes} (box in pixels of the photo as given; turned:
            degrees clockwise by which it was; pose in degrees after turning it upright); the textured face as a GLB
            file, seen from the front; and pictures: crop, reconstruction, albedo, depth, normals, layout (of models
            that have one), neutral face.
        """
        found = model.read(needed(photo), int(face or 0))
        scene = pipeline.decode_fine(found.codes)
        pictures = anatomy(pipeline, found.crop, found.codes, scene, SIDE)
        named = [(picture, name) for name, (picture, _, _) in pictures.items()]
        return report(found, photo), mesh_file(scene, yaw=0), named

    def swap(
        identity: str, expression: str, strength: float = 1.0, seed: int = 0, whose: str = "AABB"
    ) -> tuple[dict, str, Pictures]:
        """One person with another person's expression.

        Args:
            identity: Photo of the person (A).
            expression: Photo of the expression (B).
            strength: From -1 (turned round) over 0 (A's neutral face) and 1 (B's expression) to 2 (twice as much).
            seed: Of the noise that the identities are sampled from.
            whose: A or B four times: whose shape identity, colour identity, shape expression and colour expression.

        Returns:
            A report {identity, expression}, each as `reconstruct` gives it; the new face as a GLB file; and pictures:
            swap (at A's view and light), front, and both neutral faces.
        """
        strength, seed, parts = SCALE.checked(strength, 1), whole_seed(seed), whose_of(*(whose or "AABB").upper())
        a, b = model.read(needed(identity)), model.read(needed(expression))
        scene = pipeline.decode_fine(pipeline.swap(a.codes, b.codes, strength, seed, parts))
        neutral_a, neutral_b = (neutral_scene(pipeline, side.codes, seed) for side in (a, b))
        pictures = [
            (seen(scene, SIDE), "swap"),
            (front(scene, SIDE), "front"),
            (front(neutral_a, SIDE), "identity_neutral"),
            (front(neutral_b, SIDE), "expression_neutral"),
        ]
        both = {"identity": report(a, identity), "expression": report(b, expression)}
        return both, mesh_file(scene, yaw=0, name="swap"), pictures

    def pose_swap(face: str, pose: str) -> tuple[dict, Pictures]:
        """One person's face at another person's pose.

        Args:
            face: Photo of the face (A).
            pose: Photo of the pose (B).

        Returns:
            A report {face, pose}, each as `reconstruct` gives it; and pictures: swap, both crops, both faces rebuilt
            from their own pose, and A at the pose of its mirror image.
        """
        if pcl is None:  # the endpoint is offered only where it is
            raise plain_error("no PCL checkpoint is bundled", "No model")
        a, b = model.read(needed(face)), model.read(needed(pose))
        pictures = pose_pictures(pcl, a.level, b.level, SIDE)
        both = {"face": report(a, face), "pose": report(b, pose)}
        return both, [(picture, name) for name, picture in pictures.items()]

    def place(photo: str, face: int = 0) -> dict:
        """Where a photo's face falls on the maps of the gallery.

        Args:
            photo: A photo, as `reconstruct` takes it.
            face: Which face, counted from 0 by falling size.

        Returns:
            For each map (whole, identity, expression, shape, texture): x and y in [0, 1], whether the face is far from
            anything in the gallery, and its nearest gallery faces (person, frame), nearest first.
        """
        places = model.place(model.read(needed(photo), int(face or 0)).codes)
        faces = model.atlas.faces
        return {
            name: {**asdict(at), "neighbours": [{k: faces[i][k] for k in ("person", "frame")} for i in at.neighbours]}
            for name, at in places.items()
        }

    def video(clip: str, face: int = 0) -> tuple[dict, list[str]]:
        """A clip of a moving face, taken apart into who it is and how it moves.

        Args:
            clip: A video (MP4, MOV, WebM, MKV or AVI) of at most 20 seconds.
            face: Which face, counted from 0 by falling size where one is first seen.

        Returns:
            A report {frames, with_face, faces, seconds, notes}; and files: films.mp4 (side by side: the clip, the face
            rebuilt, its identity alone, its expression turning in 3D), curves.csv (named expressions, pose, light and
            identity drift of every frame) and codes.safetensors.
        """
        taken = the_end(take(model, sliders, Path(needed(clip)), "Clip", int(face or 0)))
        names = ("films.mp4", "curves.csv", "codes.safetensors")
        return clip_report(taken), [str(taken.folder / name) for name in names]

    def drive(clip: str, photo: str, strength: float = 1.0, relative: bool = True) -> tuple[dict, list[str]]:
        """A photo's face that makes the movements of a clip.

        Args:
            clip: A video (MP4, MOV, WebM, MKV or AVI) of at most 20 seconds.
            photo: Photo of the face.
            strength: Of the movements that come over, from 0 to 2.
            relative: Whether only changes of the clip's face and pose come over, so that little of its person's
                looks does; else its mean expression and its pose, too.

        Returns:
            A report {clip, face}, the first as `video` gives it, the second as `reconstruct` does; and one file,
            driven.mp4, with the clip's sound.
        """
        amount, found = FORCE.checked(strength, 1), model.read(needed(photo))
        taken = the_end(take(model, sliders, Path(needed(clip)), "Clip"))
        made = the_end(drive_codes(model, taken, found.codes, "Photo", relative, amount))
        about = {"clip": clip_report(taken), "face": report(found, photo)}
        forget(taken)
        return about, [str(made.film)]

    with gr.Row(visible=False):
        photo, other = photo_input(model, "photo", None, "api-photo"), photo_input(model, "other", None, "api-other")
        face, seed = gr.Number(0, precision=0, label="face"), gr.Number(0, precision=0, label="seed")
        strength, whose = gr.Number(1.0, label="strength"), gr.Textbox("AABB", label="whose")
        about, mesh, pictures = (
            gr.JSON(label="report"),
            gr.File(label="mesh"),
            gr.Gallery(label="pictures", format="png"),
        )
        endpoint(reconstruct, [photo, face], [about, mesh, pictures], **PHOTO_LANES)
        endpoint(swap, [photo, other, strength, seed, whose], [about, mesh, pictures], **PHOTO_LANES)
        if pcl is not None:
            endpoint(pose_swap, [photo, other], [about, pictures], **PHOTO_LANES)
        endpoint(place, [photo, face], [about], **PHOTO_LANES)
        clip, files = ClipInput(label="clip"), gr.File(label="files", file_count="multiple")
        relative = gr.Checkbox(True, label="relative")
        endpoint(video, [clip, face], [about, files], **LANE)
        endpoint(drive, [clip, photo, strength, relative], [about, files], **LANE)


def endpoint(function: Callable, inputs: list, outputs: list, **lane: Any) -> None:
    """Offers a function under its own name, described by its docstring."""
    gr.Button(visible=False).click(
        function, inputs, outputs, api_name=function.__name__, api_visibility="public", **lane
    )


def needed(file: str | None) -> str:
    """The path of a photo or clip; raises gr.Error where there is none."""
    if file is None:
        raise plain_error("a photo or clip is missing: send one", "No file")
    return file


def clip_report(clip: Clip) -> dict:
    """Put a clip in plain numbers."""
    seen = clip.face.seen
    return {
        "frames": len(seen),
        "with_face": int(seen.sum()),
        "faces": clip.faces,
        "seconds": round(float(clip.face.seconds[-1]), 3),
        "notes": clip.notes,
    }
