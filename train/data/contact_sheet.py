"""A contact sheet of shards, to be looked at: frames, what is known of them, and the engine's truth."""

import re
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from train.common.tar_slices import Place, read_slice
from train.data.on_disk import decode
from train.data.samples import clip_factors, clip_truth, frame_names
from train.data.shards import MARGIN
from train.data.spread import pick_clips

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def shards_sheet(folder: Path, count: int = 64, side: int = 96) -> Image.Image:
    """Draw clips evenly spread over a shards folder: up to 8 frames each, with their factors.

    Above a clip stand the person and the person's own factors, below a frame pose, strongest expressions and light;
    beside the clip the truth of its first frame, where the engine wrote it: depth (near is bright), normals, albedo,
    mask.

    Args:
        folder: the shards.
        count: the most clips.
        side: of the standard crop, in pixels.

    Returns:
        The sheet.

    Raises:
        ShardsError: the folder holds no shards.
    """
    clips = [_shards_row(path, files, side) for path, files in pick_clips(folder, count)]
    width, height = max(row.width for row in clips), max(row.height for row in clips)
    columns = min(len(clips), max(2, 1640 // width))
    sheet = Image.new("RGB", (columns * (width + 12), -(-len(clips) // columns) * height), "white")
    for i, row in enumerate(clips):
        sheet.paste(row, (i % columns * (width + 12), i // columns * height))
    return sheet


def _shards_row(path: Path, files: dict[str, Place], side: int) -> Image.Image:
    """Draw one clip."""
    names = frame_names(files)
    factors = clip_factors(read_slice(path, files["json"]), len(names), str(path))
    shown = [i * (len(names) - 1) // 7 for i in range(8)] if len(names) > 8 else range(len(names))
    pictures = [decode(read_slice(path, files[f"{names[i]}.webp"]), round(side * MARGIN)) for i in shown]
    if f"{names[0]}.npz" in files:
        truth = clip_truth(read_slice(path, files[f"{names[0]}.npz"]), str(path))
        pictures += truth_pictures(truth, round(side * MARGIN))
    font, line = ImageFont.load_default(size=10), 12
    row = Image.new("RGB", (len(pictures) * side, side + 6 * line), "white")
    draw = ImageDraw.Draw(row)
    draw.text((2, 1), _fit(person_line(factors), row.width - 4, font), "black", font)
    edge = (round(side * MARGIN) - side) // 2
    for column, picture in enumerate(pictures):
        row.paste(Image.fromarray(picture[edge : edge + side, edge : edge + side]), (column * side, line + 2))
    for column, i in enumerate(shown):
        for n, text in enumerate(frame_lines(factors[i])):
            draw.text((column * side + 2, side + (n + 1) * line + 3), _fit(text, side - 4, font), (70, 70, 70), font)
    return row


def truth_pictures(truth: dict[str, np.ndarray], side: int) -> list[np.ndarray]:
    """Draw depth, normals, albedo and mask of a frame's truth, as far as they are there.

    Args:
        truth: arrays of the frame's .npz, P x P, with margin.
        side: of the pictures, in pixels.

    Returns:
        uint8 side x side x 3 each.
    """
    out = []
    if "depth" in truth:
        depth, there = truth["depth"].astype(float), truth["depth"] > 0
        near, far = np.percentile(depth[there], (1, 99)) if there.any() else (0, 1)
        grey = np.where(there, 255 - 200 * ((depth - near) / max(far - near, 1)).clip(0, 1), 0)
        out.append(np.repeat(grey[..., None], 3, 2))
    if "normal" in truth:
        normal = truth["normal"].astype(float) / 127 * np.array([1, -1, -1])
        out.append(np.where(np.abs(normal).sum(-1, keepdims=True) > 0, 127.5 * (normal + 1), 0))
    if "albedo" in truth:
        out.append(truth["albedo"])
    if "mask" in truth:
        out.append(np.repeat((truth["mask"].astype(float) * 120)[..., None], 3, 2))
    pictures = [Image.fromarray(np.asarray(picture).clip(0, 255).astype(np.uint8)) for picture in out]
    return [np.asarray(picture.resize((side, side), Image.Resampling.BILINEAR)) for picture in pictures]


def person_line(clip: list[dict]) -> str:
    """Write the person, and their factors that are a number or a word and the same in all frames."""
    first = clip[0]
    names = [k for k in ("age", "gender", "skin") if k in first]
    names += [k for k in first if k not in (*names, "person", "frame", "file", "set")]
    same = [k for k in names if isinstance(first[k], (int, float, str)) and all(f.get(k) == first[k] for f in clip)]
    words = [f"{k} {first[k]:.3g}" if isinstance(first[k], float) else f"{k} {first[k]}" for k in same]
    return "   ".join([str(first["person"]), *words])


def frame_lines(factors: dict) -> list[str]:
    """Write pose, the two strongest expressions (left and right as one) and light, a line each."""
    lines = []
    if "pose" in factors:
        lines.append("pose " + " ".join(f"{x:.0f}" for x in factors["pose"]))
    strengths: dict[str, float] = {}
    for name, value in (factors.get("expression") or factors.get("edit") or {}).items():
        name = re.sub("(Left|Right)$", "", name)
        strengths[name] = max(strengths.get(name, 0.0), value, key=abs)
    strong = sorted(strengths.items(), key=lambda item: -abs(item[1]))[:2]
    lines += [f"{name} {value:.1f}" for name, value in strong if abs(value) > 0.05]
    if "light" in factors:
        lines.append("light " + " ".join(f"{x:.1f}" for x in factors["light"]))
    return lines


def _fit(text: str, width: int, font: Font) -> str:
    """Cut a text to a width in pixels."""
    while text and font.getlength(text) > width:
        text = text[:-1]
    return text
