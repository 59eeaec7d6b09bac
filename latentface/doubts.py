"""Doubts about a photo: whether what is rebuilt from a face's codes agrees with it, and whether it is like a photo.

Faces that are covered or drawn agree less than photos of bare faces do, have darker eyes, or flat patches and hard
edges. How much counts is fitted by `python -m train doubts`, which writes a table into the checkpoint's folder: a
linear reading of the agreement around the eyes, the nose and the mouth and over the face, of the eyes' shade and of
the gradients, and the amount beyond which a photo is doubted.
"""

import json
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from latentface.camera import pixel_grid

TABLE = "doubts.json"
"""File in a checkpoint's folder."""
REGIONS = ("eyes", "nose", "mouth", "face")
"""Where agreement is measured; of the eyes, that around the one that agrees less and around the other."""
RADII = {"eye": 0.24, "nose": 0.2, "mouth": 0.3, "face": 0.67}
"""Of the discs around landmarks, and around the middle of all five, in half widths of the crop."""
MEASURES = ("like", "like_fine", "follows", "differs", "off", "contrast")
"""Mean local correlation in windows of WINDOWS, correlation over the region, mean difference over contrast, mean
difference, and the logarithm of the photo's contrast. Dark skin has less contrast: weighed together, the last three let
it be doubted as little as light skin."""
WINDOWS = {"like": 13, "like_fine": 7}
"""Sides of the windows in pixels of a crop of 128."""
DARK = 0.05
"""Brightness, of [0, 1], that is added before a logarithm is taken."""
FLOOR = 0.04
"""Standard deviation, of [-1, 1], below which a window counts as without contrast."""
LIT = 0.75
"""Quantile of the brightness around an eye that is set beside the cheeks', in logarithms: glasses stay dark."""
CHEEK = 0.12
"""Radius of the discs halfway between an eye and the mouth's corner below it, in half widths of the crop."""
GRADIENTS = {"gradient_25": 0.25, "gradient_50": 0.5, "gradient_90": 0.9, "gradient_98": 0.98}
"""Quantiles of the gradient over the face's disc, in logarithms: drawings and covers are flat, their edges hard."""
STEP = 0.004
"""Gradient, of [-1, 1] a pixel, that is added before a logarithm is taken: half a grey level of 256."""
NAMES = (
    *(f"{region}_{measure}" for region in ("eye", "other_eye", "nose", "mouth", "face") for measure in MEASURES),
    "eye_lit",
    "other_eye_lit",
    *GRADIENTS,
)
GREY = (0.299, 0.587, 0.114)


@torch.no_grad()
def agreement(photo: Tensor, rebuilt: Tensor, landmarks: np.ndarray) -> dict[str, float]:
    """Measure how far a rebuilt picture agrees with the photo's crop, in grey, and how the photo itself is.

    Args:
        photo: 1 x 3 x S x S in [-1, 1].
        rebuilt: the same.
        landmarks: 5 x 2, x and y in half widths of the crop from its middle, as detection.Face has them.

    Returns:
        NAMES -> correlations in [-1, 1], differences, 0 or more, logarithms of contrast, brightness and gradients. Of
        the brightness the darker eye's comes first, whichever agrees less.
    """
    weights = photo.new_tensor(GREY)[:, None, None]
    a, b = ((picture * weights).sum(1, keepdim=True) for picture in (photo, rebuilt.clamp(-1, 1)))
    size = a.shape[-1]
    local = {name: local_correlation(a, b, round(side * size / 128) // 2 * 2 + 1) for name, side in WINDOWS.items()}

    def measured(centre: np.ndarray, radius: float) -> dict[str, float]:
        """Measure the agreement inside one disc."""
        inside = disc(a, centre, radius)[None, None]
        if not inside.any():  # a landmark beyond the picture agrees with nothing
            return {
                "like": 0.0,
                "like_fine": 0.0,
                "follows": 0.0,
                "differs": 1.0,
                "off": 1.0,
                "contrast": math.log(FLOOR),
            }
        one, other = a[inside], b[inside]
        spread = one.std(correction=0)
        product = ((one - one.mean()) * (other - other.mean())).mean()
        off = (one - other).abs().mean()
        return {
            **{name: values[inside].mean().item() for name, values in local.items()},
            "follows": (product / (spread * other.std(correction=0)).clamp_min(FLOOR**2)).item(),
            "differs": (off / spread.clamp_min(FLOOR)).item(),
            "off": off.item(),
            "contrast": math.log(max(spread.item(), FLOOR)),
        }

    eyes = sorted((measured(point, RADII["eye"]) for point in landmarks[:2]), key=lambda eye: eye["like"])
    regions = {
        "eye": eyes[0],
        "other_eye": eyes[1],
        "nose": measured(landmarks[2], RADII["nose"]),
        "mouth": measured(landmarks[3:].mean(0), RADII["mouth"]),
        "face": measured(landmarks.mean(0), RADII["face"]),
    }
    agreed = {f"{region}_{name}": value for region, found in regions.items() for name, value in found.items()}
    return agreed | lit(a, landmarks) | gradients(photo, landmarks.mean(0))


def disc(picture: Tensor, centre: np.ndarray, radius: float) -> Tensor:
    """Mark a disc of a picture.

    Args:
        picture: B x C x S x S.
        centre: x and y in half widths from the picture's middle.
        radius: in half widths.

    Returns:
        S x S bool.
    """
    grid = pixel_grid(picture.shape[-1], device=picture.device, dtype=picture.dtype)
    return (grid - grid.new_tensor(np.asarray(centre, np.float32))).square().sum(-1) < radius**2


def lit(grey: Tensor, landmarks: np.ndarray) -> dict[str, float]:
    """Tell how bright both eyes are beside the cheeks: dark glasses are dark wherever the skin is not.

    Args:
        grey: 1 x 1 x S x S in [-1, 1].
        landmarks: as of `agreement`.

    Returns:
        "eye_lit", of the darker eye, and "other_eye_lit": logarithms; 0 where eyes or cheeks lie beyond the picture.
    """

    def brightness(centre: np.ndarray, radius: float) -> Tensor:
        """Give the pixels of a disc, in [0, 1]."""
        return (grey[0, 0][disc(grey, centre, radius)] + 1) / 2

    cheeks = torch.cat([brightness((landmarks[side] + landmarks[3 + side]) / 2, CHEEK) for side in (0, 1)])
    eyes = [brightness(landmarks[side], RADII["eye"]) for side in (0, 1)]
    if not all(len(part) for part in (cheeks, *eyes)):
        return {"eye_lit": 0.0, "other_eye_lit": 0.0}
    skin = math.log(cheeks.median().item() + DARK)
    darker, other = sorted(math.log(eye.quantile(LIT).item() + DARK) - skin for eye in eyes)
    return {"eye_lit": darker, "other_eye_lit": other}


def gradients(photo: Tensor, centre: np.ndarray) -> dict[str, float]:
    """Give quantiles of how fast the colours of the face's disc change from pixel to pixel.

    Args:
        photo: 1 x 3 x S x S in [-1, 1].
        centre: of the face, x and y in half widths.

    Returns:
        GRADIENTS -> logarithms; of STEP where the disc lies beyond the picture.
    """
    right, down = photo[..., 1:, 1:] - photo[..., 1:, :-1], photo[..., 1:, 1:] - photo[..., :-1, 1:]
    size = (right.square() + down.square()).sum(1).sqrt()[0][disc(photo, centre, RADII["face"])[1:, 1:]]
    size = size if len(size) else photo.new_zeros(1)
    return {name: math.log(size.quantile(q).item() + STEP) for name, q in GRADIENTS.items()}


def local_correlation(a: Tensor, b: Tensor, side: int) -> Tensor:
    """Correlate two pictures in a window around every pixel; where neither has contrast they agree.

    Args:
        a: B x 1 x S x S in [-1, 1].
        b: the same.
        side: of the window, odd.

    Returns:
        B x 1 x S x S in [-1, 1].
    """

    def mean(values: Tensor) -> Tensor:
        """Average over the window; beyond the edge nothing counts."""
        return F.avg_pool2d(values, side, 1, side // 2, count_include_pad=False)

    one, other = mean(a), mean(b)
    variances = [(mean(x * x) - m * m).clamp_min(0) + FLOOR**2 for x, m in ((a, one), (b, other))]
    return (mean(a * b) - one * other + FLOOR**2) / (variances[0] * variances[1]).sqrt()


@dataclass(frozen=True)
class Doubts:
    """A checkpoint's table: how agreement is read, and what is doubted."""

    mean: np.ndarray
    """Of every measure of NAMES on photos that are not doubted."""
    weights: np.ndarray
    """A measure's weight once its mean is taken off; positive where more of it makes for doubt."""
    limit: float
    """The sum beyond which a photo is doubted."""
    record: dict
    """What made the table, and what it was measured to do."""

    def amount(self, found: dict[str, float]) -> float:
        """Read agreement: above 0 a photo is doubted."""
        return float(self._parts(found).sum()) - self.limit

    def sentence(self, found: dict[str, float]) -> str | None:
        """Say in plain words that a photo is doubted, and where it agrees least; None where it isn't."""
        if self.amount(found) <= 0:
            return None
        parts = dict(zip(NAMES, self._parts(found), strict=True))
        places = {
            "around the eyes": ("eye_", "other_eye_"),
            "around the nose": "nose_",
            "around the mouth": "mouth_",
            "in how smooth it is": "gradient_",
        }
        sums = {
            place: sum(part for name, part in parts.items() if name.startswith(starts))
            for place, starts in places.items()
        }
        return (
            f"This is unlike photos of bare faces, most {max(sums, key=sums.__getitem__)}: covered, drawn, or beyond "
            "what the model knows. Trust what is rebuilt less."
        )

    def _parts(self, found: dict[str, float]) -> np.ndarray:
        """Weigh every measure."""
        return self.weights * (np.array([found[name] for name in NAMES]) - self.mean)


def read_doubts(folder: Path) -> Doubts | None:
    """Read the table in a checkpoint's folder; None where it has none.

    Raises:
        ValueError: the table is broken.
    """
    path = folder / TABLE
    if not path.exists():
        return None
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
        rows = np.array([table["measures"][name] for name in NAMES], dtype=np.float64)
        means, weights = rows.reshape(len(NAMES), 2).T
        doubts = Doubts(means, weights, float(table["limit"]), table["record"])
        if not (np.isfinite(rows).all() and math.isfinite(doubts.limit)):
            raise ValueError("a number is not finite")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{TABLE} is broken ({error!r:.80}): make it anew with `python -m train doubts`") from error
    return doubts


def write_doubts(doubts: Doubts, folder: Path) -> None:
    """Write a table into a checkpoint's folder."""
    measures = {
        name: [round(float(mean), 5), round(float(weight), 5)]
        for name, mean, weight in zip(NAMES, doubts.mean, doubts.weights, strict=True)
    }
    table = {"measures": measures, "limit": round(doubts.limit, 5), "record": doubts.record}
    (folder / TABLE).write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
