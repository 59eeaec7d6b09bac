"""What strangers upload: every file gives a clean array or a PhotoError of one line, in little time and memory."""

import contextlib
import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from latentface.alignment import NoFaceError, align
from latentface.intake import door
from latentface.photo import PhotoError, read_photo
from tests.attacks.hostile_photos import HOSTILE, peak_of

ROOT = Path(__file__).parent.parent.parent
FACE = ROOT / "tests" / "data" / "imagined_face.png"


def encoded(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def refused(source) -> str:
    with pytest.raises(PhotoError) as caught:
        read_photo(source)
    message = str(caught.value)
    assert message and "\n" not in message and "Traceback" not in message and "PIL" not in message
    return message


def png_of(width: int, height: int, pixels: bytes = b"") -> bytes:
    """A PNG whose header claims a size, whatever its data holds."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(pixels)) + chunk(b"IEND", b"")


def test_text_named_jpg(tmp_path):
    path = tmp_path / "photo.jpg"
    path.write_text("I am not a photo.\n" * 100)
    assert "not a photo" in refused(path)


def test_empty_file(tmp_path):
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"")
    assert "empty" in refused(path)
    assert "empty" in refused(b"")


def test_missing_file_folder_and_odd_paths(tmp_path):
    assert "not there" in refused(tmp_path / "none.jpg")
    assert "folder" in refused(tmp_path)
    refused("photo\0.jpg")
    refused("a" * 5000)


def test_a_pipe_does_not_hang(tmp_path):
    os.mkfifo(tmp_path / "photo.jpg")
    assert "device" in refused(tmp_path / "photo.jpg")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "BMP"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_truncated(kind, share):
    data = encoded(Image.open(FACE).convert("RGB"), kind)
    refused(data[: int(len(data) * share)])


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF"])
def test_broken_bytes_give_an_array_or_a_clear_error(kind):
    data = bytearray(encoded(Image.open(FACE).convert("RGB").resize((64, 64)), kind))
    rng = np.random.default_rng(0)
    for _ in range(60):
        broken = data.copy()
        for place in rng.integers(0, len(data), 8):
            broken[place] = rng.integers(256)
        try:
            result = read_photo(bytes(broken))
            assert result.dtype == np.uint8 and result.ndim == 3 and max(result.shape) <= 2048
        except PhotoError as error:
            assert "\n" not in str(error)


def test_what_is_no_photo_says_what_to_use():
    assert "damaged" in refused(b"\0\0\0\x18ftypheic" + b"\0" * 100)
    assert "JPEG" in refused(b"<svg xmlns='http://www.w3.org/2000/svg'/>")
    assert "JPEG" in refused(b"%PDF-1.4" + b"\0" * 100)
    assert "JPEG" in refused(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n")  # would start Ghostscript


@pytest.mark.parametrize("size", [(12_000, 12_000), (30_000, 30_000), (2**31 - 1, 2**31 - 1), (100_000_000, 1)])
def test_header_that_claims_too_much(size):
    message = refused(png_of(*size))
    assert "megapixels" in message and "limit" in message and "30 megapixels" in message


def test_small_file_that_unpacks_to_much():
    data = png_of(100, 100, bytes(50 * 2**20))  # 50 MB of zeros behind a header of 30 kB
    assert len(data) < 100_000
    with contextlib.suppress(PhotoError):
        assert read_photo(data).shape == (100, 100, 3)


def test_header_without_pixels():
    assert "damaged" in refused(png_of(1000, 1000))


@pytest.mark.slow
@pytest.mark.parametrize("name", HOSTILE)
def test_what_costs_too_much_is_ended_and_the_next_photo_is_read(name):
    read_photo(FACE)
    (worker, *_) = door.door.workers()
    idle = peak_of(worker)
    try:
        assert max(read_photo(HOSTILE[name]()).shape) <= 2048
    except PhotoError as error:
        assert str(error).isprintable() and len(str(error)) < 200
    peak = peak_of(worker)
    assert peak is None or peak - (idle or 0) < 300
    assert read_photo(FACE).shape == (160, 160, 3)


@pytest.mark.slow
@pytest.mark.parametrize(
    "size, kind, options",
    [
        ((12_000, 12_000), "JPEG", {}),
        ((5400, 5400), "PNG", {"compress_level": 1}),
        ((5000, 5000), "JPEG", {"progressive": True, "subsampling": 0}),
        ((4000, 4000), "WEBP", {"quality": 1, "method": 0}),
    ],
)
def test_large_photos_fit_the_workers_memory(size, kind, options):
    image = Image.new("RGBA" if kind == "PNG" else "RGB", size, "teal")
    assert max(read_photo(encoded(image, kind, **options)).shape) == 2048


def test_rotated_phone_photo_shows_the_face_upright():
    upright = Image.new("RGB", (400, 300), (150, 155, 160))
    upright.paste(Image.open(FACE).convert("RGB"), (120, 70))
    exif = Image.Exif()
    exif[0x0112] = 6
    stored = upright.transpose(Image.Transpose.ROTATE_90)
    found = align(read_photo(encoded(stored, "JPEG", exif=exif, quality=95)), 64)
    expected = align(np.array(upright), 64)
    np.testing.assert_allclose(found.square, expected.square, atol=2)


def test_broken_exif_is_no_reason_to_refuse():
    data = encoded(Image.new("RGB", (16, 16)), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff" + b"\xff" * 50)
    assert read_photo(data).shape == (16, 16, 3)


@pytest.mark.parametrize("mode", ["CMYK", "I;16", "P", "1", "LA", "F"])
def test_odd_modes(mode):
    image = Image.fromarray(np.zeros((20, 30), np.uint16)) if mode == "I;16" else Image.new(mode, (30, 20))
    assert read_photo(encoded(image, "TIFF")).shape == (20, 30, 3)


def test_animated_gif():
    frames = [Image.new("RGB", (16, 16), (0, 0, shade)) for shade in range(0, 250, 10)]
    result = read_photo(encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]))
    np.testing.assert_array_equal(result, 0)


@pytest.mark.parametrize("size", [(1, 1), (2000, 1), (1, 2000), (3000, 2000)])
def test_pictures_without_a_face(size):
    image = read_photo(encoded(Image.new("RGB", size)))
    with pytest.raises(NoFaceError) as caught:
        align(image, 64)
    assert "\n" not in str(caught.value)
