"""`python -m latentface video CLIP --out DIR`: a clip's face taken apart, and another face driven by it."""

import argparse
import hashlib
import json
import shutil
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from latentface.alignment import NoFaceError
from latentface.clip_files import save_codes, take_apart, write_driven, write_films
from latentface.commands import fail
from latentface.curves import DRIFT, curves, figure, write_csv
from latentface.detection import DetectorUnavailable
from latentface.expression_sliders import load_sliders
from latentface.moving import GAIN, Stretch, drive, settled
from latentface.photo import PhotoError
from latentface.pipeline import LatentFacePipeline
from latentface.video import inspect

PARTS, ARGUMENTS = "parts", "arguments.json"
"""Folder in --out of what a run that was stopped has done, and its file that says what for."""
STOPPED = 130
"""Exit code after Ctrl-C, as shells have it."""


def video(pipeline: LatentFacePipeline, args: argparse.Namespace) -> int:
    """Write films, curves and codes of a clip under --out; stopped, the same command goes on."""
    began = time.perf_counter()
    try:
        return _video(pipeline, args, began)
    except (PhotoError, NoFaceError, DetectorUnavailable) as error:
        _leave_nothing(args.out)
        if args.json:
            print(json.dumps({"file": str(args.clip), "error": str(error)}))
            return 2
        return fail(f"{args.clip}: {error}")
    except KeyboardInterrupt:
        print("\nstopped: the same command goes on from here", file=sys.stderr)
        return STOPPED


def _video(pipeline: LatentFacePipeline, args: argparse.Namespace, began: float) -> int:
    about = inspect(args.clip)
    target = None if args.drive is None else pipeline.read(args.drive)
    folder = _parts(args)
    stretch = _followed(take_apart(pipeline, args.clip, folder, args.face), about.count, "faces")
    if not stretch.seen.any():
        raise NoFaceError("no face was found in this video: use one in which a face is sharp, lit and not covered")
    face, count = settled(stretch, args.smooth), len(stretch)
    _followed(write_films(pipeline, args.clip, about, face, folder, args.out / "films.mp4"), count, "films")
    written = ["films.mp4", "curves.csv", "curves.html", "codes.safetensors"]
    if target is not None:
        codes = drive(pipeline, face, target.codes, args.relative, args.strength)
        path = args.out / "driven.mp4"
        _followed(write_driven(pipeline, args.clip, about, codes, face.seconds, folder, path), count, "driven")
        written.append(path.name)
    table = curves(pipeline, stretch, face, load_sliders(args.checkpoint, stretch.expression.shape[1]))
    write_csv(table, args.out / "curves.csv")
    figure(table).update_layout(title=args.clip.name, template="plotly_white", height=900).write_html(
        args.out / "curves.html"
    )
    save_codes(stretch, face, args.out / "codes.safetensors")
    shutil.rmtree(folder)
    report = {
        "file": str(args.clip),
        "frames": count,
        "with_face": int(stretch.seen.sum()),
        "seconds": round(float(face.seconds[-1]), 3),
        "faces": int(stretch.faces.max()),
        "identity_drift": round(float(np.nanmedian(table[DRIFT])), 4),
        "out": str(args.out),
        "files": written,
        "error": None,
        "took": round(time.perf_counter() - began, 1),
    }
    if args.json:
        print(json.dumps(report))
        return 0
    lost = count - report["with_face"]
    print(f"{count} frames, {lost} without the face; {', '.join(written)} are in {args.out} ({report['took']:.0f} s)")
    if report["faces"] > 1:
        print(f"{report['faces']} faces are in this clip: --face 1 follows the second largest")
    return 0


def _parts(args: argparse.Namespace) -> Path:
    """Make the folder of the parts; those of another clip, or of other options, are thrown away."""
    folder: Path = args.out / PARTS
    wanted = {name: str(getattr(args, name)) for name in ("checkpoint", "face", "smooth", "relative", "strength")}
    wanted |= {"gain": str(GAIN), "clip": _mark(args.clip), "drive": "" if args.drive is None else _mark(args.drive)}
    there = folder / ARGUMENTS
    if folder.exists() and not (there.exists() and json.loads(there.read_text()) == wanted):
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    there.write_text(json.dumps(wanted))
    return folder


def _mark(path: Path) -> str:
    """Tell files apart by what is in them."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _followed(steps: Iterable[int], total: int, what: str) -> Stretch:
    """Run a generator that says how far it is, and show people its progress; give what it returns."""
    began, first, told = time.perf_counter(), None, 0.0
    steps = iter(steps)
    while True:
        try:
            done = next(steps)
        except StopIteration as end:
            print(file=sys.stderr)
            return end.value
        now = time.perf_counter()
        first = done - 1 if first is None else first
        if now - told < 0.5 and done != total:
            continue
        told, pace = now, (done - first) / max(now - began, 1e-6)
        left = max(0, total - done) / max(pace, 1e-6)
        line = f"\r{what}: {done} of {max(done, total)} frames, {pace:.1f} a second, {left:.0f} s left   "
        print(line, end="", file=sys.stderr, flush=True)


def _leave_nothing(out: Path) -> None:
    """Remove the parts, and the folder if nothing else is in it."""
    shutil.rmtree(out / PARTS, ignore_errors=True)
    if out.is_dir() and not any(out.iterdir()):
        out.rmdir()
