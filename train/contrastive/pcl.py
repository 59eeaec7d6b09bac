"""PCL (Liu et al., CVPR 2023): reconstruction with orthogonal branches, face contrast and pose contrast.

    python -m train pcl --preset explorer --data SHARDS --out RUN [--resume]

Single images, as published. Two cores made these changes:
- Only the face contrast learns from a large batch. Reconstruction sees `rebuilt`, the pose contrast `posed` images of
  it.
- Colours in the face contrast change half as much, hues hardly: under the paper's, two 40 % crops of a face share next
  to nothing, and the loss stayed at chance (5.50 of ln 254 = 5.54 after 160 steps; 5.40 and falling so).
- Pose negatives: the paper encodes 100 augmentations of each image's mirror image. Their sum estimates a mean over
  augmentations, and so does a sum over two (losses/pose_contrast.py scales it up). Image and mirror image are augmented
  twice each, and each of the four is an anchor once: nothing that is encoded serves as a negative only.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor, nn

from latentface.pcl import PCL, STRIDE
from train import losses
from train.common.config import require, require_arguments
from train.common.sheets import tile
from train.contrastive.augment import Colours, boxes, near_whole, quadrants, view
from train.contrastive.config import ContrastiveConfig
from train.contrastive.probes import known_yaw, probe_features, ridge_correlation
from train.contrastive.projector import Projector
from train.contrastive.trainer import Batch, Method, Task, fit
from train.data.clips import Clips


@dataclass
class PCLConfig(ContrastiveConfig):
    """A preset of PCL."""

    rebuilt: int = 32
    """Images of a batch that are rebuilt."""
    posed: int = 16
    """Images of a batch in the pose contrast; its negatives are each image's own, so their number changes nothing
    else."""
    orthogonality: float = 0.01
    """Weight of the orthogonality over its value for unrelated features, which is about B / D^2: 8e-6 at 64 px, so
    that the paper's weight of 1 is lost beside a reconstruction of 0.5; features that all vary together reach B times
    as much."""
    noise: float = 0.4
    """Standard deviation of the noise on the decoder's input, whose root mean square is 1."""

    def __post_init__(self) -> None:
        """Refuse values that cannot be, naming their flag."""
        super().__post_init__()
        require_arguments(self, "model", PCL)
        require(self, "rebuilt", "posed", least=1)
        require(self, "orthogonality", "noise", least=0)


PRESETS = {
    "explorer": PCLConfig(images=90_000, batch=64, posed=8, lr=5e-4),
    "toy": PCLConfig(
        model={"size": 32, "width": 8},
        images=512,
        batch=32,
        rebuilt=16,
        posed=8,
        projection=(32, 16),
        lr=4e-3,
        warm_up=10,
    ),
}


MILD = Colours(brightness=0.4, contrast=0.4, saturation=0.4, hue=0.02, grey=0.1, blur=0.5)
"""Colours of the face contrast."""
STRONG = Colours()
"""Colours of the pose contrast: the paper's."""


class Objectives:
    """PCL's three losses (Liu et al., CVPR 2023, section 3), each a batch to a scalar.

    Args:
        model: the network.
        projectors: receives a projector for the face and one for the pose contrast.
        config: its settings.
    """

    def __init__(self, model: PCL, projectors: nn.ModuleDict, config: PCLConfig):
        self.model, self.projectors, self.config = model, projectors, config
        self.length = 4 * model.config["width"] * (model.size // STRIDE) ** 2
        projectors["face"] = Projector(self.length, *config.projection)
        projectors["pose"] = Projector(self.length, *config.projection)

    def rebuild(self, batch: Batch) -> Tensor:
        """Rebuild images and their mirror images, each with either's face, with orthogonal branches."""
        model, config = self.model, self.config
        stored, generator = batch.stored[: config.rebuilt], batch.generator
        image = view(stored, near_whole(len(stored), generator), model.size, None, generator)
        mirror = image.flip(-1)
        maps = model.backbone(torch.cat([image, mirror]))
        (face, other_face), (pose, other_pose) = (
            head(maps).flatten(1).float().chunk(2) for head in (model.face_head, model.pose_head)
        )

        def decode(faces: Tensor, poses: Tensor) -> Tensor:
            noise = torch.randn(faces.shape, generator=generator).to(faces.device)
            return model.decoder(model.blend(faces, poses) + config.noise * noise)

        together = losses.orthogonality(face, pose) + losses.orthogonality(other_face, other_pose)
        rebuilt = losses.reconstruction(decode, (face, pose), (other_face, other_pose), image, mirror)
        return rebuilt + config.orthogonality * self.length**2 / len(stored) * together

    def contrast_faces(self, batch: Batch) -> Tensor:
        """Find the other quadrant of the same face among all faces of the batch and mixtures of them."""
        model, stored, generator = self.model, batch.stored, batch.generator
        image = torch.cat([view(stored, box, model.size, MILD, generator) for box in quadrants(len(stored), generator)])
        one, two = self.projectors["face"](model.face_head(model.backbone(image)).flatten(1)).chunk(2)
        return losses.info_nce(one, two, self.config.temperature, losses.mixture(2 * len(one), generator))

    def contrast_poses(self, batch: Batch) -> Tensor:
        """Tell an image's pose from that of its mirror image, under other colours."""
        model, stored, generator = self.model, batch.stored[: self.config.posed], batch.generator
        count = len(stored)
        views = []
        for mirrored in (False, True):
            for _ in range(2):
                box = near_whole(count, generator)
                box = boxes(box[:, :2], box[:, 2].abs(), torch.full((count,), mirrored))
                views.append(view(stored, box, model.size, STRONG, generator))
        z = self.projectors["pose"](model.pose_head(model.backbone(torch.cat(views))).flatten(1)).view(4, count, -1)
        pairs = ((0, 1, (2, 3)), (1, 0, (2, 3)), (2, 3, (0, 1)), (3, 2, (0, 1)))
        temperature = self.config.temperature
        each = [losses.pose_contrast(z[a], z[p], z[list(n)].transpose(0, 1), temperature) for a, p, n in pairs]
        return torch.stack(each).mean()


def tasks(model: PCL, projectors: nn.ModuleDict, config: PCLConfig) -> dict[str, Task]:
    """Return PCL's losses by name, each with what it trains; `projectors` receives theirs."""
    objectives = Objectives(model, projectors, config)
    trunk, face, pose = model.backbone, model.face_head, model.pose_head
    return {
        "rebuild": Task(objectives.rebuild, [model]),
        "face": Task(objectives.contrast_faces, [trunk, face, projectors["face"]], balanced=True),
        "pose": Task(objectives.contrast_poses, [trunk, pose, projectors["pose"]], balanced=True),
    }


def pictures(model: PCL, clips: Clips, rows: Tensor) -> list[Tensor]:
    """Draw frames `rows` and their swaps, each B x 3 x S x S in [-1, 1].

    Returns:
        A; A rebuilt; B (the rows turned by half their number); A at B's pose; A at the pose of its mirror image.
    """
    device = next(model.parameters()).device
    a, b = (clips.centre(part, model.size).to(device) for part in (rows, rows.roll(len(rows) // 2)))
    return [a, model(a), b, model.swap(a, b), model.swap(a, a.flip(-1))]


@torch.no_grad()
def check(model: PCL, clips: Clips, count: int = 12) -> tuple[dict[str, float], Image.Image]:
    """Measure a model on validation frames and draw a sheet.

    Args:
        model: the (averaged) model.
        clips: frames.
        count: faces of the sheet.

    Returns:
        The numbers of `probe_features` and
        val_l1: L1 of frames rebuilt from their own face and pose.
        mirror_l1: L1 of mirror images rebuilt from the frame's face and the mirror image's pose.
        yaw_swap: correlation of B's yaw with the yaw read off A at B's pose (by the same ridge as yaw_trunk).
        colour_of_a: place of the mean colour of A at B's pose between B's (0) and A's (1), both rebuilt; a swap that
        copies B has 0.
        The sheet's rows are those of `pictures`.
    """
    rows = clips.validation.nonzero().flatten()
    some = rows[:: -(-len(rows) // 256)]
    a, rebuilt, b, swapped, mirrored = pictures(model, clips, some)
    from_b = rebuilt.roll(len(a) // 2, 0).mean((2, 3))
    span = rebuilt.mean((2, 3)) - from_b
    measures = probe_features(model, clips, model.size) | {
        "val_l1": float((rebuilt - a).abs().mean()),
        "mirror_l1": float((mirrored - a.flip(-1)).abs().mean()),
        "colour_of_a": float(((swapped.mean((2, 3)) - from_b) * span).sum() / span.square().sum().clamp(min=1e-9)),
    }
    yaw = known_yaw(clips, some.roll(len(some) // 2))
    if yaw is not None:
        real, drawn = (model.encode(image).trunk.cpu() for image in (b, swapped))
        measures["yaw_swap"] = ridge_correlation(real, yaw, drawn, yaw)
    return measures, tile(pictures(model, clips, rows[:: -(-len(rows) // count)]))


METHOD = Method(PCL, tasks, check)


def train(config: PCLConfig, data: list[str], out: Path, resume: bool = False, every: int = 12_800) -> Path:
    """Train PCL on single frames of shards; weights in `pcl/`, the rest as `contrastive.trainer.fit` has it."""
    return fit(METHOD, config, data, out, resume, every)
