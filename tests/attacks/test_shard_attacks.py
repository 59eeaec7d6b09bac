"""Pictures in shards and in imports that are not what they should be."""

import io
import tarfile

import numpy as np
import pytest
from PIL import Image

from train.data.import_faces import import_source
from train.data.on_disk import decode
from train.data.shards import ShardsError
from train.data.tracking import SIDE


def encoded(image: Image.Image, kind: str, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n"


@pytest.mark.parametrize(
    "data",
    [
        EPS,
        b"",
        b"<html>",
        encoded(Image.new("RGB", (8, 8)), "TIFF"),
        encoded(Image.new("RGB", (64, 64)), "WEBP")[:40],
        encoded(Image.new("1", (4000, 8)), "PNG"),
    ],
)
def test_only_small_pictures_of_the_formats_that_shards_hold_are_decoded(data):
    with pytest.raises(ShardsError) as caught:
        decode(data, 16)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["WEBP", "JPEG", "PNG"])
def test_pictures_of_shards_are_decoded(kind):
    np.testing.assert_allclose(decode(encoded(Image.new("RGB", (32, 32), (90, 90, 90)), kind), 16), 90, atol=2)


def test_metadata_does_not_pass_into_shards(tmp_path):
    exif = Image.Exif()
    exif[0x010E] = "who and where"
    (tmp_path / "faces").mkdir()
    face = Image.effect_noise((SIDE, SIDE), 50).convert("RGB")
    plain = encoded(face, "WEBP", quality=92)
    (tmp_path / "faces" / "a.webp").write_bytes(encoded(face, "WEBP", exif=exif))
    (tmp_path / "faces" / "b.webp").write_bytes(plain)
    import_source(tmp_path / "faces", tmp_path / "shards", aligned=True, layout="images")
    (tar,) = (tmp_path / "shards").glob("*.tar")
    data = tar.read_bytes()
    assert b"who and where" not in data and plain in data  # what has none is kept byte for byte
    with tarfile.open(tar) as shard:
        assert sum(name.endswith(".webp") for name in shard.getnames()) == 2
