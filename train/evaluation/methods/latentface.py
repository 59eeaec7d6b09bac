"""LatentFace's codes and their parts, as the authors' downstream code joins them too.

Blocks: shape, texture, their identity and expression parts, view and light, all codes, and the authors' two joined
features (METHOD 1.3: expression 1024 numbers, verification 2048 with the mirror image); for pairs also both codes in
units of what changes within a person (Denoiser.signature).
"""

import torch
from torch import Tensor

from latentface.checkpoints import load_pipeline
from latentface.rdm import Denoiser
from train.evaluation.methods.checkpoint_label import label
from train.evaluation.methods.method import Method, Variant


def load(checkpoint: str) -> Method:
    """Load a pipeline's features. Raises CheckpointError where there is none."""
    pipeline, name = load_pipeline(checkpoint), label(checkpoint)

    def encode(images: Tensor, variant: Variant) -> dict[str, Tensor]:
        codes = pipeline.encode(images)
        parts = pipeline.split(codes)
        denoiser = pipeline.denoiser
        signature = {"signature": denoiser.signature(codes.face)} if isinstance(denoiser, Denoiser) else {}
        shape, texture, id_shape, id_texture = codes.shape, codes.texture, parts.shape.identity, parts.texture.identity
        return {
            "shape": shape,
            "texture": texture,
            "id_shape": id_shape,
            "id_texture": id_texture,
            "exp_shape": parts.shape.expression,
            "exp_texture": parts.texture.expression,
            "view": codes.view,
            "light": codes.light,
            "codes": torch.cat([shape, texture, codes.view, codes.light], 1),
            "authors_expression": torch.cat([texture - id_texture, texture, shape - id_shape, shape], 1),
            "authors_verification": torch.cat([id_texture, texture, id_shape, shape], 1),
            **signature,
        }

    about = f"LatentFace, {type(pipeline.autoencoder).__name__} at {pipeline.size} px and RDM, no labels"
    variants = [Variant(pipeline.size), Variant(pipeline.size, 0.9)]
    return Method(name, about, variants, encode, ("authors_verification",), ("authors_verification", "signature"))
