"""The commands of `python -m latentface`: each takes its parsed arguments and returns the exit code."""

import argparse
import json
import sys
import time
from dataclasses import asdict
from pathlib import Path

from PIL import Image
from safetensors.torch import save_file
from torch import Tensor

from latentface import convert as published
from latentface.alignment import NoFaceError
from latentface.checkpoints import CheckpointError, load_pipeline
from latentface.codes import Codes
from latentface.detection import DETECTORS, DetectorUnavailable, detector_problem, fan_weights
from latentface.mesh import glb
from latentface.options import printable
from latentface.photo import EXTENSIONS, PhotoError
from latentface.pictures import depth_picture, normal_picture, picture
from latentface.pipeline import Face, LatentFacePipeline


def reconstruct(pipeline: LatentFacePipeline, args: argparse.Namespace) -> int:
    """Write every photo's face into a folder of its name under --out (see `write_face`)."""
    failed, used = 0, set()
    for number, photo in enumerate(args.photos, 1):
        began = time.perf_counter()
        face, report = _read(pipeline, photo, args)
        if face is None:
            failed += 1
        else:
            name, extra = photo.stem, 2
            while name in used:  # two photos of one name from different folders keep both results
                name, extra = f"{photo.stem}_{extra}", extra + 1
            used.add(name)
            write_face(pipeline, face.codes, face.crop, args.out / name)
            report.update(out=str(args.out / name), seconds=round(time.perf_counter() - began, 3))
        _print(report, number, len(args.photos), args.json)
    return 2 if failed else 0


def swap(pipeline: LatentFacePipeline, args: argparse.Namespace) -> int:
    """Write A with B's expression, and both neutral faces, under --out."""
    faces = []
    for number, photo in enumerate((args.identity, args.expression), 1):
        face, report = _read(pipeline, photo, args)
        _print(report, number, 2, args.json)
        if face is not None:
            faces.append(face)
    if len(faces) < 2:
        return 2
    a, b = faces
    swapped = pipeline.swap(a.codes, b.codes, args.strength, args.seed)
    for name, codes, crop in (
        ("swap", swapped, None),
        ("identity_neutral", pipeline.neutral(a.codes, args.seed), a.crop),
        ("expression_neutral", pipeline.neutral(b.codes, args.seed), b.crop),
    ):
        write_face(pipeline, codes, crop, args.out / name)
    if not args.json:
        print(f"written to {args.out}")
    return 0


def embed(pipeline: LatentFacePipeline, args: argparse.Namespace) -> int:
    """Write the codes of every photo below a folder as one safetensors file; its metadata lists the files by row."""
    if not args.folder.is_dir():
        return fail(f"{args.folder} is not a folder")
    files = sorted(args.folder.rglob("*"))
    photos = [file for file in files if file.suffix.lower() in EXTENSIONS]
    if not photos:
        return fail(f"no photos in {args.folder} (looked for {', '.join(sorted(EXTENSIONS))})")
    if args.out.is_dir():
        return fail(f"{args.out} is a folder: give --out a file")
    args.out.parent.mkdir(parents=True, exist_ok=True)
    partial = args.out.with_name(f"{args.out.name}.partial")
    partial.touch()  # fails before hours of photos, not after
    try:
        _name_others(files)
        return _embed(pipeline, args, photos, partial)
    finally:
        partial.unlink(missing_ok=True)


def _embed(pipeline: LatentFacePipeline, args: argparse.Namespace, photos: list[Path], partial: Path) -> int:
    """Read photos, write their codes into `partial`, and give it its name once it is whole."""
    rows, names = [], []
    for number, photo in enumerate(photos, 1):
        face, report = _read(pipeline, photo, args)
        if face is not None:
            rows.append(face.codes)
            names.append(str(photo.relative_to(args.folder)))
        _print(report, number, len(photos), args.json)
    if rows:
        codes = Codes.cat(rows)
        parts = pipeline.split(codes)
        tensors = asdict(codes)
        for kind, part in (("shape", parts.shape), ("texture", parts.texture)):
            tensors[f"{kind}_identity"], tensors[f"{kind}_expression"] = part.identity, part.expression
        save_file({k: v.contiguous() for k, v in tensors.items()}, partial, metadata={"files": json.dumps(names)})
        partial.replace(args.out)
    return 2 if len(rows) < len(photos) else 0


def check(args: argparse.Namespace) -> int:
    """Say whether the checkpoint loads and which detectors are ready; downloads no detector."""
    problem = None
    try:
        load_pipeline(args.checkpoint)
    except CheckpointError as error:
        problem = str(error)
    found: dict = {"checkpoint": {"name": args.checkpoint, "ready": problem is None, "error": problem}, "detectors": {}}
    for detector in DETECTORS:
        problem = detector_problem(detector)
        found["detectors"][detector] = {"ready": problem is None, "error": problem}
    weights = fan_weights()
    found["detectors"]["face-alignment"].update(file=weights.name, folder=str(weights.parent))
    works = found["checkpoint"]["ready"] and found["detectors"][DETECTORS[0]]["ready"]
    if args.json:
        print(json.dumps({**found, "ready": works}))
        return 0 if works else 2
    print(f"checkpoint {args.checkpoint}: {found['checkpoint']['error'] or 'ready'}")
    for detector, state in found["detectors"].items():
        role = "default" if detector == DETECTORS[0] else "optional"
        print(f"detector {detector} ({role}): {state['error'] or 'ready'}")
    return 0 if works else 2


def convert(args: argparse.Namespace) -> int:
    """Write the authors' weight file as a pipeline folder, and say what of it was left out."""
    beside = published.convert(args.file, args.out, args.legacy_ddim)
    print(f"written to {args.out}" + (f"; left out, no network: {', '.join(beside)}" if beside else ""))
    return 0


def write_face(pipeline: LatentFacePipeline, codes: Codes, crop: Tensor | None, out: Path) -> None:
    """Decode one face and write its pictures, mesh.glb and codes.safetensors.

    Args:
        pipeline: the model.
        codes: of one face.
        crop: 1 x 3 x S x S in [-1, 1], written as crop.png; or None.
        out: the folder, made here.
    """
    out.mkdir(parents=True, exist_ok=True)
    scene, layout = pipeline.decode_fine(codes), pipeline.warp_picture(codes, 2 * pipeline.size)
    pictures = {
        "reconstruction": scene.render()[0],
        "canonical": scene.canonical,
        "albedo": scene.albedo,
        "depth": depth_picture(scene.depth),
        "normals": normal_picture(scene.depth),
    }
    if layout is not None:
        pictures["layout"] = layout
    if crop is not None:
        pictures["crop"] = crop
    for name, image in pictures.items():
        Image.fromarray(picture(image[0])).save(out / f"{name}.png")
    (out / "mesh.glb").write_bytes(glb(scene))
    save_file({name: value.contiguous() for name, value in asdict(codes).items()}, out / "codes.safetensors")


def fail(message: str) -> int:
    """Print an error in one line and return the exit code that goes with it."""
    print(f"error: {printable(message)}", file=sys.stderr)
    return 2


def _name_others(files: list[Path]) -> None:
    """Say which files are no photos by their names."""
    others = [p.suffix for p in files if p.is_file() and p.suffix.lower() not in {*EXTENSIONS, ".partial"}]
    if others:
        kinds = ", ".join(sorted({kind or "without an ending" for kind in others})[:8])
        print(printable(f"left out, no photos by their names: {len(others)} files ({kinds})"), file=sys.stderr)


def _read(pipeline: LatentFacePipeline, photo: Path, args: argparse.Namespace) -> tuple[Face | None, dict]:
    """Read one photo: its face, or None, and its report, which --json prints."""
    began = time.perf_counter()
    report: dict = {"file": str(photo)}
    try:
        face = pipeline.read(photo, args.face, args.detector)
    except (PhotoError, NoFaceError, DetectorUnavailable) as error:
        report.update(error=str(error), seconds=round(time.perf_counter() - began, 3))
        return None, report
    report.update(**face.report(), error=None, seconds=round(time.perf_counter() - began, 3))
    return face, report


def _print(report: dict, number: int, total: int, as_json: bool) -> None:
    """Print a photo's report, as JSON or as one line for people; an error goes to stderr then."""
    if as_json:
        print(json.dumps(report), flush=True)
        return
    if report["error"]:
        text = report["error"]
    else:
        yaw, pitch, roll = report["pose"].values()
        text = f"yaw {yaw:+.0f} pitch {pitch:+.0f} roll {roll:+.0f} degrees, {report['seconds']:.2f} s"
        if report["faces"] > 1:
            text += f", {report['faces']} faces (--face 0 to {report['faces'] - 1})"
        text = " ".join([f"{text}.", *report["notes"]]) if report["notes"] else text
    stream = sys.stderr if report["error"] else sys.stdout
    print(f"[{number}/{total}] {printable(report['file'])}: {printable(text)}", file=stream, flush=True)
