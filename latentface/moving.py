"""A moving face: the frames of a clip as codes, the identity that lasts through them, and what changes.

The identity is the mean over frames, as the second stage is trained to predict it (LatentFace, section 3.2). A clip
shows one person, so whatever of a code differs from frame to frame is not who this is: all of it moves a face, not
only what the second stage takes for expression, which it must tell from one frame alone.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from itertools import islice
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor

from latentface.ahead import ahead
from latentface.codes import Codes
from latentface.crop import standard_crop, turned_crop
from latentface.detection import Face
from latentface.pipeline import LatentFacePipeline
from latentface.tracker import Tracker
from latentface.video import Frame

BATCH = 8
"""Frames that go through the networks at once."""
STEPS, SAMPLES = 2, 2
"""Of the split of a frame: against the usual 5 and 8 no pixel of the resting face changes by a hundredth of a level."""
SMOOTH = 1.0
"""Standard deviation in frames of the smoothing over time."""
GAIN = 1.5
"""Factor of a change where one face drives another, not of the rebuilt face. Codes say less of a movement than is
filmed: docs/experiments/2026-11-30-whole-change.md."""


@dataclass
class Stretch:
    """Some frames of a clip, one row each; a row without a face is 0 but for its second."""

    seconds: Tensor
    """N float64, when each is shown."""
    seen: Tensor
    """N bool, whether its face was found."""
    faces: Tensor
    """N int64: this face and the others that the tracker knew of."""
    boxes: Tensor
    """N x 4: left, top, right, bottom of the face in pixels of the frame."""
    landmarks: Tensor
    """N x 5 x 2, see detection.Face."""
    squares: Tensor
    """N x 3: the standard crop's centre x, y and half side in pixels of the frame."""
    identity: Tensor
    """N x 2C, of shape and texture side by side."""
    expression: Tensor
    """N x 2C: what is left of the code."""
    view: Tensor
    """N x 6, see Codes; of the square as it lies in the frame, the head's tilt in it."""
    light: Tensor
    """N x 4, see Codes."""

    @classmethod
    def cat(cls, parts: Sequence["Stretch"]) -> "Stretch":
        """Join stretches in their order."""
        return cls(**{f.name: torch.cat([getattr(part, f.name) for part in parts]) for f in fields(cls)})

    def save(self, path: Path) -> None:
        """Write a safetensors file, whole or not at all."""
        partial = path.with_suffix(".partial")
        save_file({name: tensor.contiguous() for name, tensor in asdict(self).items()}, partial)
        partial.replace(path)

    @classmethod
    def load(cls, path: Path) -> "Stretch":
        """Read what `save` wrote."""
        return cls(**{name: t.float() if t.dtype == torch.float16 else t for name, t in load_file(path).items()})

    def half(self) -> "Stretch":
        """Give the same with codes in half precision, to be bundled."""
        return replace(self, identity=self.identity.half(), expression=self.expression.half())

    def face(self, row: int) -> Face | None:
        """Give the face of one row as the tracker found it; None where it was not seen."""
        if not self.seen[row]:
            return None
        left, top, right, bottom = self.boxes[row].tolist()
        return Face((left, top, right, bottom), 1.0, self.landmarks[row].numpy())

    @property
    def code(self) -> Tensor:
        """The whole code, N x 2C."""
        return self.identity + self.expression

    def __len__(self) -> int:
        return len(self.seconds)


@torch.no_grad()
def watch(
    pipeline: LatentFacePipeline,
    frames: Iterable[Frame],
    tracker: Tracker,
    batch: int = BATCH,
    on_gpu: "EncodeAndSplit | None" = None,
) -> Iterator[Stretch]:
    """Take the face of a clip apart, frame by frame.

    Args:
        pipeline: the model.
        frames: in their order.
        tracker: finds the face.
        batch: frames that are encoded at once.
        on_gpu: does what `encode_and_split` does, on a GPU.

    Yields:
        Stretches of at most `batch` frames.
    """
    found = ahead((_found(pipeline, frame, tracker) for frame in frames), batch)
    while waiting := list(islice(found, batch)):
        yield _encoded(pipeline, waiting, on_gpu or encode_and_split)


@torch.no_grad()
def glance(pipeline: LatentFacePipeline, frame: Frame, tracker: Tracker) -> Stretch:
    """Take the face of one frame apart, as `watch` does: a stretch of one row."""
    return _encoded(pipeline, [_found(pipeline, frame, tracker)], encode_and_split)


EncodeAndSplit = Callable[[LatentFacePipeline, Tensor], tuple[Codes, Tensor, Tensor]]
"""A model and crops, N x 3 x S x S -> codes, and identity and expression, each N x 2C, as `encode_and_split` does."""


@torch.no_grad()
def encode_and_split(pipeline: LatentFacePipeline, crops: Tensor) -> tuple[Codes, Tensor, Tensor]:
    """Encode and split crops: all that a clip asks of the networks before its films are drawn."""
    codes = pipeline.encode(crops)
    split = pipeline.split(codes, STEPS, SAMPLES)
    return codes, split.identity, split.expression


def _found(pipeline: LatentFacePipeline, frame: Frame, tracker: Tracker) -> "_Waiting":
    """Follow the face and cut it out."""
    face = tracker.find(frame.image)
    crop = torch.zeros(1, 3, pipeline.size, pipeline.size)
    if face is not None:
        level = turned_crop(frame.image, standard_crop(face.landmarks), pipeline.size, face.roll)
        crop = pipeline.tensor(level)
    return _Waiting(frame.second, face, 1 + len(tracker.others), crop)


@dataclass(frozen=True)
class _Waiting:
    """A frame that is to be encoded."""

    second: float
    face: Face | None
    faces: int
    crop: Tensor
    """1 x 3 x S x S in [-1, 1], 0 where there is no face."""


def _encoded(pipeline: LatentFacePipeline, waiting: list[_Waiting], run: EncodeAndSplit) -> Stretch:
    """Encode the crops that show a face, and lay all rows out."""
    count, code = len(waiting), pipeline.autoencoder.config["code"]
    empty = {"boxes": 4, "squares": 3, "identity": 2 * code, "expression": 2 * code, "view": 6, "light": 4}
    part = Stretch(
        torch.tensor([one.second for one in waiting], dtype=torch.float64),
        torch.tensor([one.face is not None for one in waiting]),
        torch.tensor([one.faces for one in waiting]),
        landmarks=torch.zeros(count, 5, 2),
        **{name: torch.zeros(count, width) for name, width in empty.items()},
    )
    rows, found = part.seen, [one.face for one in waiting if one.face is not None]
    if not found:
        return part
    crops = torch.cat([one.crop for one in waiting])[rows]
    codes, identity, expression = run(pipeline, crops)
    codes = codes.rolled(torch.tensor([face.roll for face in found]).to(codes.view))
    part.boxes[rows] = torch.tensor([face.box for face in found], dtype=torch.float32)
    part.landmarks[rows] = torch.stack([torch.from_numpy(face.landmarks) for face in found])
    part.squares[rows] = torch.tensor([standard_crop(face.landmarks) for face in found])
    part.identity[rows], part.expression[rows] = identity.cpu(), expression.cpu()
    part.view[rows], part.light[rows] = codes.view.cpu(), codes.light.cpu()
    return part


@dataclass
class Moving:
    """A clip's face: who it is, and how it moves. Rows without a face hold what was seen before."""

    seconds: Tensor
    """N float64."""
    seen: Tensor
    """N bool."""
    squares: Tensor
    """N x 3, see Stretch."""
    identity: Tensor
    """1 x 2C: the mean over all frames."""
    expression: Tensor
    """N x 2C, smoothed over time: what the second stage takes for expression, for curves and maps."""
    change: Tensor
    """N x 2C, smoothed over time: the whole code less the identity."""
    view: Tensor
    """N x 6, smoothed over time."""
    light: Tensor
    """N x 4, smoothed over time."""

    def codes(self, face: Tensor) -> Codes:
        """Put faces, N x 2C or 1 x 2C, at the clip's views and lights."""
        shape, texture = face.expand(len(self.view), -1).chunk(2, 1)
        return Codes(shape, texture, self.view, self.light)

    @property
    def moving(self) -> Codes:
        """The face as each frame shows it."""
        return self.codes(self.identity + self.change)

    @property
    def still(self) -> Codes:
        """The one identity without any expression."""
        return self.codes(self.identity)

    @property
    def mean_change(self) -> Tensor:
        """What of its expression the face keeps through the clip, 1 x 2C."""
        return self.change[self.seen].mean(0, keepdim=True)

    @property
    def movement(self) -> Tensor:
        """The change of each frame from the mean one, enlarged by GAIN: N x 2C."""
        return GAIN * (self.change - self.mean_change)

    def __len__(self) -> int:
        return len(self.seconds)


def settled(clip: Stretch, smooth: float = SMOOTH) -> Moving:
    """Hold a clip's identity and smooth what changes.

    Args:
        clip: all its frames; a face is seen in one of them at least.
        smooth: standard deviation in frames; 0 leaves all as it is.
    """
    weight = clip.seen
    mean = clip.identity[weight].mean(0, keepdim=True)
    change = clip.code - mean

    def steady(values: Tensor) -> Tensor:
        """Fill what was not seen, and smooth."""
        return smoothed(held_through(values, weight), weight, smooth)

    return Moving(
        seconds=clip.seconds,
        seen=weight,
        squares=held_through(clip.squares, weight),
        identity=mean,
        expression=steady(clip.expression),
        change=steady(change),
        view=steady(clip.view),
        light=steady(clip.light),
    )


def held_through(values: Tensor, seen: Tensor) -> Tensor:
    """Fill rows that were not seen with the last one that was, those before the first with the first.

    Args:
        values: N x K.
        seen: N bool, one of them true.
    """
    row = torch.where(seen, torch.arange(len(seen)), -1).cummax(0).values
    return values[torch.where(row < 0, int(seen.nonzero()[0]), row)]


def smoothed(values: Tensor, seen: Tensor, deviation: float) -> Tensor:
    """Smooth over time by a Gaussian that looks as far ahead as back, so that nothing comes late.

    Args:
        values: N x K.
        seen: N bool; rows that were not seen take no part, and are left as they are.
        deviation: of the Gaussian, in rows; 0 changes nothing.
    """
    if deviation <= 0:
        return values
    reach = int(3 * deviation + 0.5)
    kernel = torch.exp(-(torch.arange(-reach, reach + 1.0) ** 2) / (2 * deviation**2))[None, None]
    weight = seen.to(values.dtype)[None, None]
    total = F.conv1d(weight, kernel, padding=reach)[0, 0]
    mixed = F.conv1d((values * weight[0, 0, :, None]).T[:, None], kernel, padding=reach)[:, 0].T
    return torch.where(seen[:, None], mixed / total.clamp(min=1e-9)[:, None], values)


def drive(
    pipeline: LatentFacePipeline, driver: Moving, target: Codes, relative: bool = True, strength: float = 1.0
) -> Codes:
    """Let a face make the movements of a clip, under its own light.

    Args:
        pipeline: the model.
        driver: whose movements.
        target: batch of one, whose face.
        relative: put the changes of the driver's face and pose from their means on the target as it is, so that little
            of the driver's looks comes over; else put its mean expression, its changes and its pose on the target's
            identity.
        strength: of what comes over; 0 leaves it out.

    Returns:
        Codes of the driver's N frames.
    """
    if relative:
        face = target.face + strength * driver.movement
        view = target.view + driver.view - driver.view[driver.seen].mean(0)
    else:
        face = pipeline.split(target).identity + strength * (driver.mean_change + driver.movement)
        view = driver.view
    codes = driver.codes(face)
    return replace(codes, view=view, light=target.light.expand(len(driver), -1))
