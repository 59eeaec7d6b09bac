"""PCL's trunk, face and pose features, or SimCLR's trunk."""

from torch import Tensor

from latentface.checkpoints import load_network
from latentface.pcl import PCL, Backbone
from train.evaluation.methods.checkpoint_label import label
from train.evaluation.methods.method import Method, Variant


def load(checkpoint: str) -> Method:
    """Load a contrastive network's features; larger images are pooled to their grid. Raises CheckpointError."""
    model, name = load_network(checkpoint, PCL, Backbone), label(checkpoint)
    size = int(model.config["size"])

    def encode(images: Tensor, variant: Variant) -> dict[str, Tensor]:
        features = model.encode(images)
        return {k: v for k in ("trunk", "face", "pose") if (v := getattr(features, k)) is not None}

    method = "PCL" if isinstance(model, PCL) else "SimCLR"
    variants = [Variant(size), Variant(size * 3 // 2), Variant(size, 0.9)]
    return Method(name, f"{method}, {size} px, no labels", variants, encode)
