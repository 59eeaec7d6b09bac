"""Networks as stage 1 trains them: one forward pass for both, and the warm-up of the explorer's depth."""

from dataclasses import replace
from typing import NamedTuple

from torch import Tensor

from latentface.autoencoder import Autoencoder
from latentface.codes import Codes, Scene
from latentface.paper import PaperAutoencoder
from train.stage1.mixing import KINDS, Mix, mix_codes


class Outputs(NamedTuple):
    """Results of one forward pass over B images."""

    codes: Codes
    """As encoded, before any mixing."""
    scene: Scene
    """Decoded from the codes, or from the mixed ones."""
    confidence: Tensor
    """B x 2 x S x S log scales of the pixel loss (plain, mirrored)."""
    feature_confidence: Tensor | None = None
    """B x 2 x S/4 x S/4 log scales of the paper's perceptual loss."""


class TrainingAutoencoder(Autoencoder):
    """The explorer's autoencoder with the trainer's schedule and forward pass; its weights are the library class's.

    Everything goes through `forward`, so that data-parallel wrappers see every parameter.
    """

    warmed: float = 1.0
    """Share of the learned relief that depth gets on top of the prior or average, and of the shading's gradient that
    reaches depth; the trainer raises it from 0."""

    def forward(self, image: Tensor, mix: Mix | None = None) -> Outputs:
        """Encode and decode images.

        Args:
            image: B x 3 x S x S in [-1, 1].
            mix: how to mix the codes before decoding; depth then stays at the encoders' size.

        Returns:
            Codes, scene and log confidence.
        """
        face = self.canonical_face(self.encoder_input(image))
        codes = Codes(face.shape, self.texture_code(face.albedo), face.view, face.light)
        confidence = self.confidence(image)
        if mix is None:
            return Outputs(codes, self.enlarge_depth(self.coarse_scene(codes, face.raw_depth)), confidence)
        mixed = mix_codes(codes, mix, {kind: self.expression_mask(kind) for kind in KINDS})
        return Outputs(codes, self.coarse_scene(mixed, self.raw_depth(mixed.shape)), confidence)

    def depth_over_prior(self, raw_depth: Tensor) -> Tensor:
        """Canonical depth B x s x s of the prior bump and a warmed share of a relief B x s x s."""
        return super().depth_over_prior(self.warmed * raw_depth)

    def depth_over_average(self, shape: Tensor, raw_depth: Tensor) -> Tensor:
        """Canonical depth B x s x s of the average relief and a warmed share of a relief B x s x s."""
        return super().depth_over_average(shape, self.warmed * raw_depth)

    def coarse_scene(self, codes: Codes, raw_depth: Tensor) -> Scene:
        """Decode codes; shading passes on a warmed share of its gradient."""
        return replace(super().coarse_scene(codes, raw_depth), shading_gradient=self.warmed)

    def to_json_string(self) -> str:
        """Write the configuration under the library's class, which loads these weights."""
        return super().to_json_string().replace(type(self).__name__, Autoencoder.__name__)


NETWORKS = {"explorer": TrainingAutoencoder, "paper": PaperAutoencoder}
"""Name in AutoencoderConfig -> network."""
