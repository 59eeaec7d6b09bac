"""Photos of every mode, orientation and size come out as the RGB array that a person would see."""

import io
import subprocess
import sys
from dataclasses import replace
from multiprocessing import get_context

import numpy as np
import pytest
from PIL import Image, ImageCms

from latentface import photo
from latentface.intake import door
from latentface.intake.decode import Refused, decode
from latentface.intake.limits import KINDS
from latentface.photo import PhotoError, open_photo, read_photo


def encoded(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@pytest.fixture
def picture() -> np.ndarray:
    """32 x 48 with a red left half and a blue right half, and a green bar on top."""
    array = np.zeros((32, 48, 3), np.uint8)
    array[:, :24, 0] = 200
    array[:, 24:, 2] = 200
    array[:8] = [0, 200, 0]
    return array


def test_lossless_photo_comes_out_as_it_went_in(picture, tmp_path):
    data = encoded(Image.fromarray(picture))
    path = tmp_path / "photo.png"
    path.write_bytes(data)
    for source in (data, path, str(path)):
        result = read_photo(source)
        assert result.dtype == np.uint8 and result.flags.writeable
        np.testing.assert_array_equal(result, picture)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "AVIF"])
def test_every_format_is_read(picture, kind):
    result = read_photo(encoded(Image.fromarray(picture), kind))
    assert np.abs(result[20, 6].astype(int) - picture[20, 6]).max() < 40


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_exif_orientation_is_applied(picture, orientation, kind):
    stored = {
        1: picture,
        2: picture[:, ::-1],
        3: picture[::-1, ::-1],
        4: picture[::-1],
        5: picture.transpose(1, 0, 2),
        6: np.rot90(picture),
        7: picture[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(picture, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"quality": 95} if kind == "JPEG" else {"lossless": True} if kind == "WEBP" else {}
    result = read_photo(encoded(Image.fromarray(np.ascontiguousarray(stored)), kind, exif=exif, **options))
    assert result.shape == picture.shape
    for row, column in ((3, 6), (20, 6), (20, 40)):
        assert np.abs(result[row, column].astype(int) - picture[row, column]).max() < 25


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparency_is_laid_over_white(mode):
    np.testing.assert_array_equal(read_photo(encoded(Image.new(mode, (8, 8), 0))), 255)


def test_half_transparency_is_mixed_with_white():
    result = read_photo(encoded(Image.new("RGBA", (4, 4), (0, 0, 0, 128))))
    assert np.abs(result.astype(int) - 127).max() <= 1


def test_palette_with_a_transparent_colour():
    image = Image.new("P", (4, 4), 1)
    image.putpalette([255, 0, 0, 0, 0, 255])
    np.testing.assert_array_equal(read_photo(encoded(image))[0, 0], [0, 0, 255])
    np.testing.assert_array_equal(read_photo(encoded(image, transparency=1))[0, 0], [255, 255, 255])


def test_grey_and_black_and_white():
    np.testing.assert_array_equal(read_photo(encoded(Image.new("L", (4, 4), 77))), 77)
    np.testing.assert_array_equal(read_photo(encoded(Image.new("1", (4, 4), 1))), 255)


@pytest.mark.parametrize(
    "values, expected",
    [
        (np.full((4, 4), 65535, np.uint16), 255),
        (np.full((4, 4), 257 * 100, np.uint16), 100),
        (np.full((4, 4), 0.5, np.float32), 128),
        (np.full((4, 4), 100.0, np.float32), 100),
        (np.full((4, 4), np.nan, np.float32), 0),
    ],
)
def test_deep_colours_keep_their_brightness(values, expected):
    np.testing.assert_array_equal(read_photo(encoded(Image.fromarray(values), "TIFF")), expected)


def test_cmyk_is_converted():
    result = read_photo(encoded(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "JPEG"))
    assert result[8, 8, 0] > 180 and result[8, 8, 1:].max() < 60


def test_animation_gives_its_first_frame():
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    np.testing.assert_array_equal(read_photo(data)[0, 0], [255, 0, 0])


@pytest.mark.parametrize("size", [(3000, 1000), (1000, 3000), (5000, 300), (2049, 2048), (4097, 1)])
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_large_photos_are_shrunk_to_the_longer_side(size, kind):
    height, width = read_photo(encoded(Image.new("RGB", size), kind)).shape[:2]
    assert max(height, width) == 2048
    expected = [max(1, side * 2048 / max(size)) for side in size]
    np.testing.assert_allclose([width, height], expected, atol=1)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "I;16"])
def test_shrinking_strip_by_strip_keeps_the_picture(mode):
    ramp = np.linspace(0, 255, 4200).astype(np.uint8)
    image = Image.fromarray(np.repeat(ramp[:, None], 4100, axis=1))
    image = Image.fromarray(np.asarray(image).astype(np.uint16) * 257) if mode == "I;16" else image.convert(mode)
    result = read_photo(encoded(image, compress_level=1))
    height, width = result.shape[:2]
    assert max(height, width) == 2048
    np.testing.assert_allclose(result[:, width // 2, 1], np.linspace(0, 255, height), atol=2)


def test_progressive_jpeg_has_the_lower_limit(monkeypatch):
    image = Image.new("RGB", (1200, 1000))
    monkeypatch.setitem(KINDS, "JPEG", replace(KINDS["JPEG"], holds_all=1_000_000))
    assert decode(encoded(image, "JPEG")).pixels.shape == (1000, 1200, 3)
    with pytest.raises(Refused, match="1200 x 1000 = 1 megapixels and the limit"):
        decode(encoded(image, "JPEG", progressive=True))


@pytest.mark.parametrize("orientation", [1, 6])
def test_pixels_of_the_photo_as_given(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    found = open_photo(encoded(Image.new("RGB", (4096, 1024)), "JPEG", exif=exif))
    assert found.scale == 2 and max(found.pixels.shape) == 2048


def test_the_colour_profile_is_applied():
    """A profile in which red and blue are exchanged shows whether anybody looks at it; Display P3 has none here."""
    image = Image.new("RGB", (8, 8), (255, 0, 0))
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    red, blue = (profile.index(name, 128) for name in (b"rXYZ", b"bXYZ"))
    profile[red : red + 4], profile[blue : blue + 4] = b"bXYZ", b"rXYZ"
    exchanged = bytes(profile).replace("sRGB".encode("utf-16-be"), "odd.".encode("utf-16-be"))
    result = read_photo(encoded(image, icc_profile=exchanged))[0, 0].astype(int)
    assert np.abs(result - [0, 0, 255]).max() < 4
    for useless in (b"", b"no profile", exchanged[:200]):
        np.testing.assert_array_equal(read_photo(encoded(image, icc_profile=useless))[0, 0], [255, 0, 0])


def test_a_worker_is_kept_and_a_dead_one_replaced(picture):
    data = encoded(Image.fromarray(picture))
    read_photo(data)
    (worker, *_) = door.door.workers()
    read_photo(data)
    assert worker in door.door.workers()
    worker.process.kill()
    worker.process.wait()
    np.testing.assert_array_equal(read_photo(data), picture)


def test_a_forked_process_has_a_worker_of_its_own(picture):
    data = encoded(Image.fromarray(picture))
    read_photo(data)
    with get_context("fork").Pool(2) as pool:
        for result in pool.map(read_photo, [data] * 4):
            np.testing.assert_array_equal(result, picture)
    np.testing.assert_array_equal(read_photo(data), picture)


def test_the_worker_imports_neither_torch_nor_the_rest():
    code = "import sys, latentface.intake.worker; print(*(m for m in sys.modules if m in ('torch', 'av', 'gradio')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_too_many_bytes(monkeypatch, picture, tmp_path):
    data = encoded(Image.fromarray(picture))
    path = tmp_path / "photo.png"
    path.write_bytes(data)
    monkeypatch.setattr(photo, "MAX_BYTES", len(data) - 1)
    for source in (data, path):
        with pytest.raises(PhotoError, match="limit"):
            read_photo(source)
