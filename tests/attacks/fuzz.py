"""Random input where strangers' bytes come in: `python -m tests.attacks.fuzz photos --minutes 20`; needs atheris.

What is found (an error that nobody meant, a wrong result, a crash, seconds of work) is written into
--findings, an input and its traceback once a place in
the code. Prints minutes, inputs and findings as a row of a table.
"""

import argparse
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

Target = Callable[[bytes], None]
FACE = Path(__file__).parent.parent / "data" / "imagined_face.png"
COUNT, SLOW = "inputs", 5.0
"""Name of the file with the number of inputs so far; seconds of processor time beyond which an input is a finding."""


def photo_seeds() -> list[bytes]:
    from PIL import Image  # nothing that is watched is imported before atheris watches it

    def encoded(image: Image.Image, kind: str, **options) -> bytes:
        file = io.BytesIO()
        image.save(file, kind, **options)
        return file.getvalue()

    face = Image.open(FACE).convert("RGB").resize((48, 40))
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "words"
    exif.get_ifd(0x8825)[1] = "N"
    seeds = [encoded(face, kind, exif=exif) for kind in ("JPEG", "PNG", "WEBP", "TIFF", "AVIF")]
    seeds += [encoded(face, "GIF", comment=b"words"), encoded(face, "BMP"), encoded(face.convert("P"), "BMP")]
    seeds += [encoded(face, "JPEG", progressive=True, comment=b"w"), encoded(face.convert("CMYK"), "JPEG")]
    seeds += [encoded(face.convert(mode), "PNG") for mode in ("1", "L", "LA", "P", "RGBA", "I;16")]
    seeds += [encoded(face, "TIFF", compression=name) for name in ("tiff_lzw", "tiff_adobe_deflate", "jpeg")]
    seeds += [encoded(face.convert(mode), "TIFF") for mode in ("1", "F", "I;16", "CMYK", "LAB")]
    seeds += [encoded(face, "WEBP", lossless=True), encoded(face, "GIF", save_all=True, append_images=[face])]
    return seeds


def photos() -> tuple[Target, Callable[[], list[bytes]]]:
    import numpy as np

    from latentface.intake.decode import Refused, decode
    from latentface.intake.limits import MAX_SIDE

    def target(data: bytes) -> None:
        try:
            found = decode(data)
        except Refused as error:
            assert "\n" not in str(error)
            return
        height, width = found.pixels.shape[:2]
        assert found.pixels.dtype == np.uint8 and found.pixels.shape == (height, width, 3)
        assert 0 < max(height, width) <= MAX_SIDE and found.width >= width and found.height >= height

    return target, photo_seeds


def checkpoints() -> tuple[Target, Callable[[], list[bytes]]]:
    """The first byte says which file of a checkpoint the others are."""
    import torch

    from latentface.checkpoints import CheckpointError, load_pipeline
    from tests.helpers import tiny_pipeline

    torch.set_num_threads(1)
    folder = Path(tempfile.mkdtemp()) / "whole"
    tiny_pipeline().save_pretrained(folder)
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    whole = {file: file.read_bytes() for file in files}

    def target(data: bytes) -> None:
        file = files[data[0] % len(files)] if data else files[0]
        file.write_bytes(data[1:])
        try:
            pipeline = load_pipeline(folder)
        except CheckpointError as error:
            assert "\n" not in str(error)
        else:
            for network in (pipeline.autoencoder, pipeline.denoiser):
                assert all(torch.isfinite(weight).all() for weight in network.state_dict().values())
            pipeline.scheduler.set_timesteps(5)
        finally:
            file.write_bytes(whole[file])

    return target, lambda: [bytes([number]) + whole[file] for number, file in enumerate(files)]


def clips() -> tuple[Target, Callable[[], list[bytes]]]:
    from latentface.intake.clip_decode import about, frames
    from latentface.intake.clip_sound import sound
    from latentface.intake.decode import Refused

    file = Path(tempfile.mkdtemp()) / "clip"

    def target(data: bytes) -> None:
        file.write_bytes(data)
        try:
            known = about(file, 20.0, 1280)
            for number, (second, picture) in enumerate(frames(file, 20.0, 1280)):
                assert picture.ndim == 3 and max(picture.shape) <= 1280 and 0 <= second <= 20
                if number > 40:
                    break
            assert known["width"] <= 1280 and known["height"] <= 1280
            list(sound(file))
        except (Refused, OSError, ValueError) as error:  # the worker's own words for all but the first
            assert isinstance(error, Refused) or "av." in str(type(error))

    def seeds() -> list[bytes]:
        from tests.attacks.corpus import clip

        kinds = (("mp4", "libx264"), ("mkv", "libx264"), ("webm", "libvpx"), ("avi", "mpeg4"), ("mov", "libx265"))
        return [clip(kind, codec, side=32) for kind, codec in kinds]

    return target, seeds


def uploads() -> tuple[Target, Callable[[], list[bytes]]]:
    """What uploads lose."""
    from latentface.intake.plain import plain

    def target(data: bytes) -> None:
        made = plain(data)
        assert len(made) <= len(data) + 64

    return target, lambda: [*photo_seeds(), *clips()[1]()]


def arguments() -> tuple[Target, Callable[[], list[bytes]]]:
    """The first byte says which endpoint is called with the JSON that the others are."""
    import asyncio

    import gradio as gr

    from app.session import load
    from app.ui import build
    from tests.attacks.corpus import ARGUMENTS

    page = build(load("explorer"))
    named = {function.api_name: function for function in page.fns.values() if isinstance(function.api_name, str)}
    names = ["reconstruct", "swap", "place", "pose_swap", "video", "drive"]

    def target(data: bytes) -> None:
        try:
            given = json.loads(data[1:])
        except (ValueError, RecursionError):
            return
        function = named[names[data[0] % len(names)]]
        try:
            asyncio.run(page.process_api(function, given if isinstance(given, list) else [given], state=None))
        except gr.Error as error:
            assert "\n" not in str(error)
        except ValueError as error:  # gradio's own words for a wrong count
            assert "needed" in str(error) or "enough" in str(error), error

    def seeds() -> list[bytes]:
        calls = [(names.index(name), given) for name, given in ARGUMENTS if name in names]
        return [bytes([number]) + json.dumps(given)[:2000].encode() for number, given in calls]

    return target, seeds


TARGETS: dict[str, Callable[[], tuple[Target, Callable[[], list[bytes]]]]] = {
    "photos": photos, "clips": clips, "uploads": uploads, "checkpoints": checkpoints, "arguments": arguments
}  # fmt: skip
"""What is fuzzed -> makes what takes an input, and whole inputs to start with."""


def place_of(error: BaseException) -> str:
    """Name an error and where it was raised, as one word."""
    where = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}-{Path(where.filename).stem}-{where.lineno}"


def child(name: str, seconds: int, out: Path, corpus: Path) -> None:
    """Fuzz in this process until the time is over or an input ends it."""
    atheris: Any = import_module("atheris")  # not among the requirements

    with atheris.instrument_imports(
        include=["PIL", "latentface.intake", "latentface.weights", "latentface.checkpoints"],
        exclude=["latentface.rasterizer"],  # numba compiles it, and knows nothing of what atheris puts in
    ):
        target, _ = TARGETS[name]()
    count = int((out / COUNT).read_text())

    def one(data: bytes) -> None:
        nonlocal count
        count += 1
        (out / COUNT).write_text(str(count))
        began = time.process_time()
        try:
            target(data)
            if time.process_time() - began > SLOW:
                raise TimeoutError(f"{time.process_time() - began:.0f} s")
        except Exception as error:
            place = place_of(error)
            if not (out / f"{place}.txt").exists():
                (out / f"{place}.bin").write_bytes(data)
                (out / f"{place}.txt").write_text("".join(traceback.format_exception(error)))

    options = [f"-max_total_time={seconds}", "-timeout=600", "-rss_limit_mb=6000", "-max_len=60000"]
    options += [f"-artifact_prefix={out}/crash-", "-print_final_stats=0", "-verbosity=0"]
    atheris.Setup([sys.argv[0], *options, str(corpus)], one)
    atheris.Fuzz()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--findings", type=Path, default=Path("runs/fuzz"))
    parser.add_argument("--child", type=Path, metavar="CORPUS", help=argparse.SUPPRESS)
    args = parser.parse_args()
    out = args.findings / args.target
    if args.child:
        return child(args.target, round(60 * args.minutes), out, args.child)
    shutil.rmtree(out, ignore_errors=True)
    corpus = out / "corpus"
    corpus.mkdir(parents=True)
    (out / COUNT).write_text("0")
    for number, seed in enumerate(TARGETS[args.target]()[1]()):
        (corpus / f"seed{number:02}").write_bytes(seed)
    end = time.monotonic() + 60 * args.minutes
    while (left := end - time.monotonic()) > 1:
        command = [sys.executable, "-m", "tests.attacks.fuzz", args.target, "--minutes", str(left / 60)]
        command += ["--findings", str(args.findings), "--child", str(corpus)]
        with (out / "log").open("a") as log:
            subprocess.run(command, stdout=log, stderr=log, env={**os.environ, "OMP_NUM_THREADS": "1"})
    found = sorted(path.stem for path in [*out.glob("*.txt"), *out.glob("crash-*")])
    inputs = int((out / COUNT).read_text())
    print(f"| {args.target} | {args.minutes:.0f} | {inputs:,} | {len(found)} | {json.dumps(found)} |")


if __name__ == "__main__":
    main()
