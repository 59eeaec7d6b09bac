"""The `depth` suite: depth, normals, pose, light and reconstruction against an engine's exact truth.

    python -m train evaluate --suite depth --checkpoint explorer --data truth:SHARDS/validation --out results.json

SIDE and MAD are those of Wu et al. (CVPR 2020, section 4.1). The predicted canonical depth is warped into the picture's
own view and compared there, on the head (mask 1: skin, eyes, mouth; hair and glasses are left out) eroded by one pixel: at
the model's own size, where finer normals are asked for and less of the outline is left out, and at the 64 pixels of their figures.
A stage 1 run can be measured too: nothing here needs the RDM.
"""

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from latentface.camera import normals_from_depth
from latentface.checkpoints import load_autoencoder
from latentface.rendering import view_grid
from train.common.perceptual import LiteFeatures
from train.common.run import Progress
from train.common.sheets import tile
from train.data.clips import Clips
from train.data.reading import stream_clips
from train.data.shards import MARGIN
from train.evaluation.leakage import action_weights, named_expressions
from train.evaluation.metrics.ssim import ssim
from train.losses import feature_l2, masked_mean
from train.stage1.measures import relief

PUBLISHED = 64
"""Side in pixels at which Wu et al. and who followed them compare depth; a smaller model is compared at its own."""
FRAMES = 8
"""Frames of every clip that are measured, evenly spaced: neighbours in a clip say the same."""
ANGLES = ("yaw", "pitch", "roll")
GROUPED = ("side", "mad_deg", "reconstruction_l1_head")
"""What is told of every group of faces, see `groups`."""
BANDS = {
    "skin": ((1 / 3, 2 / 3), ("light", "medium", "dark")),
    "age": ((35, 55), ("16 to 35", "35 to 55", "55 to 80")),
    "yaw": ((15, 30), ("under 15 degrees", "15 to 30", "over 30")),
}
"""Limits of the groups and their names."""


@dataclass
class Truth:
    """Frames of one clip with what the engine knows, all at the model's size S over the standard crop."""

    image: Tensor
    """B x 3 x S x S in [-1, 1]."""
    depth: Tensor
    """B x S x S, z in scene units in the picture's own view; meaningful inside the mask."""
    normal: Tensor
    """B x S x S x 3 unit normals of the engine's mesh, (0, 0, -1) faces the camera; meaningful inside the mask."""
    mask: Tensor
    """B x S x S bool: the head, in every pixel of the frame that lies in this one."""
    factors: list[dict]
    """One a frame."""


def read_truth(folder: Path, size: int, frames: int = FRAMES) -> Iterator[Truth]:
    """A shards folder's clips with truth, `frames` evenly spaced frames each; frames that show a swap are left out.

    Raises ShardsError for no shards, ValueError for shards without truth.
    """
    known, progress = False, None
    for number, (images, factors, arrays) in enumerate(stream_clips(folder, size, truth=True), 1):
        progress = progress or Progress(json.loads((folder / "manifest.json").read_text())["clips"], unit="clips")
        progress(number, line=number == progress.total)
        rows = [i for i, (factor, array) in enumerate(zip(factors, arrays)) if array and "swap" not in factor]
        if not rows:
            continue
        known = True
        count = min(frames, len(rows))
        rows = [rows[round(i * (len(rows) - 1) / max(1, count - 1))] for i in range(count)]
        clip = Clips(
            images, torch.zeros(len(images), dtype=torch.int64), factors, torch.zeros(len(images), dtype=torch.bool)
        )
        depth, normal, mask = (torch.stack(maps) for maps in zip(*(truth_maps(arrays[i], size) for i in rows)))
        yield Truth(clip.centre(torch.tensor(rows), size), depth, normal, mask, [factors[i] for i in rows])
    if not known:
        raise ValueError(
            f"{folder} holds no truth (KEY.00.npz beside every frame); make some with `python -m train truth`"
        )


def truth_maps(arrays: dict, size: int) -> tuple[Tensor, Tensor, Tensor]:
    """A frame's arrays (P x P, with margin) as depth S x S, normal S x S x 3 and mask S x S of the standard crop."""
    stored = torch.from_numpy(arrays["depth"].astype("float32"))
    head = (torch.from_numpy(arrays["mask"]) == 1) & (stored > 0)
    normal = torch.from_numpy(arrays["normal"].astype("float32")).permute(2, 0, 1)
    maps = torch.cat([0.8 + 0.4 * stored[None] / 65535, normal, head[None].float()])
    edge = round(len(stored) * (1 - 1 / MARGIN) / 2)
    inner = maps[None, :, edge : len(stored) - edge, edge : len(stored) - edge]
    mode = {"mode": "area"} if size <= inner.shape[-1] else {"mode": "bilinear", "align_corners": False}
    maps = F.interpolate(inner, size=(size, size), **mode)[0]
    return maps[0], F.normalize(maps[1:4].permute(1, 2, 0), dim=-1), maps[4] > 0.999


def eroded(mask: Tensor) -> Tensor:
    """Masks B x S x S bool without the pixels that touch, at a side or corner, one outside, or the border."""
    return -F.max_pool2d(-F.pad(mask.float()[:, None], (1, 1, 1, 1)), 3, 1)[:, 0] > 0.5


def side(predicted: Tensor, true: Tensor, mask: Tensor) -> Tensor:
    """Scale-invariant depth error of each face, B: the standard deviation of the difference of log depths in the mask.

    predicted, true: B x S x S, positive inside the mask. mask: B x S x S bool; an empty one gives NaN. Unsup3D, section
    4.1, prints it x 100.
    """
    difference = torch.where(mask, predicted, 1).log() - torch.where(mask, true, 1).log()
    count = mask.sum((1, 2))
    mean = (difference * mask).sum((1, 2)) / count
    return (((difference - mean[:, None, None]) * mask).square().sum((1, 2)) / count).sqrt()


def angles(one: Tensor, two: Tensor) -> Tensor:
    """Degrees between unit vectors ... x 3. By sine and cosine, so that an angle near 0 keeps its digits."""
    sine = torch.linalg.cross(one, two).norm(dim=-1)
    return torch.rad2deg(torch.atan2(sine, (one * two).sum(-1)))


def mad(predicted: Tensor, true: Tensor, mask: Tensor) -> Tensor:
    """Mean angle in degrees between unit normals B x S x S x 3 over the mask B x S x S, of each face, B."""
    return (angles(predicted, true) * mask).sum((1, 2)) / mask.sum((1, 2))


def agreement(predicted: Tensor, true: Tensor) -> dict[str, float]:
    """How a predicted number N follows the true one N.

    error: mean absolute. offset: mean of predicted - true. centred: mean absolute after taking the offset off, since a
    self-supervised model's zero is its own choice. corr, slope: of predicted over true; 0 where one is constant.
    constant: error of always saying the true mean.
    """
    difference, spread = predicted - true, true - true.mean()
    covariance = (spread * (predicted - predicted.mean())).mean()
    variance, own = spread.square().mean(), predicted.var(correction=0)
    return {
        "error": float(difference.abs().mean()),
        "offset": float(difference.mean()),
        "centred": float((difference - difference.mean()).abs().mean()),
        "corr": float(covariance / (variance * own).sqrt()) if variance * own > 0 else 0.0,
        "slope": float(covariance / variance) if variance > 0 else 0.0,
        "constant": float(spread.abs().mean()),
    }


def direction(light: Tensor) -> Tensor:
    """Unit direction N x 3 in which light N x 4 (see Codes.light) travels."""
    return F.normalize(torch.cat([light[:, 2:], torch.ones_like(light[:, :1])], 1), dim=1)


def light_angles(predicted: Tensor, true: Tensor) -> tuple[Tensor, Tensor]:
    """Degrees between directions of lights N x 4: N as they are, and N with predicted x, y shifted to the true mean."""
    moved = predicted.clone()
    moved[:, 2:] += (true - predicted)[:, 2:].mean(0)
    return angles(direction(predicted), direction(true)), angles(direction(moved), direction(true))


def compared(seen: Tensor, true: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """SIDE and MAD of each face, B each, on which pixels, B x S x S bool, and the predicted normals, B x S x S x 3.

    seen: B x S x S predicted depth in the picture's view, 0 where there is none. true: B x S x S. mask: B x S x S bool.
    """
    shared, normals = eroded(mask) & eroded(seen > 0), normals_from_depth(seen.clamp(min=0.1))
    return side(seen, true, shared), mad(normals, normals_from_depth(true), shared), shared, normals


def halved(seen: Tensor, true: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The same maps (see compared) at half the size, B x S/2 x S/2: means of four pixels, where all four are known."""
    whole = [F.avg_pool2d(known.float(), 2) == 1 for known in (seen > 0, mask)]
    return F.avg_pool2d(seen, 2) * whole[0], F.avg_pool2d(true, 2), whole[1]


@torch.no_grad()
def measure(model, truth: Truth, features: LiteFeatures) -> tuple[dict[str, Tensor], list[Tensor]]:
    """Numbers of each frame, B (pose B x 3, light B x 4), and the sheet's rows, B x 3 x S x S each."""
    device = next(model.parameters()).device
    image, depth, mask = (value.to(device) for value in (truth.image, truth.depth, truth.mask))
    scene = model.decode(model.encode(image))
    plain = scene.render()[0].clamp(-1, 1)
    seen = view_grid(scene.depth, scene.view)[1]
    own_side, own_mad, shared, normals = compared(seen, depth, mask)
    coarse = seen, depth, mask
    while coarse[0].shape[-1] > PUBLISHED:
        coarse = halved(*coarse)
    side_64, mad_64, *_ = compared(*coarse)
    flat = torch.ones_like(depth)
    error = (plain - image).abs() / 2
    frame = {
        "side": own_side,
        "mad_deg": own_mad,
        "side_64": side_64,
        "mad_64_deg": mad_64,
        "mad_mesh_deg": mad(normals, truth.normal.to(device), shared),
        "side_flat": side(flat, depth, shared),
        "mad_flat_deg": mad(normals_from_depth(flat), normals_from_depth(depth), shared),
        "covered": shared.sum((1, 2)) / eroded(mask).sum((1, 2)).clamp(min=1),
        "concave": (relief(scene.depth) <= 0).float(),
        "reconstruction_l1": error.mean((1, 2, 3)),
        "reconstruction_l1_head": torch.stack([masked_mean(e, m.float()) for e, m in zip(error, mask)]),
        "ssim": ssim(plain / 2 + 0.5, image / 2 + 0.5),
        "perceptual": torch.stack([feature_l2(features(p[None]), features(i[None])) for p, i in zip(plain, image)]),
        "pose": scene.view[:, :3],
        "light": scene.light,
    }
    rows = [image, plain, *(_depth_picture(d, shared) for d in (seen, depth))]
    rows += [_normal_picture(n, shared) for n in (normals, truth.normal.to(device))]
    return {k: v.cpu().float() for k, v in frame.items()}, [row.cpu() for row in rows]


def _depth_picture(depth: Tensor, mask: Tensor) -> Tensor:
    """Depth around its mean over the mask as grey B x 3 x S x S, near is bright; black outside the mask."""
    mean = (depth * mask).sum((1, 2)) / mask.sum((1, 2)).clamp(min=1)
    return torch.where(mask, (mean[:, None, None] - depth) * 20, -1.0)[:, None].expand(-1, 3, -1, -1)


def _normal_picture(normals: Tensor, mask: Tensor) -> Tensor:
    """Normals B x S x S x 3 as colours B x 3 x S x S: red right, green up, blue towards the viewer; black outside."""
    colours = normals.permute(0, 3, 1, 2) * normals.new_tensor([1, -1, -1])[:, None, None]
    return torch.where(mask[:, None], colours, -1.0)


def depth(model, clips: Iterator[Truth], columns: int = 8) -> tuple[dict, list[Tensor]]:
    """The suite's results and its sheet's rows (one face of each of the first clips).

    model: an Autoencoder or PaperAutoencoder. Angles in degrees; reconstruction errors of [0, 1]. All results are flat but
    "by": {kind of group: {group: {"n" frames and each of GROUPED}}}.
    """
    features = LiteFeatures().to(next(model.parameters()).device)
    numbers, factors, sheet, people, done = defaultdict(list), [], [], set(), 0
    for truth in clips:
        frame, rows = measure(model, truth, features)
        for name, value in frame.items():
            numbers[name].append(value)
        factors += truth.factors
        people |= {str(factor["person"]) for factor in truth.factors}
        if len(sheet) < columns:
            sheet.append([row[:1] for row in rows])
        done += len(truth.factors)
    joined = {name: torch.cat(values) for name, values in numbers.items()}
    pose, light = joined.pop("pose"), joined.pop("light")
    poses, lights = [f["pose"] for f in factors], [f.get("light") for f in factors]
    results: dict = {"n": done, "people": len(people)} | {
        name: float(value.nanmean()) for name, value in joined.items()
    }
    for i, name in enumerate(ANGLES):
        found = agreement(pose[:, i], torch.tensor(poses)[:, i])
        results[f"{name}_deg"] = found.pop("error")
        results |= {f"{name}_{k}_deg": v for k, v in found.items() if k not in ("corr", "slope")}
        results |= {f"{name}_corr": found["corr"], f"{name}_slope": found["slope"]}
    if all(lights):
        true = torch.tensor(lights)
        plain, centred = light_angles(light, true)
        always = light_angles(true.mean(0).expand_as(true), true)[0]
        results |= {"light_deg": float(plain.mean()), "light_centred_deg": float(centred.mean())}
        results["light_constant_deg"] = float(always.mean())
        for i, name in enumerate(("ambient", "diffuse", "x", "y")):
            results[f"light_{name}_corr"] = agreement(light[:, i], true[:, i])["corr"]
    results["by"] = {}
    for kind, labels in groups(factors).items():
        rows = {label: torch.tensor([own == label for own in labels]) for label in sorted(set(labels))}
        results["by"][kind] = {
            label: {"n": int(own.sum())} | {name: float(joined[name][own].nanmean()) for name in GROUPED}
            for label, own in rows.items()
        }
    return results, [torch.cat(row) for row in zip(*sheet)]


def groups(factors: list[dict]) -> dict[str, list[str]]:
    """The group of each frame, {"skin", "age", "yaw", "expression"}: what of these the engine knows.

    Skin is the people engine's scale from 0, lightest, to 1, darkest, in thirds; yaw is taken without its sign; expressions
    are leakage.named_expressions.
    """
    known = {name: [f.get(name) for f in factors] for name in ("skin", "age")}
    known["yaw"] = [abs(f["pose"][0]) for f in factors]
    found = {
        name: [labels[sum(value >= limit for limit in limits)] for value in known[name]]
        for name, (limits, labels) in BANDS.items()
        if None not in known[name]
    }
    if all(f.get("expression") for f in factors):
        index, names = named_expressions(*action_weights(factors))
        found["expression"] = [names[i] for i in index.tolist()]
    return found


def run(checkpoints: list[str], data: list[tuple[str, Path]], out: Path, seed: int = 0) -> dict:
    """The suite: one checkpoint or stage 1 run, one truth:SHARDS; a sheet is written beside `out`.

    The sheet's rows: photo, reconstruction, predicted and true depth, predicted and true normals.
    """
    if len(checkpoints) != 1 or len(data) != 1 or data[0][0] not in ("", "truth"):
        raise ValueError("the depth suite takes one --checkpoint and one --data truth:SHARDS")
    model = load_autoencoder(checkpoints[0]).to("cuda" if torch.cuda.is_available() else "cpu")
    results, rows = depth(model, read_truth(data[0][1], model.size))
    out.parent.mkdir(parents=True, exist_ok=True)
    tile(rows, max(1, 128 // model.size)).save(out.with_suffix(".png"))
    return results
