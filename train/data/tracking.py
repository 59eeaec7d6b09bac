"""Faces cut out of pictures as shards store them: the largest of a photo, one followed through a video."""

from collections.abc import Iterator

import numpy as np

from latentface.alignment import NoFaceError
from latentface.crop import crop, standard_crop
from latentface.detection import Face, detect
from train.data.shards import MARGIN, encode_webp

SIDE = 160
"""Side of a stored frame in pixels: the standard crop at 128 px, with margin."""
LEAST_SIDE = 32
"""Side in pixels of the standard crop below which a face is too small to learn from."""
JUMP = 1.5
"""A face in the next frame is the same one if it moved by less than this many face sides and its area changed by less
than CHANGE times."""
CHANGE = 4.0

Pictures = Iterator[tuple[dict, np.ndarray]]
"""The name of a picture ("file", and in a video "second"), and the picture: uint8 H x W x 3."""


def largest_faces(pictures: Pictures, dropped: list[dict]) -> list[tuple[dict, bytes]]:
    """Cut out the largest face of each picture.

    Args:
        pictures: names and pictures.
        dropped: rows of pictures without a usable face are added, with the reason.

    Returns:
        (row, WebP of the standard crop with margin) each.
    """
    found = []
    for row, picture in pictures:
        try:
            found.append((row, cut(picture, find_faces(picture)[0])))
        except NoFaceError as error:
            dropped.append({**row, "reason": str(error)})
    return found


def followed_face(pictures: Pictures, dropped: list[dict]) -> list[tuple[dict, bytes]]:
    """Cut out one face, followed through the pictures of a video.

    A picture's face goes to the track whose last face is nearest; where none is near (a cut, say) the largest face
    begins a track. The longest track is kept.

    Args:
        pictures: names and pictures, in order.
        dropped: rows of pictures without that face are added, with the reason.

    Returns:
        (row, WebP of the standard crop with margin) each.
    """
    tracks: list[list[tuple[dict, Face, bytes]]] = []
    for row, picture in pictures:
        try:
            faces = find_faces(picture)
            lasts = [track[-1][1] for track in tracks]
            pairs = ((moved(last, face), t, f) for t, last in enumerate(lasts) for f, face in enumerate(faces))
            distance, track, chosen = min(pairs, default=(JUMP, 0, 0))
            if distance >= JUMP:
                track, chosen = len(tracks), 0
            stored = cut(picture, faces[chosen])
            if track == len(tracks):
                tracks.append([])
            tracks[track].append((row, faces[chosen], stored))
        except NoFaceError as error:
            dropped.append({**row, "reason": str(error)})
    best = max(tracks, key=len, default=[])
    reason = "another face than the one that is followed: it is elsewhere in the picture"
    dropped += [{**row, "reason": reason} for track in tracks if track is not best for row, _, _ in track]
    return [(row, stored) for row, _, stored in best]


def moved(before: Face, after: Face) -> float:
    """Return how far a face moved, in sides of its box; infinite where its area changed too much for one face."""
    if not 1 / CHANGE < after.area / max(before.area, 1e-9) < CHANGE:
        return float("inf")
    centres = [np.reshape(face.box, (2, 2)).mean(0) for face in (before, after)]
    return float(np.linalg.norm(centres[1] - centres[0]) / before.area**0.5)


def find_faces(picture: np.ndarray) -> list[Face]:
    """Find the faces in uint8 H x W x 3, largest first; raises NoFaceError where there is none."""
    faces = detect(picture)
    if not faces:
        raise NoFaceError("no face was found")
    return faces


def cut(picture: np.ndarray, face: Face) -> bytes:
    """Cut out the standard crop with margin, as it is stored; raises NoFaceError where the face is unclear or small."""
    try:
        square = standard_crop(face.landmarks, MARGIN)
    except ValueError as error:
        raise NoFaceError("the face is too unclear to place") from error
    side = 2 * square[2] / MARGIN
    if side < LEAST_SIDE:
        raise NoFaceError(f"the face is too small: its crop has {side:.0f} pixels, {LEAST_SIDE} are needed")
    return encode_webp(crop(picture, square, SIDE))
