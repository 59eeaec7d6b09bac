"""Files without metadata: nothing of who, where, when and with what is left, and pictures are the same to the bit."""

import io
import struct
from fractions import Fraction

import av
import numpy as np
import pytest
from av.video.stream import VideoStream
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageSequence, PngImagePlugin

from latentface.intake.plain import HEAD, plain
from latentface.photo import PhotoError, open_photo
from latentface.video import frames, inspect
from tests.helpers import FACE

MARK = b"MARKER"
"""Stands in everything that is to go."""
HEIC = FACE.with_suffix(".heic")
"""FACE with places, names and XMP, lying on its side, by pillow-heif."""
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><MARKER/></x:xmpmeta>'


def told(orientation: int | None = None) -> Image.Exif:
    exif = Image.Exif()
    exif[0x010F], exif[0x013B] = "MARKER camera of many letters", "MARKER artist"
    if orientation:
        exif[0x0112] = orientation
    exif.get_ifd(0x8769)[0xA430] = "MARKER owner"
    gps = exif.get_ifd(0x8825)
    gps[1], gps[2], gps[29] = "N", (51.0, 30.0, 12.25), "MARKER date"
    return exif


PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def encoded(kind: str, orientation: int | None = None, **options) -> bytes:
    file = io.BytesIO()
    face = Image.open(FACE).convert("RGB").resize((60, 44))
    if kind == "PNG":
        info = PngImagePlugin.PngInfo()
        info.add_text("Author", "MARKER author")
        info.add_text("Author", "MARKER author", zip=True)
        info.add_itxt("XML:com.adobe.xmp", XMP.decode())
        options["pnginfo"] = info
    if kind in ("JPEG", "WEBP", "AVIF"):
        options["xmp"] = XMP
    if kind in ("JPEG", "GIF"):
        options["comment"] = b"MARKER comment"
    if kind not in ("GIF", "BMP"):
        options |= {"exif": told(orientation), "icc_profile": PROFILE}
    if kind == "AVIF" and orientation is None:
        options["exif"] = told(1)
    face.save(file, kind, **options)
    return file.getvalue()


def tail(data: bytes) -> bytes:
    """A film behind a photo, as telephones put one."""
    return data + b"MARKER film" * 20


def box(kind: bytes, *inside: bytes) -> bytes:
    body = b"".join(inside)
    return struct.pack(">I", len(body) + 8) + kind + body


FILM = box(b"moov", box(b"udta", b"MARKER +51.5-000.1/"), box(b"trak", b"MARKER track"))
"""What telephones put beside a photo: a film with a place of its own."""


AVIF = encoded("AVIF", save_all=True, append_images=[Image.new("RGB", (60, 44))])
"""A photo that moves."""
MOVING = AVIF[AVIF.index(b"moov") + 4 : AVIF.index(b"mdat") - 4]
"""What its film is made of."""


def xmp_orientation(data: bytes) -> bytes:
    return data.replace(b"<MARKER/>", b'<x tiff:Orientation="6" MARKER=""/>')


PHOTOS = {
    **{f"{kind} {turn}": encoded(kind, turn) for kind in ("JPEG", "PNG", "WEBP", "TIFF", "AVIF") for turn in (None, 6)},
    "JPEG progressive": encoded("JPEG", 5, progressive=True),
    "JPEG with a film": tail(encoded("JPEG", 3)),
    "PNG with a tail": tail(encoded("PNG")),
    "WebP lossless": encoded("WEBP", 8, lossless=True),
    "GIF": encoded("GIF"),
    "GIF, moving": encoded("GIF", save_all=True, append_images=[Image.new("RGB", (60, 44))]),
    "TIFF LZW": encoded("TIFF", 2, compression="tiff_lzw"),
    "HEIC": HEIC.read_bytes(),
    "HEIC with a film": HEIC.read_bytes() + box(b"mpvd", box(b"ftyp", b"mp42"), FILM, box(b"mdat", MARK)),
    "HEIC with a film to the end": HEIC.read_bytes() + bytes(4) + b"mpvd" + FILM,
    "HEIC with a film of its own kind": HEIC.read_bytes() + box(b"moov", MOVING, box(b"udta", b"MARKER place")),
    "HEIC with Samsung's own": HEIC.read_bytes() + box(b"sefd", MARK),
    "AVIF with a film": encoded("AVIF") + box(b"mpvd", FILM),
    "AVIF, moving": AVIF,
}


@pytest.mark.parametrize("data", PHOTOS.values(), ids=PHOTOS)
def test_a_photo_loses_what_is_told_of_it_and_nothing_else(data):
    made = plain(data)
    assert MARK in data and MARK not in made and b"2026" not in made
    before, after = open_photo(data), open_photo(made)
    np.testing.assert_array_equal(before.pixels, after.pixels)
    assert plain(made) == made  # nothing more is to be done


@pytest.mark.parametrize("turn", range(1, 9))
def test_orientation_is_kept(turn):
    for kind in ("JPEG", "PNG", "WEBP", "TIFF"):
        data = encoded(kind, turn)
        np.testing.assert_array_equal(open_photo(data).pixels, open_photo(plain(data)).pixels)


def test_a_colour_profile_is_kept():
    for kind in ("JPEG", "PNG", "WEBP", "TIFF"):
        assert Image.open(io.BytesIO(plain(encoded(kind)))).info["icc_profile"] == PROFILE


@pytest.mark.parametrize(
    "suffix, codec", [("mp4", "libx264"), ("mov", "libx264"), ("webm", "libvpx"), ("mkv", "libx264"), ("avi", "mpeg4")]
)
def test_a_clip_loses_what_is_told_of_it_and_plays_as_before(tmp_path, suffix, codec):
    whole, bare = tmp_path / f"v.{suffix}", tmp_path / f"w.{suffix}"
    with av.open(str(whole), "w", options={"movflags": "use_metadata_tags"}) as out:
        told_of_it = ("title", "location", "artist", "comment")
        out.metadata.update(dict.fromkeys(told_of_it, "MARKER +51.5-000.1/"))
        out.metadata["creation_time"] = "2026-11-29T10:00:00.000000Z"
        stream, voice = (
            out.add_stream(codec, rate=Fraction(25)),
            out.add_stream("libopus" if suffix == "webm" else "aac", rate=48000),
        )
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.metadata["title"] = "MARKER track"
        for number in range(12):
            out.mux(stream.encode(av.VideoFrame.from_image(Image.new("RGB", (64, 48), (20 * number,) * 3))))
        out.mux(stream.encode())
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 24000), np.int16), format="s16", layout="mono")
        silence.sample_rate = 48000
        for packets in (voice.encode(silence), voice.encode()):
            out.mux(packets)
    bare.write_bytes(plain(whole.read_bytes()))
    assert MARK in whole.read_bytes() and MARK not in bare.read_bytes()
    assert inspect(whole) == inspect(bare)
    for one, other in zip(frames(whole), frames(bare), strict=True):
        assert one.second == other.second
        np.testing.assert_array_equal(one.image, other.image)
    with av.open(str(bare)) as container:
        assert not {*told_of_it, "creation_time"} & {name.lower() for name in container.metadata}
        assert sum(frame.samples for frame in container.decode(audio=0)) >= 24000
    assert plain(bare.read_bytes()) == bare.read_bytes()


def test_an_avi_loses_the_xmp_that_programs_put_behind_it():
    data = b"RIFF\0\0\0\0AVI " + b"_PMX" + struct.pack("<I", len(XMP) + len(XMP) % 2) + XMP + b"\0" * (len(XMP) % 2)
    assert MARK in data and MARK not in plain(data) and len(plain(data)) == len(data)


def test_a_moving_photo_keeps_its_pictures_and_loses_its_dates():
    still, moving = PHOTOS["AVIF None"], PHOTOS["AVIF, moving"]
    assert b"moov" in moving and b"moov" not in still
    with Image.open(io.BytesIO(moving)) as before, Image.open(io.BytesIO(plain(moving))) as after:
        assert [len(list(ImageSequence.Iterator(image))) for image in (before, after)] == [2, 2]
        for frame in (0, 1):
            before.seek(frame)
            after.seek(frame)
            np.testing.assert_array_equal(np.asarray(before), np.asarray(after))


def test_a_track_with_a_way_by_gps_is_emptied_with_its_samples():
    samples = [b"MARKER place", b"MARKER other place"]
    sound = b"sound stays"
    tables = box(b"stsz", bytes(4), struct.pack(">II", 0, 2), *(struct.pack(">I", len(s)) for s in samples))
    tables += box(b"stsc", bytes(4), struct.pack(">IIII", 1, 1, 2, 1))
    at = 16
    tables += box(b"stco", bytes(4), struct.pack(">II", 1, at))
    track = box(b"trak", box(b"mdia", box(b"hdlr", bytes(8), b"meta", bytes(12)), box(b"minf", box(b"stbl", tables))))
    data = box(b"ftyp", b"isom")[:8] + box(b"mdat", *samples, sound) + box(b"moov", track)
    data = struct.pack(">I", 8) + b"ftyp" + data[8:]
    made = plain(data)
    assert len(made) == len(data) and MARK not in made and sound in made and b"trak" not in made


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"I am a text of MARKER, and not a photo" + b"." * 100 + MARK,
        b"\x30\x26\xb2\x75\x8e\x66\xcf\x11" + MARK * 99,
        b"FLV\x01" + b"." * 99 + MARK,
    ],
)
def test_of_what_is_no_photo_or_clip_the_beginning_is_left(data):
    assert plain(data) == data[:HEAD]


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(sorted(PHOTOS)),
    st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 255)), max_size=6),
    st.floats(0, 1),
)
def test_broken_files_raise_nothing_and_do_not_grow(name, changes, share):
    data = bytearray(PHOTOS[name])
    for place, value in changes:
        data[place % len(data)] = value
    del data[int(share * len(data)) :]
    made = plain(bytes(data))
    assert len(made) <= len(data) + 64


def test_what_is_cut_off_is_refused_in_the_same_words():
    data = encoded("JPEG", 6)
    for cut in (data[:200], data[: len(data) // 2]):
        with pytest.raises(PhotoError) as before:
            open_photo(cut)
        with pytest.raises(PhotoError) as after:
            open_photo(plain(cut))
        assert str(before.value) == str(after.value)


@pytest.mark.parametrize("data", [
    b"\xff\xd8" + b"\xff\xe5\0\2" * 10**6,
    b"GIF89a" + bytes(7) + b"\x21\xfe" + b"\x01x" * 10**7,
    b"GIF89a" + bytes(7) + (b"\x21\xfe" + b"\x01x" * 2000 + b"\0") * 1000,
    b"\x89PNG\r\n\x1a\n" + b"\0\0\0\0tEXt\0\0\0\0" * 10**6,
    b"II*\0\x08\0\0\0\xff\xff" + struct.pack("<HHII", 300, 1, 10**7, 0) * 65535 + bytes(10**7),
    struct.pack(">I", 8) + b"ftyp" + (struct.pack(">I", 8) + b"moov") * 10**6,
    b"\x1a\x45\xdf\xa3\x80" + b"\xec\x80" * 10**7,
    b"RIFF\0\0\0\0AVI " + (b"JUNK" + bytes(4)) * 10**6,
], ids=["JPEG", "GIF", "GIF of many comments", "PNG", "TIFF", "MP4", "Matroska", "AVI"])  # fmt: skip
def test_files_of_too_many_parts_are_given_up(data):
    assert len(plain(data)) == HEAD or plain(data) == b"\xff\xd8"
