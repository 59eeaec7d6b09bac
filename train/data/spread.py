"""Who is in a data set: the spread of skin tone, pose and given factors, for data cards.

Skin tone is the individual typology angle (Chardon et al. 1991), ITA = atan((L* - 50) / b*) in degrees, of the cheeks:
read off the albedo where the engine wrote it, else off the picture, where light and camera shift it by tens of degrees.
"""

from collections import Counter
from pathlib import Path

import numpy as np

from train.common.skin_tone import TONES, typology_angle
from train.common.tar_slices import read_slice
from train.data.on_disk import decode, index_shard
from train.data.samples import clip_factors, clip_truth, frame_names, tars_of
from train.data.shards import MARGIN, ShardsError, no_shards, read_manifest

LISTS = {"pose": ("yaw", "pitch", "roll"), "light": ("ambient", "diffuse", "light x", "light y")}
"""What the numbers of a frame's lists are."""
CHEEKS = ((-0.40, -0.24), (0.24, 0.40)), (0.08, 0.24)
"""x of both cheeks and their y in a frontal standard crop, in half sides from its middle."""
ACTIVE = 0.3
"""Weight from which an expression counts as shown."""


def pick_clips(folder: Path, count: int) -> list[tuple[Path, dict]]:
    """Up to `count` clips evenly spread over a shards folder: (the shard, where the clip's files lie in it).

    Raises ShardsError where the folder holds no shards of ours.
    """
    read_manifest(Path(folder))
    clips = [(tar, files) for tar in tars_of(folder) for files in index_shard(tar)]
    if not clips:
        raise no_shards(Path(folder))
    return clips if len(clips) <= count else [clips[(2 * i + 1) * len(clips) // (2 * count)] for i in range(count)]


def cheek_colour(picture: np.ndarray) -> np.ndarray:
    """Median colour of both cheeks of a frontal frame, uint8 P x P x 3 with margin: 3 numbers."""
    half = picture.shape[0] / 2

    def place(at: float) -> int:
        return round(half * (1 + at / MARGIN))

    rows = slice(place(CHEEKS[1][0]), place(CHEEKS[1][1]))
    return np.median(np.concatenate([picture[rows, place(a) : place(b)].reshape(-1, 3) for a, b in CHEEKS[0]]), axis=0)


def spread(folder: Path, count: int = 2000) -> list[str]:
    """Lines that say how skin tone, pose, light and every given factor are spread, measured on up to `count` clips."""
    picked = pick_clips(folder, count)
    frames, people, angles, measured = [], {}, [], "picture"
    for path, files in picked:
        names = frame_names(files)
        clip = clip_factors(read_slice(path, files["json"]), len(names), str(path))
        frames += clip
        straight = min(range(len(clip)), key=lambda i: abs(clip[i].get("pose", [0])[0]))
        people.setdefault(str(clip[0]["person"]), clip[0])
        if f"{names[straight]}.npz" in files:
            truth = clip_truth(read_slice(path, files[f"{names[straight]}.npz"]), str(path))
            if "albedo" not in truth:
                raise ShardsError(f"{path}: a frame's arrays hold no albedo: make the shards again")
            face, measured = truth["albedo"], "albedo"
        else:
            face = decode(read_slice(path, files[f"{names[straight]}.webp"]), 160)
        angles.append(float(typology_angle(cheek_colour(face))))
    lines = [f"{len(frames):,} frames of {len(picked):,} clips and {len(people):,} people"]
    tones = Counter(next(name for name, least in TONES if angle > least) for angle in angles)
    lines += [_shares(f"skin tone (ITA of {measured})", tones, [name for name, _ in TONES])]
    lines += [_numbers("ITA", angles)]
    for key, parts in LISTS.items():
        rows = [frame[key] for frame in frames if isinstance(frame.get(key), list) and len(frame[key]) >= len(parts)]
        lines += [_numbers(part, [row[i] for row in rows]) for i, part in enumerate(parts) if rows]
    for key in sorted({k for person in people.values() for k in person} - {"person", "frame", "file", "second"}):
        values = [person[key] for person in people.values() if person.get(key) is not None]
        if all(isinstance(v, (bool, str)) for v in values) and len(set(values)) <= 12:
            lines.append(_shares(key, Counter(map(str, values))))
        elif all(isinstance(v, (int, float)) for v in values):
            lines.append(_numbers(key, values))
    shown = Counter(name for f in frames for name, weight in (f.get("expression") or {}).items() if weight >= ACTIVE)
    if shown:
        text = ", ".join(f"{name} {100 * n / len(frames):.0f} %" for name, n in shown.most_common(20))
        lines.append(f"{'expressions from ' + str(ACTIVE):28} {text}")
    return lines


def _numbers(name: str, values: list[float]) -> str:
    low, middle, high = np.percentile(values, (5, 50, 95))
    mean = f"{name:28} mean {np.mean(values):8.2f}  sd {np.std(values):7.2f}"
    return f"{mean}  5 % {low:8.2f}  50 % {middle:8.2f}  95 % {high:8.2f}"


def _shares(name: str, counts: Counter, order: list[str] | None = None) -> str:
    total = sum(counts.values())
    names = order or [key for key, _ in counts.most_common()]
    return f"{name:28} " + ", ".join(f"{key} {100 * counts[key] / total:.0f} %" for key in names)
