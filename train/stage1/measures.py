"""Numbers that tell a living autoencoder from a collapsed one, for the curves of a run."""

import torch
import torch.nn.functional as F
from torch import Tensor

from latentface.autoencoder import Autoencoder
from latentface.paper import PaperAutoencoder
from train import losses
from train.data.clips import Clips


@torch.no_grad()
def measure(model: Autoencoder | PaperAutoencoder, clips: Clips, count: int = 512) -> dict[str, float]:
    """Measure a model on validation frames.

    Args:
        model: in evaluation mode.
        clips: the data set.
        count: frames at most.

    Returns:
        val_l1: of the reconstruction. yaw_spread: standard deviation of yaw in degrees. relief: mean of `relief`.
        concave: share of faces with relief <= 0. yaw_corr, yaw_slope: against the engine's own pose where it has one (a
        pseudo-label, never trained on).
    """
    rows = clips.validation.nonzero().flatten()[:count]
    yaws, reliefs, errors = [], [], []
    for part in rows.split(64):
        image = clips.centre(part, model.size).to(next(model.parameters()).device)
        scene = model.decode(model.encode(image))
        plain, mask = scene.render()
        errors.append(losses.masked_mean((plain - image).abs(), mask).cpu() * len(part))
        yaws.append(scene.view[:, 0].cpu())
        reliefs.append(relief(scene.depth).cpu())
    yaw, depth = torch.cat(yaws), torch.cat(reliefs)
    out = {
        "val_l1": float(sum(errors) / len(rows)),
        "yaw_spread": float(yaw.std()),
        "relief": float(depth.mean()),
        "concave": float((depth <= 0).float().mean()),
    }
    poses = [clips.factors[i].get("pose") for i in rows.tolist()]
    if all(poses):
        label = torch.tensor([pose[0] for pose in poses if pose])
        covariance = torch.cov(torch.stack([yaw, label]))
        out["yaw_corr"] = float(covariance[0, 1] / covariance.diag().prod().sqrt())
        out["yaw_slope"] = float(covariance[0, 1] / covariance[1, 1])
    return out


def relief(depth: Tensor) -> Tensor:
    """Measure how much nearer the nose is than the cheeks.

    Args:
        depth: B x S x S canonical; in the standard crop the nose is at v = 0.1, cheeks at u = +-0.45.

    Returns:
        B, in units of the depth range; positive for a convex face.
    """
    small = F.interpolate(depth[:, None], size=(16, 16), mode="area")[:, 0]
    nose, cheeks = small[:, 8:10, 7:9].mean((1, 2)), small[:, 8:10, [3, 4, 11, 12]].mean((1, 2))
    return (cheeks - nose) / 0.2
