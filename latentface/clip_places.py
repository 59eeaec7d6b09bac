"""Where a clip's frames fall on the maps of a gallery: who is seen stays in place, what the face does wanders."""

import torch
from torch import Tensor

from latentface.gallery import Gallery
from latentface.moving import SMOOTH, Moving, Stretch, smoothed
from latentface.pipeline import LatentFacePipeline


def clip_places(pipeline: LatentFacePipeline, gallery: Gallery, stretch: Stretch, face: Moving) -> dict[str, Tensor]:
    """Find the place of every frame on the maps of identity and expression.

    Args:
        pipeline: the model of the codes and of the gallery.
        gallery: the maps.
        stretch: the clip as it was seen.
        face: the same, settled.

    Returns:
        "identity" (each frame's own, not the mean that is held) and "expression": N x 2 coordinates of the map,
        smoothed over time; NaN where the face was not seen.
    """
    denoiser = pipeline.denoiser
    features = {
        "identity": denoiser.standardize(stretch.identity),
        "expression": face.expression / denoiser.std,
    }
    found = {}
    for name, rows in features.items():
        places = torch.tensor([(place.x, place.y) for place in gallery.places(name, rows)], dtype=torch.float32)
        places = smoothed(places, stretch.seen, SMOOTH)
        places[~stretch.seen] = torch.nan
        found[name] = places
    return found
