"""The `depth` suite: depth, normals, pose, light and reconstruction against an engine's exact truth.

    python -m train evaluate --suite depth --checkpoint explorer --data truth:SHARDS/validation --out results.json

SIDE and MAD are those of Wu et al. (CVPR 2020, section 4.1). The predicted canonical depth is warped into the picture's
own view and compared there, on the head (mask 1: skin, eyes, mouth; hair and glasses are left out) eroded by one
pixel: at the model's own size, where finer normals are asked for and less of the outline is left out, and at the 64
pixels of their figures.
A stage 1 run can be measured too: nothing here needs the RDM.
"""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor, nn

from latentface.camera import normals_from_depth
from latentface.checkpoints import load_autoencoder
from latentface.rendering import view_grid
from train.common.perceptual import LiteFeatures
from train.common.sheets import tile
from train.evaluation.expressions import action_weights, named_expressions
from train.evaluation.metrics.depth import agreement, compared, eroded, halved, light_angles, mad, side
from train.evaluation.metrics.ssim import ssim
from train.evaluation.own_depth import Frames, frames_of, own_depth
from train.evaluation.truth_frames import Truth, read_truth
from train.losses import feature_l2, masked_mean
from train.stage1.measures import relief

Model = nn.Module
"""An Autoencoder or PaperAutoencoder, or what encodes and decodes as they do."""

PUBLISHED = 64
"""Side in pixels at which Wu et al. and who followed them compare depth; a smaller model is compared at its own."""
ANGLES = ("yaw", "pitch", "roll")
GROUPED = ("side", "mad_deg", "reconstruction_l1_head")
"""What is told of every group of faces, see `groups`."""
BANDS = {
    "skin": ((1 / 3, 2 / 3), ("light", "medium", "dark")),
    "age": ((35, 55), ("16 to 35", "35 to 55", "55 to 80")),
    "yaw": ((15, 30), ("under 15 degrees", "15 to 30", "over 30")),
}
"""Limits of the groups and their names."""


@torch.no_grad()
def measure(model: Model, truth: Truth, features: LiteFeatures) -> tuple[dict[str, Tensor], list[Tensor], Frames]:
    """Numbers of each frame, B (pose B x 3, light B x 4), the sheet's rows, B x 3 x S x S each, own_depth's frames."""
    device = next(model.parameters()).device
    image, depth, mask = (value.to(device) for value in (truth.image, truth.depth, truth.mask))
    codes = model.encode(image)
    scene = model.decode(codes)
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
        "reconstruction_l1_head": torch.stack([masked_mean(e, m.float()) for e, m in zip(error, mask, strict=True)]),
        "ssim": ssim(plain / 2 + 0.5, image / 2 + 0.5),
        "perceptual": torch.stack(
            [feature_l2(features(p[None]), features(i[None])) for p, i in zip(plain, image, strict=True)]
        ),
        "pose": scene.view[:, :3],
        "light": scene.light,
    }
    rows = [image, plain, *(_depth_picture(d, shared) for d in (seen, depth))]
    rows += [_normal_picture(n, shared) for n in (normals, truth.normal.to(device))]
    return {k: v.cpu().float() for k, v in frame.items()}, [row.cpu() for row in rows], frames_of(codes, truth)


def _depth_picture(depth: Tensor, mask: Tensor) -> Tensor:
    """Depth around its mean over the mask as grey B x 3 x S x S, near is bright; black outside the mask."""
    mean = (depth * mask).sum((1, 2)) / mask.sum((1, 2)).clamp(min=1)
    return torch.where(mask, (mean[:, None, None] - depth) * 20, -1.0)[:, None].expand(-1, 3, -1, -1)


def _normal_picture(normals: Tensor, mask: Tensor) -> Tensor:
    """Normals B x S x S x 3 as colours B x 3 x S x S: red right, green up, blue towards the viewer; black outside."""
    colours = normals.permute(0, 3, 1, 2) * normals.new_tensor([1, -1, -1])[:, None, None]
    return torch.where(mask[:, None], colours, -1.0)


def depth(model: Model, clips: Iterator[Truth], columns: int = 8) -> tuple[dict, list[Tensor]]:
    """Measure a model on frames with truth.

    Args:
        model: an Autoencoder or PaperAutoencoder.
        clips: the frames.
        columns: how many clips give the sheet a face.

    Returns:
        The results and the sheet's rows. Angles are in degrees, reconstruction errors of [0, 1]. All results are flat
        but "by": {kind of group: {group: {"n" frames and each of GROUPED}}}.
    """
    features = LiteFeatures().to(next(model.parameters()).device)
    numbers, factors, sheet, people, kept = defaultdict(list), [], [], set(), []
    for truth in clips:
        frame, rows, known = measure(model, truth, features)
        kept.append(known)
        for name, value in frame.items():
            numbers[name].append(value)
        factors += truth.factors
        people |= {str(factor["person"]) for factor in truth.factors}
        if len(sheet) < columns:
            sheet.append([row[:1] for row in rows])
    joined = {name: torch.cat(values) for name, values in numbers.items()}
    pose, light = joined.pop("pose"), joined.pop("light")
    poses, lights = [f["pose"] for f in factors], [f.get("light") for f in factors]
    results: dict = {"n": len(factors), "people": len(people)} | {
        name: float(value.nanmean()) for name, value in joined.items()
    }
    device = next(model.parameters()).device
    decode = model.decode
    assert callable(decode)
    results |= own_depth(lambda codes: decode(codes.to(device)), Frames.cat(kept))
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
    return results, [torch.cat(row) for row in zip(*sheet, strict=True)]


def groups(factors: list[dict]) -> dict[str, list[str]]:
    """Name the group of each frame, {"skin", "age", "yaw", "expression"}: what of these the engine knows.

    Skin is the people engine's scale from 0, lightest, to 1, darkest, in thirds; yaw is taken without its sign;
    expressions are those of expressions.named_expressions.
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
