"""What the project ships: the bundled checkpoint (`python -m train ship`) and the README's pictures (`train report`).

Writes assets/pictures/faces.webp and swaps.webp. Which faces are shown is a rule, not a choice: evenly spaced people; in
each, the frame whose smile edit is strongest (faces, expressions) or frame 0 (identities).
"""

import json
import re
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw
from torch import Tensor

from latentface.gallery import Gallery
from latentface.pcl import PCL
from latentface.checkpoints import ASSETS, load_network, load_pipeline
from latentface.pipeline import LatentFacePipeline
from latentface.pictures import depth_picture, normal_picture
from latentface.rendering import render
from latentface.results import RESULTS, markdown, read_comparison
from train.common.sheets import tile
from train.data.shards import MARGIN

TABLE = ("<!-- comparison -->", "<!-- end of comparison -->")
"""Between these lines of the README stands the table of methods."""
RESULTS_OF = ("<!-- results -->", "<!-- end of results -->")
"""Between these lines of a checkpoint's card stand the results of the JSON files beside it."""
LONDON = {
    "reconstruction_l1": ("reconstruction, L1 of [0, 1]", ".4f"),
    "reconstruction_psnr": ("reconstruction, PSNR in dB", ".1f"),
    "identity_cosine": ("identity cosine (dlib), photo and reconstruction", ".3f"),
    "identity_cosine_other_people": ("... with other people's photos", ".3f"),
    "identity_distance": ("identity distance (dlib takes less than 0.6 for one person)", ".3f"),
    "identity_top1": ("right person nearest among 51", ".0%"),
    "smile_judge_on_photos": ("smile or neutral read off photos", ".0%"),
    "smile_judge_on_reconstructions": ("... off reconstructions", ".0%"),
    "within_expression_recognised": ("... off swaps within a person", ".0%"),
    "across_expression_recognised": ("... off swaps across people (chance 50 %)", ".0%"),
    "smile_told_on_photos": ("of two photos of a person, the smiling one found to smile more", ".0%"),
    "smile_told_on_reconstructions": ("... of their reconstructions", ".0%"),
    "within_smile_told": ("... of two swaps within a person, the one that was to smile", ".0%"),
    "across_smile_told": ("... of two swaps across people (chance 50 %)", ".0%"),
    "within_smile_moved": ("share of the smile that a swap within a person carries over", ".2f"),
    "across_smile_moved": ("... across people", ".2f"),
    "across_nearer_a": ("swap nearer to A than to B in identity", ".0%"),
    "strong_expression_recognised": (
        "expression put on 1.5 times across people: smile or neutral read off swaps",
        ".0%",
    ),
    "strong_smile_told": ("... of two such swaps, the one that was to smile found to smile more", ".0%"),
    "strong_smile_moved": ("... share of the smile carried over", ".2f"),
    "strong_nearer_a": ("... swap nearer to A", ".0%"),
}
DEPTH = {
    "side": ("SIDE", ".4f"), "side_flat": ("... of a flat plate", ".4f"), "mad_deg": ("MAD of normals, degrees", ".1f"),
    "mad_flat_deg": ("... of a flat plate", ".1f"), "side_64": ("SIDE at 64 pixels", ".4f"),
    "mad_64_deg": ("MAD of normals at 64 pixels, degrees", ".1f"), "concave": ("concave faces", ".1%"),
    "reconstruction_l1_head": ("reconstruction of the head, L1 of [0, 1]", ".4f"), "ssim": ("SSIM of the picture", ".3f"),
    "yaw_deg": ("yaw error, degrees", ".1f"), "yaw_slope": ("... slope over the true yaw", ".2f"),
    "pitch_centred_deg": ("pitch error less its offset, degrees", ".1f"), "pitch_corr": ("... correlation", ".2f"),
    "roll_deg": ("roll error, degrees", ".1f"), "roll_corr": ("... correlation", ".2f"),
    "light_centred_deg": ("light direction error less its offset, degrees", ".1f"),
    "light_constant_deg": ("... of always saying the mean", ".1f"),
}  # fmt: skip
TRUE_SWAPS = {
    "across_ssim_swap": ("SSIM of the swap with the true picture", ".3f"),
    "across_ssim_unchanged": ("... of A left as it is", ".3f"),
    "across_ssim_reconstructed": ("... of the true picture's own reconstruction", ".3f"),
    "across_expression_carried": ("share of the wished change of the landmarks", ".2f"),
    "across_nearer_b_expression": ("expression nearer to the truth than to A", ".0%"),
    "across_nearer_a": ("nearer to A than to B in identity", ".0%"),
    "across_yaw_kept": ("correlation of yaw with the true picture's", ".2f"),
}
SETS = (
    ("swaps_london.json", "Real photos: London development photos", LONDON),
    ("depth_test.json", "Depth, pose and light: parametric people of the truth set's test part", DEPTH),
    ("swaps_test.json", "Swaps across people, against the true pictures: the same people", TRUE_SWAPS),
)
SUMMARY_IN = ("<!-- explorer -->", "<!-- end of explorer -->")
"""Between these lines of the README stands what the bundled checkpoint can do."""
SUMMARY = (
    ("swaps_london.json", "real photos: {photos} of the Face Research Lab London Set, {pairs} people neutral and smiling", (
        ("reconstruction at 128 px, L1 of [0, 1] / PSNR", "{reconstruction_l1:.4f} / {reconstruction_psnr:.1f} dB"),
        ("identity cosine (dlib), photo and reconstruction", "{identity_cosine:.3f} (other people's photo: {identity_cosine_other_people:.3f})"),
        ("identity distance (dlib takes less than 0.6 for one person)", "{identity_distance:.2f}"),
        ("right person nearest among {pairs}", "{identity_top1:.0%}"),
        ("smile or neutral read off photos / reconstructions", "{smile_judge_on_photos:.0%} / {smile_judge_on_reconstructions:.0%}"),
        (
            "... off swaps within a person / across people / 1.5 times as strong (chance 50 %)",
            "{within_expression_recognised:.0%} / {across_expression_recognised:.0%} / {strong_expression_recognised:.0%}",
        ),
        (
            "of two pictures of a person, the one that is to smile found to smile more: photos / reconstructions",
            "{smile_told_on_photos:.0%} / {smile_told_on_reconstructions:.0%}",
        ),
        (
            "... swaps within a person / across people / 1.5 times as strong (chance 50 %)",
            "{within_smile_told:.0%} / {across_smile_told:.0%} / {strong_smile_told:.0%}",
        ),
        ("share of the smile that they carry over", "{within_smile_moved:.2f} / {across_smile_moved:.2f} / {strong_smile_moved:.2f}"),
        ("swap across people nearer to A than to B in identity / 1.5 times as strong", "{across_nearer_a:.0%} / {strong_nearer_a:.0%}"),
    )),
    ("depth_test.json", "parametric people with exact truth: {people} nobody trained on, {n:,} frames", (
        (
            "depth: SIDE / mean angle of normals (a flat plate)",
            "{side:.4f} / {mad_deg:.1f} degrees ({side_flat:.4f} / {mad_flat_deg:.1f})",
        ),
        ("... at 64 px, the size of published figures", "{side_64:.4f} / {mad_64_deg:.1f} degrees"),
        ("concave faces", "{concave:.1%}"),
        ("yaw error / slope over the true yaw", "{yaw_deg:.1f} degrees / {yaw_slope:.2f}"),
        ("pitch: correlation / slope; roll", "{pitch_corr:.2f} / {pitch_slope:.2f}; {roll_corr:.2f} / {roll_slope:.2f}"),
    )),
    ("leakage_test.json", "the same people: what each part tells, by linear probes", (
        (
            "who it is, read off the identity part / the expression part (chance {identity_chance:.4f})",
            "{identity_from_identity:.2f} / {identity_from_expression:.2f}",
        ),
        (
            "expression, read off all codes / the expression part / the identity part (chance {expression_chance:.2f})",
            "{expression_from_full:.2f} / {expression_from_expression:.2f} / {expression_from_identity:.2f}",
        ),
        ("yaw, R2, read off the expression part", "{yaw_from_expression:.2f}"),
    )),
    ("swaps_test.json", "the same people: swaps across people, beside the true pictures", (
        (
            "SSIM with the true picture (A left as it is / the picture's own reconstruction)",
            "{across_ssim_swap:.3f} ({across_ssim_unchanged:.3f} / {across_ssim_reconstructed:.3f})",
        ),
        ("share of the wished change of the landmarks", "{across_expression_carried:.2f}"),
        ("nearer to A than to B in identity", "{across_nearer_a:.0%}"),
    )),
)  # fmt: skip
"""Result file beside the checkpoint, heading of its table, and rows, filled with its numbers."""
SIDE = 128
"""Side of one face in the pictures, in pixels."""


def _photos(gallery: Gallery, indices: list[int]) -> Tensor:
    """Standard crops of gallery faces, N x 3 x SIDE x SIDE in [-1, 1]."""
    crops = []
    for index in indices:
        image = Image.open(gallery.picture(index)).convert("RGB")
        edge = image.width * (1 - 1 / MARGIN) / 2
        small = image.resize(
            (SIDE, SIDE), Image.Resampling.LANCZOS, box=(edge, edge, image.width - edge, image.height - edge)
        )
        crops.append(torch.tensor(np.asarray(small)).permute(2, 0, 1).float() / 127.5 - 1)
    return torch.stack(crops)


def _large(image: Tensor) -> Tensor:
    return F.interpolate(image, size=(SIDE, SIDE), mode="bicubic").clamp(-1, 1)


def _labelled(sheet: Image.Image, labels: list[str]) -> Image.Image:
    """The sheet with a line of text above every column."""
    out = Image.new("RGB", (sheet.width, sheet.height + 22), "white")
    out.paste(sheet, (0, 22))
    draw = ImageDraw.Draw(out)
    for i, label in enumerate(labels):
        draw.text(((i + 0.5) * SIDE, 11), label, fill="black", anchor="mm", font_size=13)
    return out


def faces_picture(pipeline: LatentFacePipeline, gallery: Gallery, indices: list[int]) -> Image.Image:
    """One face a row: photo, reconstruction, neutral face, albedo, layout (of models that have one), depth, normals, turned left and right."""
    codes = gallery.codes[indices]
    scene = pipeline.decode(codes)
    turned = [
        render(scene.canonical, scene.depth, scene.view.new_tensor([[yaw, 0, 0, 0, 0, 0]]).expand(len(indices), -1))[0]
        for yaw in (-35.0, 35.0)
    ]
    columns = {
        "reconstruction": scene.render()[0],
        "neutral": pipeline.decode(pipeline.neutral(codes)).canonical,
        "albedo": scene.albedo,
        "layout": pipeline.warp_picture(codes, SIDE),
        "depth": depth_picture(scene.depth),
        "normals": normal_picture(scene.depth),
        "left": turned[0],
        "right": turned[1],
    }
    columns = {name: images for name, images in columns.items() if images is not None}
    table = torch.stack([_photos(gallery, indices), *map(_large, columns.values())], 1)
    return _labelled(tile(list(table), 1), ["photo", *columns])


def swaps_picture(
    pipeline: LatentFacePipeline, gallery: Gallery, identities: list[int], expressions: list[int]
) -> Image.Image:
    """Identities down the side with their neutral faces, expressions along the top, swaps between, from the front."""
    blank = torch.ones(2, 3, SIDE, SIDE)
    rows = [torch.cat([blank, _photos(gallery, expressions)])]
    photos = _photos(gallery, identities)
    for number, index in enumerate(identities):
        person = gallery.codes[[index] * len(expressions)]
        swapped = pipeline.decode(pipeline.swap(person, gallery.codes[expressions])).canonical
        neutral = pipeline.decode(pipeline.neutral(person[:1])).canonical
        rows.append(torch.cat([photos[number : number + 1], _large(torch.cat([neutral, swapped]))]))
    return _labelled(tile(rows, 1), ["identity", "neutral", *["expression"] * len(expressions)])


def report(out: Path = ASSETS / "pictures", people: int = 6) -> None:
    """Writes the pictures of the gallery's faces, by the checkpoint of its codes, into `out`, and the tables into the README and the checkpoints' cards where they are marked."""
    write_table(ASSETS.parent / "README.md")
    replace_between(ASSETS.parent / "README.md", SUMMARY_IN, summary(ASSETS / "explorer"))
    for card in ASSETS.glob("*/README.md"):
        replace_between(card, RESULTS_OF, results_of(card.parent))
    gallery = Gallery()
    pipeline = load_pipeline(gallery.checkpoint)
    persons = sorted({face["person"] for face in gallery.faces})
    chosen = persons[:: max(1, len(persons) // people)][:people]

    def strongest(person: int, sign: int) -> int:
        own = [i for i, face in enumerate(gallery.faces) if face["person"] == person]
        return max(own, key=lambda i: sign * gallery.faces[i].get("smile", 0.0))

    first = [next(i for i, face in enumerate(gallery.faces) if face["person"] == person) for person in chosen]
    expressive = [strongest(person, 1 if n % 2 == 0 else -1) for n, person in enumerate(chosen)]
    out.mkdir(parents=True, exist_ok=True)
    faces_picture(pipeline, gallery, expressive).save(out / "faces.webp", quality=88)
    swaps_picture(pipeline, gallery, first[:5], expressive[:6]).save(out / "swaps.webp", quality=88)


def write_table(readme: Path, results: Path = RESULTS) -> bool:
    """Puts the comparison of methods between the README's two markers; False where there is none, or a marker is missing."""
    table = read_comparison(results)
    return table is not None and replace_between(readme, TABLE, markdown(table))


def replace_between(file: Path, markers: tuple[str, str], text: str) -> bool:
    """Puts text between two lines of a file; False, and nothing changes, where either is missing."""
    whole = file.read_text(encoding="utf-8")
    if not all(marker in whole for marker in markers):
        return False
    before, _, rest = whole.partition(markers[0])
    file.write_text(
        before + markers[0] + "\n" + text + "\n" + markers[1] + rest.partition(markers[1])[2], encoding="utf-8"
    )
    return True


def results_of(folder: Path) -> str:
    """A checkpoint's results as Markdown, from the suites' JSON files in its folder (SETS, leakage_test.json)."""
    parts = []
    for name, title, rows in SETS:
        if (folder / name).exists():
            found = json.loads((folder / name).read_text())
            lines = [f"| {label} | {format(found[key], form)} |" for key, (label, form) in rows.items() if key in found]
            parts.append("\n".join([f"**{title}** ({_made(found)})", "", "| | |", "|---|---|", *lines]))
            if found.get("by"):
                parts.append(_groups(found["by"]))
    if (folder / "leakage_test.json").exists():
        parts.append(_leakage(json.loads((folder / "leakage_test.json").read_text())))
    return "\n\n".join(parts)


def summary(folder: Path) -> str:
    """A checkpoint's most telling results as Markdown tables, one of each file of SUMMARY that lies in its folder."""
    tables = []
    for name, title, rows in SUMMARY:
        if (folder / name).exists():
            found = json.loads((folder / name).read_text())
            lines = [f"| {label.format(**found)} | {text.format(**found)} |" for label, text in rows]
            tables.append("\n".join([f"| {title.format(**found)} | |", "|---|---|", *lines]))
    return "\n\n".join(tables)


def _made(found: dict) -> str:
    """What a result was made with."""
    return f"`{found['command']}`, commit {found['commit']}, seed {found['seed']}, {found['hardware']}"


def _groups(by: dict) -> str:
    """Results by group of faces as a table."""
    lines = ["| by | group | frames | SIDE | MAD, degrees | L1 of the head |", "|---|---|---|---|---|---|"]
    for kind, groups in by.items():
        for name, row in groups.items():
            numbers = f"{row['side']:.4f} | {row['mad_deg']:.1f} | {row['reconstruction_l1_head']:.4f}"
            lines.append(f"| {kind} | {name} | {row['n']} | {numbers} |")
    return "\n".join(lines)


def _leakage(found: dict) -> str:
    """What each block of the code tells, as a table: linear probes on held-out people."""
    factors = [name for name in ("identity", "expression", "actions", "yaw", "light") if f"{name}_from_full" in found]
    blocks = list(dict.fromkeys(key.partition("_from_")[2] for key in found if "_from_" in key))
    lines = [f"| block | {' | '.join(factors)} |", "|---|" + "---|" * len(factors)]
    lines += [
        f"| {block} | " + " | ".join(f"{found[f'{f}_from_{block}']:.2f}" for f in factors) + " |" for block in blocks
    ]
    chance = [f"{found[f'{f}_chance']:.2f}" if f"{f}_chance" in found else "0" for f in factors]
    title = "What each block tells (identity and expression: accuracy; the others: R2 of linear probes)"
    return "\n".join([f"**{title}** ({_made(found)})", "", *lines, f"| chance | {' | '.join(chance)} |"])


def ship(stage1: Path, stage2: Path, name: str) -> None:
    """Bundles a trained checkpoint: the pipeline in half precision and both runs' records and curves.

    stage1, stage2: run folders of `train autoencoder` and `train rdm`. Writes assets/NAME; a card beside stays as it is.
    """
    pipeline = load_pipeline(stage2 / "pipeline")
    out = ASSETS / name
    pipeline.to(dtype=torch.float16).save_pretrained(out, safe_serialization=True)
    for file in (out / "model_index.json", *out.glob("*/config.json")):
        _without_origin(file)
    for stage, run in (("autoencoder", stage1), ("rdm", stage2)):
        _ship_record(run, out, f"{stage}_")


def ship_pcl(run: Path, name: str) -> None:
    """Bundles a PCL checkpoint in half precision with its run's record and curves in assets/NAME; projectors stay behind.

    run: folder of `train pcl`.
    """
    out = ASSETS / name
    load_network(run / "pcl", PCL).half().save_pretrained(out)
    _without_origin(out / "config.json")
    _ship_record(run, out, "")


def _without_origin(file: Path) -> None:
    """Takes out of a config where the run lay, which diffusers writes down."""
    about = json.loads(file.read_text())
    about.pop("_name_or_path", None)
    file.write_text(json.dumps(about, indent=2) + "\n")


def _ship_record(run: Path, out: Path, prefix: str) -> None:
    """A run's record and curves as out/PREFIXrun.json and out/PREFIXcurves.jsonl."""
    about = json.loads((run / "config.json").read_text())
    about["data"] = [Path(folder).name for folder in about["data"]]
    about["command"] = re.sub(r"\S*/", "", about["command"])  # names of folders, not where they lay
    if about["config"].get("start"):
        about["config"]["start"] = Path(about["config"]["start"]).name
    (out / f"{prefix}run.json").write_text(json.dumps(about, indent=1))
    (out / f"{prefix}curves.jsonl").write_bytes((run / "curves.jsonl").read_bytes())
