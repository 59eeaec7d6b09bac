"""Trains PCL (Liu et al., CVPR 2023): reconstruction with orthogonal branches, face contrast and pose contrast.

    python -m train pcl --preset explorer --data SHARDS --out RUN [--resume]

Single images, as published. What two cores made us change, and why it is still the same method:
- Only the face contrast learns from a large batch. Reconstruction sees `rebuilt`, the pose contrast `posed` images of
  it.
- Colours in the face contrast change half as much, hues hardly: under the paper's, two 40 % crops of a face share next to
  nothing, and the loss stayed at chance (5.50 of ln 254 = 5.54 after 160 steps; 5.40 and falling so).
- Pose negatives: the paper encodes 100 augmentations of each image's mirror image. Their sum estimates a mean over
  augmentations, and two do so too (losses/pose_contrast.py scales them up). Image and mirror are augmented twice
  each, and each of the four is an anchor once: nothing that is encoded serves as a negative only.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor, nn

from latentface.pcl import PCL
from train import losses
from train.common.sheets import tile
from train.contrastive import trainer as contrastive
from train.contrastive.augment import Colours, boxes, near_whole, quadrants, view
from train.contrastive.trainer import Batch, ContrastiveConfig, Projector, Task, fit
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


def tasks(model: PCL, projectors: nn.ModuleDict, config: PCLConfig) -> dict[str, Task]:
    """PCL's three losses; their projectors are added to `projectors`."""
    size, length = model.size, model.decoder[0].in_features
    projectors["face"] = Projector(length, *config.projection)
    projectors["pose"] = Projector(length, *config.projection)
    strong, mild = Colours(), Colours(brightness=0.4, contrast=0.4, saturation=0.4, hue=0.02, grey=0.1, blur=0.5)

    def rebuild(batch: Batch) -> Tensor:
        stored, generator = batch.stored[: config.rebuilt], batch.generator
        image = view(stored, near_whole(len(stored), generator), size, None, generator)
        mirror = image.flip(-1)
        features = model.encode(torch.cat([image, mirror]))
        (face, other_face), (pose, other_pose) = features.face.chunk(2), features.pose.chunk(2)

        def decode(faces: Tensor, poses: Tensor) -> Tensor:
            noise = torch.randn(faces.shape, generator=generator).to(faces.device)
            return model.decoder(model.blend(faces, poses) + config.noise * noise)

        together = losses.orthogonality(face, pose) + losses.orthogonality(other_face, other_pose)
        rebuilt = losses.reconstruction(decode, (face, pose), (other_face, other_pose), image, mirror)
        return rebuilt + config.orthogonality * length**2 / len(stored) * together

    def contrast_faces(batch: Batch) -> Tensor:
        stored, generator = batch.stored, batch.generator
        image = torch.cat([view(stored, box, size, mild, generator) for box in quadrants(len(stored), generator)])
        one, two = projectors["face"](model.face_head(model.backbone(image)).flatten(1)).chunk(2)
        return losses.info_nce(one, two, config.temperature, losses.mixture(2 * len(one), generator))

    def contrast_poses(batch: Batch) -> Tensor:
        stored, generator = batch.stored[: config.posed], batch.generator
        count = len(stored)
        views = []
        for mirrored in (False, True):
            for _ in range(2):
                box = near_whole(count, generator)
                box = boxes(box[:, :2], box[:, 2].abs(), torch.full((count,), mirrored))
                views.append(view(stored, box, size, strong, generator))
        z = projectors["pose"](model.pose_head(model.backbone(torch.cat(views))).flatten(1)).view(4, count, -1)
        pairs = ((0, 1, (2, 3)), (1, 0, (2, 3)), (2, 3, (0, 1)), (3, 2, (0, 1)))
        each = [losses.pose_contrast(z[a], z[p], z[list(n)].transpose(0, 1), config.temperature) for a, p, n in pairs]
        return torch.stack(each).mean()

    trunk, face, pose = model.backbone, model.face_head, model.pose_head
    return {
        "rebuild": Task(rebuild, [model]),
        "face": Task(contrast_faces, [trunk, face, projectors["face"]], balanced=True),
        "pose": Task(contrast_poses, [trunk, pose, projectors["pose"]], balanced=True),
    }


@torch.no_grad()
def check(model: PCL, clips: Clips, count: int = 12) -> tuple[dict, Image.Image]:
    """Numbers and a sheet of validation frames: `look` and

    val_l1: of frames rebuilt from their own face and pose. mirror_l1: of their mirror images, from their face and the
    mirror image's pose. yaw_swap: correlation of B's yaw with that read off A at the pose of B (as `look` reads
    yaw_trunk). colour_of_a: of face A at the pose of somebody else, B: where its mean colour lies between that of B
    (0) and A (1), both rebuilt; a swap that copies B has 0. Rows of the sheet: A; A rebuilt; B; A at B's pose; A at
    the pose of its mirror image.
    """
    rows = clips.validation.nonzero().flatten()
    device = next(model.parameters()).device

    def pictures(some: Tensor) -> list[Tensor]:
        a, b = (clips.centre(part, model.size).to(device) for part in (some, some.roll(len(some) // 2)))
        return [a, model(a), b, model.swap(a, b), model.swap(a, a.flip(-1))]

    some = rows[:: -(-len(rows) // 256)]
    a, rebuilt, b, swapped, mirrored = pictures(some)
    from_b = rebuilt.roll(len(a) // 2, 0).mean((2, 3))
    span = rebuilt.mean((2, 3)) - from_b
    measures = contrastive.look(model, clips, model.size) | {
        "val_l1": float((rebuilt - a).abs().mean()),
        "mirror_l1": float((mirrored - a.flip(-1)).abs().mean()),
        "colour_of_a": float(((swapped.mean((2, 3)) - from_b) * span).sum() / span.square().sum().clamp(min=1e-9)),
    }
    yaw = contrastive.yaws(clips, some.roll(len(some) // 2))
    if yaw is not None:
        real, drawn = (model.encode(image).trunk.cpu() for image in (b, swapped))
        measures["yaw_swap"] = contrastive.ridge_correlation(real, yaw, drawn, yaw)
    return measures, tile(pictures(rows[:: -(-len(rows) // count)]))


def train(config: PCLConfig, data: list[str], out: Path, resume: bool = False, every: int = 12_800) -> Path:
    """Trains PCL on single frames of shards and returns the run's folder, see contrastive.fit; weights in `pcl/`."""
    return fit(config, data, out, PCL, tasks, check, resume, every)
