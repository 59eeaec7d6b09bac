"""Hostile and odd files and arguments, made by code: `corpus()` lists them.

None is anybody's photo: pictures are noise, flat colour, or a person who does not exist.
"""

import bz2
import gzip
import io
import json
import os
import shutil
import struct
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import numpy as np
import torch
from av.video.stream import VideoStream
from PIL import Image
from safetensors.torch import load_file, save_file

from latentface.weights import WEIGHTS
from tests.attacks.hostile_photos import FACE, HOSTILE, MEGABYTE, chunk, encoded, png
from tests.helpers import tiny_pipeline

GROUPS = ("photo", "clip", "source", "shards", "checkpoint")
"""What files are meant as; arguments stand below."""


HEAVY = {"PNG: 50 MB of text", "7,680 x 4,320", "tar.gz of zeros, 200 MB", "damaged, seed 2", "damaged, seed 3"}
"""Items that take seconds beside the hostile photos and clips."""


@dataclass(frozen=True)
class Item:
    """One file or folder of the corpus."""

    group: str
    name: str
    make: Callable[[Path], Path]
    """Makes it in an empty folder and gives its path."""
    heavy: bool = False
    """Whether it takes seconds to make or to read: left out of the tests, which hold such photos elsewhere."""


def corpus() -> list[Item]:
    """All items."""
    made = [("photo", photos()), ("clip", clips()), ("source", sources()), ("shards", shards())]
    items = [Item(group, name, make, name in HEAVY) for group, these in made for name, make in these.items()]
    items += [Item("photo", name, written(make, "photo.jpg"), heavy=True) for name, make in HOSTILE.items()]
    items += [Item("clip", name, make, heavy=True) for name, make in heavy_clips().items()]
    return items + [Item("checkpoint", name, make) for name, make in checkpoints().items()]


def written(make: Callable[[], bytes], name: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        (folder / name).write_bytes(make())
        return folder / name

    return write


# --- photos ---------------------------------------------------------------------------------------------------------


@cache
def face(kind: str = "JPEG", **options) -> bytes:
    return encoded(Image.open(FACE).convert("RGB"), kind, **options)


def animated(kind: str, count: int) -> bytes:
    shades = [Image.new("RGB", (32, 32), (shade % 256, shade // 256, 0)) for shade in range(count)]
    return encoded(shades[0], kind, save_all=True, append_images=shades[1:])


def boxed(*boxes: tuple[bytes, bytes]) -> bytes:
    return b"".join(struct.pack(">I", len(body) + 8) + kind + body for kind, body in boxes)


def patched(data: bytes, at: int, value: bytes) -> bytes:
    return data[:at] + value + data[at + len(value) :]


def photos() -> dict[str, Callable[[Path], Path]]:
    whole = face()
    sof = whole.index(b"\xff\xc0")
    exif = Image.Exif()
    exif[0x0112] = 99
    files: dict[str, Callable[[], bytes]] = {
        "empty": lambda: b"",
        "one byte": lambda: b"\xff",
        "text": lambda: b"I am not a photo.\n" * 100,
        "HTML": lambda: b"<!doctype html><img src=x onerror=alert(1)>" * 50,
        "SVG": lambda: b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
        "EPS": lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n",
        "PDF": lambda: b"%PDF-1.7\n1 0 obj<<>>endobj\n" + b"0" * 1000,
        "PSD": lambda: b"8BPS\0\1" + bytes(6) + b"\0\3" + b"\xff" * 100,
        "JPEG 2000": lambda: b"\0\0\0\x0cjP  \r\n\x87\n" + b"\0" * 100,
        "ICO": lambda: encoded(Image.new("RGB", (16, 16)), "ICO"),
        "PPM": lambda: encoded(Image.new("RGB", (16, 16)), "PPM"),
        "ZIP": lambda: b"PK\3\4" + bytes(100),
        "HDF5": lambda: b"\x89HDF\r\n\x1a\n" + bytes(100),
        "ELF": lambda: b"\x7fELF" + bytes(1000),
        "random bytes": lambda: np.random.default_rng(0).bytes(100_000),
        "zeros": lambda: bytes(100_000),
        "JPEG: header alone": lambda: whole[:20],
        "JPEG: half": lambda: whole[: len(whole) // 2],
        "JPEG: no end": lambda: whole[:-2],
        "JPEG: 65,535 x 65,535": lambda: patched(whole, sof + 5, b"\xff\xff\xff\xff"),
        "JPEG: 0 x 0": lambda: patched(whole, sof + 5, bytes(4)),
        "JPEG: 200 components": lambda: patched(whole, sof + 9, b"\xc8"),
        "JPEG: segment beyond the end": lambda: whole[:2] + b"\xff\xe1\xff\xff" + whole[2:60],
        "JPEG: orientation 99": lambda: face(exif=exif.tobytes()),
        "JPEG: EXIF of random bytes": lambda: face(exif=b"Exif\0\0" + np.random.default_rng(1).bytes(60_000)),
        "JPEG: profile of random bytes": lambda: face(icc_profile=np.random.default_rng(2).bytes(60_000)),
        "JPEG: CMYK": lambda: encoded(Image.open(FACE).convert("CMYK"), "JPEG"),
        "JPEG: a ZIP behind it": lambda: whole + b"PK\3\4" + bytes(1000),
        "PNG: cut": lambda: face("PNG")[:-40],
        "PNG: bad checksum": lambda: patched(face("PNG"), 40, b"\0"),
        "PNG: no pixels": lambda: png(64, 64, pixels=b""),
        "PNG: 0 x 0": lambda: png(0, 0),
        "PNG: 2,147,483,647 x 1": lambda: png(2**31 - 1, 1),
        "PNG: chunk of 4 GB": lambda: face("PNG")[:33] + b"\xff\xff\xff\xffIDAT" + bytes(100),
        "PNG: 50 MB of text": lambda: png(8, 8, chunk(b"tEXt", b"a\0" + b" " * 50 * MEGABYTE)),
        "PNG: 16 bits": lambda: encoded(Image.fromarray(np.full((64, 64), 40_000, np.uint16)), "PNG"),
        "PNG: one pixel": lambda: encoded(Image.new("RGB", (1, 1)), "PNG"),
        "PNG: 4,000 x 1": lambda: encoded(Image.new("RGB", (4000, 1)), "PNG"),
        "PNG: animation of 1,000 pictures": lambda: animated("PNG", 1000),
        "GIF: empty": lambda: b"GIF89a" + bytes(7) + b"\x3b",
        "GIF: 65,535 x 65,535": lambda:
            b"GIF89a\xff\xff\xff\xff\0\0\0\x2c" + bytes(4) + b"\xff\xff\xff\xff\0\x08\0\x3b",
        "GIF: picture beside its frame": lambda:
            patched(face("GIF"), face("GIF").index(b"\x2c\0\0") + 1, b"\xff\xff\xff\xff"),
        "WebP: cut": lambda: face("WEBP")[:200],
        "WebP: size that lies": lambda: patched(face("WEBP"), 4, b"\xff\xff\xff\xff"),
        "WebP: 16,383 x 16,383": lambda: b"RIFF\x1e\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\xfe\x3f\0\xfe\x3f\0" + bytes(20),
        "BMP: negative width": lambda: patched(face("BMP"), 18, struct.pack("<i", -160)),
        "BMP: 100,000 x 100,000": lambda: patched(face("BMP"), 18, struct.pack("<ii", 100_000, 100_000)),
        "BMP: palette of 4 billion": lambda: patched(face("BMP"), 46, b"\xff\xff\xff\xff"),
        "TIFF: directory that points to itself": lambda: patched(face("TIFF"), len(face("TIFF")) - 4, b"\x08\0\0\0"),
        "TIFF: pixels in another place": lambda: b"II*\0\xff\xff\xff\xff" + bytes(100),
        "TIFF: cut": lambda: face("TIFF")[:5000],
        "TIFF: a value of 4 GB": lambda: b"II*\0\x08\0\0\0\1\0" + struct.pack("<HHII", 256, 4, 2**30, 8) + bytes(4),
        "AVIF": lambda: face("AVIF"),
        "AVIF: cut": lambda: face("AVIF")[:400],
        "AVIF: no picture": lambda: boxed((b"ftyp", b"avif\0\0\0\0avifmif1"), (b"meta", bytes(4))),
        "HEIC": lambda: FACE.with_suffix(".heic").read_bytes(),
        "HEIC: cut": lambda: FACE.with_suffix(".heic").read_bytes()[:3000],
        "HEIC: no picture": lambda: boxed((b"ftyp", b"heic\0\0\0\0heicmif1"), (b"meta", bytes(4))),
        "HEIC: boxes within boxes": lambda: boxed((b"ftyp", b"heic\0\0\0\0heicmif1")) + nested(b"meta", 5000),
    }  # fmt: skip
    made = {name: written(make, "photo.jpg") for name, make in files.items()}
    made["name with escape codes"] = written(lambda: b"no photo", "a\x1b[31m\x1b]0;x\x07\r.jpg")
    made["name of 200 letters"] = written(lambda: whole, "f" * 200 + ".jpg")
    made["name in another script"] = written(lambda: whole, "顔\u202egpj.exe\u200b.jpg")
    made["folder named as a photo"] = lambda folder: _folder(folder / "photo.jpg")
    made["link to nothing"] = lambda folder: _link(folder / "photo.jpg", Path("/nowhere"))
    made["link to itself"] = lambda folder: _link(folder / "photo.jpg", folder / "photo.jpg")
    return made


def nested(kind: bytes, depth: int) -> bytes:
    body = b""
    for _ in range(depth):
        body = boxed((kind, body))
    return body


def _folder(path: Path) -> Path:
    path.mkdir()
    return path


def _link(path: Path, target: Path) -> Path:
    path.symlink_to(target)
    return path


# --- clips ----------------------------------------------------------------------------------------------------------


@cache
def clip(
    kind: str = "mp4", codec: str = "libx264", count: int = 6, side: int = 96, rate: int = 25, form: str = "yuv420p"
) -> bytes:
    """A film of a person who does not exist, who does not move."""
    made = io.BytesIO()
    with av.open(made, "w", format={"mkv": "matroska"}.get(kind, kind)) as out:
        stream = out.add_stream(codec, rate=Fraction(rate))
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = side, side, form
        picture = av.VideoFrame.from_image(Image.open(FACE).convert("RGB").resize((side, side)))
        for number in range(count):
            picture.pts = None
            out.mux(stream.encode(picture.reformat(format=form)))
            del number
        out.mux(stream.encode())
    return made.getvalue()


def flat_clip(width: int, height: int, count: int, codec: str = "ffv1", form: str = "yuv420p", rate: int = 25) -> bytes:
    made = io.BytesIO()
    with av.open(made, "w", format="matroska") as out:
        stream = out.add_stream(codec, rate=Fraction(rate))
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = width, height, form
        picture = av.VideoFrame(width, height, form)
        for plane in picture.planes:
            plane.update(bytes(plane.buffer_size))
        for _ in range(count):
            picture.pts = None
            out.mux(stream.encode(picture))
        out.mux(stream.encode())
    return made.getvalue()


def voice() -> bytes:
    made = io.BytesIO()
    with av.open(made, "w", format="mp4") as out:
        stream = out.add_stream("aac", rate=16000)
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 16000), np.float32), format="fltp", layout="mono")
        silence.sample_rate = 16000
        out.mux(stream.encode(silence))
        out.mux(stream.encode())
    return made.getvalue()


def damaged(data: bytes, seed: int, share: float = 0.01) -> bytes:
    rng, made = np.random.default_rng(seed), bytearray(data)
    for place in rng.integers(64, len(data), max(1, int(share * len(data)))):
        made[place] = rng.integers(256)
    return bytes(made)


def clips() -> dict[str, Callable[[Path], Path]]:
    files: dict[str, Callable[[], bytes]] = {
        "whole": clip,
        "empty": lambda: b"",
        "text": lambda: b"I am not a video.\n" * 1000,
        "playlist": lambda: b"#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n",
        "list of files": lambda: b"ffconcat version 1.0\nfile /etc/passwd\n",
        "DASH": lambda: b'<?xml version="1.0"?><MPD><Period><BaseURL>http://127.0.0.1:9/</BaseURL></Period></MPD>',
        "SDP": lambda: b"v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=video 9 RTP/AVP 96\n",
        "subtitles": lambda: b"1\n00:00:00,000 --> 00:00:01,000\nhello\n",
        "photo named as a clip": face,
        "sound alone": voice,
        "header alone": lambda: clip()[:400],
        "a coding nobody knows": lambda: clip().replace(b"avc1", b"xyz1"),
        "half": lambda: clip("mkv")[: len(clip("mkv")) // 2],
        "one frame": lambda: clip(count=1),
        "damaged, seed 0": lambda: damaged(clip("mkv", count=30), 0),
        "damaged, seed 1": lambda: damaged(clip("mkv", count=30), 1),
        "damaged, seed 2": lambda: damaged(clip("avi", "mpeg4", count=30), 2),
        "damaged, seed 3": lambda: damaged(clip("webm", "libvpx", count=30), 3),
        "boxes within boxes": lambda: boxed((b"ftyp", b"isom")) + nested(b"moov", 20_000),
        "box of 16 exabytes": lambda: boxed((b"ftyp", b"isom")) + b"\0\0\0\1moov\xff\xff\xff\xff\xff\xff\xff\xff",
        "a million tracks": lambda: boxed((b"ftyp", b"isom"), (b"moov", boxed((b"trak", b"")) * 500_000)),
        "a table of 4 billion samples": lambda: clip().replace(b"stsz" + bytes(8), b"stsz" + bytes(4) + b"\0\0\0\1", 1),
        "Matroska of one element": lambda: b"\x1a\x45\xdf\xa3\x01\xff\xff\xff\xff\xff\xff\xff" + bytes(1000),
        "an hour in four frames": lambda: flat_clip(64, 64, 4, "mpeg4", rate=1).replace(b"\0", b"\0"),
        "10,000 frames a second": lambda: clip("mkv", "ffv1", count=200, rate=10_000),
        "100,000 x 2": lambda: flat_clip(100_000, 2, 2),
        "8 x 8": lambda: flat_clip(8, 8, 2),
        "7,680 x 4,320": lambda: flat_clip(7680, 4320, 1),
        "picture sizes that change": lambda:
            clip("mpegts", "mpeg2video", side=96) + clip("mpegts", "mpeg2video", side=320),
        "10 bits": lambda: clip("mkv", "libx265", form="yuv420p10le"),
    }  # fmt: skip
    return {name: written(make, "clip.mp4") for name, make in files.items()}


def heavy_clips() -> dict[str, Callable[[Path], Path]]:
    files: dict[str, Callable[[], bytes]] = {
        "60 MB of zeros behind a header": lambda: clip() + bytes(60 * MEGABYTE),
        "4,096 x 2,304, 16 bits of four channels": lambda: flat_clip(4096, 2304, 3, form="gbrap16le"),
        "20,000 flat frames": lambda: flat_clip(64, 64, 20_000, "mpeg4"),
    }
    return {name: written(make, "clip.mp4") for name, make in files.items()}


# --- sources of an import --------------------------------------------------------------------------------------------


def tarred(*files: tuple[str, bytes], kind: str = "w") -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode=kind) as tar:  # type: ignore[call-overload]
        for name, data in files:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return made.getvalue()


def linked() -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        member = tarfile.TarInfo("photo.jpg")
        member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(member)
    return made.getvalue()


def zipped() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as file:
        file.writestr("photo.jpg", face())
    return made.getvalue()


def beside(name: str, data: bytes, text: str | bytes) -> Callable[[Path], Path]:
    """A source with a .jsonl beside it."""

    def write(folder: Path) -> Path:
        (folder / name).write_bytes(data)
        (folder / name).with_suffix(".jsonl").write_bytes(text if isinstance(text, bytes) else text.encode())
        return folder / name

    return write


def sources() -> dict[str, Callable[[Path], Path]]:
    one = tarred(("a/photo.jpg", face()))
    archives: dict[str, Callable[[], bytes]] = {
        "empty tar": lambda: tarred(),
        "empty file": lambda: b"",
        "tar cut off": lambda: one[:700],
        "tar of a link": linked,
        "tar with ../": lambda: tarred(("../../photo.jpg", face())),
        "tar with /": lambda: tarred(("/etc/photo.jpg", face())),
        "tar with a size that lies": lambda: patched(one, 124, b"77777777777"),
        "tar of text": lambda: tarred(("photo.jpg", b"no photo")),
        "tar with escape codes in a name": lambda: tarred(("a\x1b[31m.jpg", b"no photo")),
        "tar.gz cut off": lambda: gzip.compress(one)[:900],
        "tar.gz of zeros, 200 MB": lambda: gzip.compress(one + bytes(200 * MEGABYTE), 1),
        "tar.bz2 of random bytes": lambda: bz2.compress(np.random.default_rng(3).bytes(1000)),
        "ZIP": zipped,
        "random bytes": lambda: np.random.default_rng(4).bytes(100_000),
    }
    made = {name: written(make, "faces.tar") for name, make in archives.items()}
    row = json.dumps({"file": "a/photo.jpg"})
    for name, text in {
        "jsonl: a line cut off": row + '\n{"file": "a/ph',
        "jsonl: a list": "[1, 2]\n",
        "jsonl: null": "null\n",
        "jsonl: nested 100,000 deep": "[" * 100_000,
        "jsonl: no file": '{"smile": 1}\n',
        "jsonl: file is a list": '{"file": ["a"]}\n',
        "jsonl: not UTF-8": b"\xff\xfe\x00",
        "jsonl: a number of 10,000 digits": '{"file": ' + "9" * 10_000 + "}\n",
    }.items():
        made[name] = beside("faces.tar", one, text)
    return made


# --- shards ----------------------------------------------------------------------------------------------------------


FACTORS = json.dumps([{"person": "a"}, {"person": "a"}]).encode()
MANIFEST = {"clips": 1, "frames": 2, "persons": 1, "margin": 1.25}


def webp(width: int = 32, height: int = 32) -> bytes:
    return encoded(Image.new("RGB", (width, height), (90, 90, 90)), "WEBP")


def shard(*, factors: bytes | None = FACTORS, pictures: tuple[bytes, ...] | None = None, manifest: object = MANIFEST,
    more: tuple = (),
          tar: bytes | None = None, others: tuple[tuple[str, bytes], ...] = ()) -> Callable[[Path], Path]:  # fmt: skip
    """A folder of one shard of one clip of two frames, changed in one way."""

    def write(folder: Path) -> Path:
        out = folder / "shards"
        out.mkdir()
        frames = (webp(), webp()) if pictures is None else pictures
        files = [(f"a.{number:02}.webp", data) for number, data in enumerate(frames)]
        files += [("a.json", factors)] if factors is not None else []
        (out / "00000.tar").write_bytes(tarred(*files, *more) if tar is None else tar)
        for name, data in others:
            (out / name).write_bytes(data)
        text = manifest if isinstance(manifest, str) else json.dumps(manifest)
        (out / "manifest.json").write_text(text)
        return out

    return write


def npz_that_lies() -> bytes:
    """An .npz whose array says that it has 3 GB."""
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (800000000,), }"
    header += b" " * (118 - len(header)) + b"\n"
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as file:
        file.writestr("depth.npy", b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header + bytes(64))
    return made.getvalue()


def npz_of_objects() -> bytes:
    made = io.BytesIO()
    np.savez(made, depth=np.array([{}], dtype=object))
    return made.getvalue()


def shards() -> dict[str, Callable[[Path], Path]]:
    whole = tarred(("a.00.webp", webp()), ("a.01.webp", webp()), ("a.json", FACTORS))
    bomb = png(30_000, 30_000)
    return {
        "whole": shard(),
        "hidden file of a Mac": shard(others=(("._00000.tar", b"\0\5\x16\7" + bytes(4000)),)),
        "further empty tar": shard(others=(("00001.tar", b""),)),
        "further tar of HTML": shard(others=(("00001.tar", b"<html>" * 500),)),
        "tar cut in a picture": shard(tar=whole[: 512 + 20]),
        "tar cut between files": shard(tar=whole[:1536]),
        "tar of random bytes": shard(tar=np.random.default_rng(5).bytes(20_000)),
        "picture: EPS": shard(pictures=(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", webp())),
        "picture: bomb": shard(pictures=(bomb, bomb)),
        "picture: 3,000 x 3,000": shard(pictures=(webp(3000, 3000), webp())),
        "picture: empty": shard(pictures=(b"", b"")),
        "picture: HTML": shard(pictures=(b"<html>", webp())),
        "no picture": shard(pictures=()),
        "json: missing": shard(factors=None),
        "json: null": shard(factors=b"null"),
        "json: empty list": shard(factors=b"[]"),
        "json: a number": shard(factors=b"7"),
        "json: one row for two frames": shard(factors=b'[{"person": "a"}]'),
        "json: rows of text": shard(factors=b'["a", "b"]'),
        "json: no person": shard(factors=b"[{}, {}]"),
        "json: nested 100,000 deep": shard(factors=b"[" * 100_000 + b"]" * 100_000),
        "json: cut off": shard(factors=FACTORS[:-5]),
        "json: not UTF-8": shard(factors=b"\xff\xfe"),
        "frame named by letters": shard(more=(("a.xx.webp", webp()),)),
        "npz of 3 GB": shard(more=(("a.00.npz", npz_that_lies()), ("a.01.npz", npz_that_lies()))),
        "npz of objects": shard(more=(("a.00.npz", npz_of_objects()), ("a.01.npz", npz_of_objects()))),
        "npz of random bytes": shard(more=(("a.00.npz", b"PK" + bytes(99)), ("a.01.npz", b"PK" + bytes(99)))),
        "manifest: a list": shard(manifest=[1, 2]),
        "manifest: null": shard(manifest=None),
        "manifest: cut off": shard(manifest='{"clips": 1, "fr'),
        "manifest: empty": shard(manifest=""),
        "manifest: frames negative": shard(manifest={**MANIFEST, "frames": -5}),
        "manifest: frames as text": shard(manifest={**MANIFEST, "frames": "two"}),
        "manifest: 10 billion frames": shard(manifest={**MANIFEST, "frames": 10**10}),
        "manifest: 3 frames": shard(manifest={**MANIFEST, "frames": 3}),
        "manifest: no count": shard(manifest={"margin": 1.25}),
        "manifest: nested 100,000 deep": shard(manifest="[" * 100_000),
    }


# --- checkpoints -----------------------------------------------------------------------------------------------------


def checkpoint(change: Callable[[Path], object]) -> Callable[[Path], Path]:
    """A whole checkpoint, changed in one way."""

    def write(folder: Path) -> Path:
        out = folder / "checkpoint"
        tiny_pipeline().save_pretrained(out)
        change(out)
        return out

    return write


def setting(file: str, name: str, value: object) -> Callable[[Path], object]:
    def change(out: Path) -> None:
        about = json.loads((out / file).read_text())
        about[name] = value
        (out / file).write_text(json.dumps(about))

    return change


def weights(part: str, change: Callable[[dict], object]) -> Callable[[Path], object]:
    def write(out: Path) -> None:
        held = load_file(out / part / WEIGHTS)
        change(held)
        save_file(held, out / part / WEIGHTS)

    return write


def text(file: str, data: bytes) -> Callable[[Path], object]:
    return lambda out: (out / file).write_bytes(data)


def pickled(out: Path) -> None:
    (out / "denoiser" / WEIGHTS).unlink()
    torch.save({"a": torch.zeros(3)}, out / "denoiser" / "diffusion_pytorch_model.bin")


def exchanged(out: Path) -> None:
    one, other = out / "autoencoder" / WEIGHTS, out / "denoiser" / WEIGHTS
    first = one.read_bytes()
    shutil.copyfile(other, one)
    other.write_bytes(first)


def checkpoints() -> dict[str, Callable[[Path], Path]]:
    config, scheduler = "denoiser/config.json", "scheduler/scheduler_config.json"
    held = f"denoiser/{WEIGHTS}"
    changes: dict[str, Callable[[Path], object]] = {
        "whole": lambda out: None,
        "class os.system": setting("model_index.json", "denoiser", ["os", "system"]),
        "class of another part": setting("model_index.json", "denoiser", ["latentface.autoencoder", "Autoencoder"]),
        "further part": setting("model_index.json", "more", ["latentface.pcl", "PCL"]),
        "index: a list": text("model_index.json", b"[]"),
        "index: cut off": text("model_index.json", b'{"_class'),
        "index: nested 100,000 deep": text("model_index.json", b"[" * 100_000),
        "index: code file": setting("model_index.json", "_class_name", ["pipeline", "Evil"]),
        "config: empty": text(config, b""),
        "config: null": text(config, b"null"),
        "config: not UTF-8": text(config, b"\xff\xfe"),
        "config: gone": lambda out: (out / config).unlink(),
        "config: width of 16,384, 64 blocks": lambda out: [setting(config, *pair)(out) for pair in (("width",
            16_384), ("blocks", 64))],
        "config: width 0": setting(config, "width", 0),
        "config: width as text": setting(config, "width", "wide"),
        "config: width a list": setting(config, "width", [16]),
        "config: NaN": setting("autoencoder/config.json", "max_angle", float("nan")),
        "config: size 0": setting("autoencoder/config.json", "size", 0),
        "config: auto_map": setting(config, "auto_map", {"AutoModel": "evil.Evil"}),
        "scheduler: 300 million steps": setting(scheduler, "num_train_timesteps", 300_000_000),
        "scheduler: unknown prediction": setting(scheduler, "prediction_type", "guess"),
        "scheduler: betas of another length": setting(scheduler, "trained_betas", [0.1]),
        "scheduler: unknown schedule": setting(scheduler, "beta_schedule", "none"),
        "weights: missing key": weights("denoiser", lambda these: these.pop(min(these))),
        "weights: further key": weights("denoiser", lambda these: these.update(more=torch.zeros(3))),
        "weights: NaN": weights("denoiser", lambda these: these[min(these)].fill_(float("nan"))),
        "weights: infinite": weights("autoencoder", lambda these: these[max(these)].fill_(float("inf"))),
        "weights: another shape": weights("denoiser", lambda these: these.update({min(these): torch.zeros(2, 2)})),
        "weights: whole numbers": weights("denoiser",
            lambda these: these.update({min(these): these[min(these)].int()})),
        "weights: empty": text(held, b""),
        "weights: header of 100 MB": text(held, struct.pack("<Q", 10**8) + b"{" + b" " * 1000),
        "weights: header of 16 exabytes": text(held, b"\xff" * 8 + b"{}"),
        "weights: offsets beyond the end": text(held, struct.pack("<Q",
            62) + b'{"a":{"dtype":"F32","shape":[9999],"data_offsets":[0,39996]}}  '),
        "weights: gone": lambda out: (out / held).unlink(),
        "weights: pickled": pickled,
        "weights: exchanged": exchanged,
        "weights: a folder": lambda out: ((out / held).unlink(), (out / held).mkdir()),
        "sums: of another file": text("SHA256SUMS", b"0" * 64 + b"  denoiser/" + WEIGHTS.encode() + b"\n"),
        "sums: of a file elsewhere": text("SHA256SUMS", b"0" * 64 + b"  ../../../etc/passwd\n"),
        "sums: random bytes": text("SHA256SUMS", os.urandom(100)),
    }  # fmt: skip
    return {name: checkpoint(change) for name, change in changes.items()}


# --- arguments -------------------------------------------------------------------------------------------------------


PHOTO, CLIP = "PHOTO", "CLIP"
"""Stand where an uploaded file goes."""
ENDLESS = float("inf")
ARGUMENTS: list[tuple[str, list]] = [
    *(("reconstruct", [PHOTO, face]) for face in (-1, 99, 1e300, ENDLESS, float("nan"), "two", [], {}, None, True,
        0.5)),
    *(("reconstruct", [photo, 0]) for photo in (None, "", "x", 7, [], {}, {"path": None}, {"path": "/etc/passwd"},
        {"path": "a\0"},
       {"path": "http://127.0.0.1:9/a.jpg"}, {"url": "http://127.0.0.1:9/a.jpg"}, {"path": ["a"]},
           {"path": "x" * 100_000})),
    *(("swap", [PHOTO, PHOTO, strength, 0, "AABB"]) for strength in (-3, 1000, ENDLESS, float("nan"), "much", None,
        [])),
    *(("swap", [PHOTO, PHOTO, 1, seed, "AABB"]) for seed in (-1, 10**25, 2**31, 0.5, "seed", float("nan"))),
    *(("swap", [PHOTO, PHOTO, 1, 0, whose]) for whose in ("", "A", "AABBA", "XXXX", "aabb", "A" * 10**6, 7, None,
        ["A"], "ÄABB")),
    ("swap", []), ("swap", [PHOTO]), ("swap", [PHOTO] * 50), ("place", [PHOTO, 10**9]), ("place", [[PHOTO], 0]),
    *(("drive", [CLIP, PHOTO, strength, True]) for strength in (-1, 99, float("nan"))),
    ("video", [PHOTO, 0]), ("video", [CLIP, -1]), ("video", [CLIP, 99]),
]  # fmt: skip
"""Endpoint and what it is called with."""
NUMBERS: list[list[str]] = [
    *(["swap", f"--strength={value}"] for value in ("nan", "inf", "-inf", "-3", "1000", "much", "")),
    *(["swap", f"--seed={value}"] for value in ("9" * 25, "-1", "0.5", "seed")),
    *(["reconstruct", f"--face={value}"] for value in ("-1", "9" * 25, "nan")),
    *(["video", f"--smooth={value}"] for value in ("nan", "-1", "1e9")),
    *(["video", f"--strength={value}"] for value in ("nan", "-1", "1000")),
]
"""Options of the command line that are wrong."""
