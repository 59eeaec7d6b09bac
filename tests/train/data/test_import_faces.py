"""`train import`: images, folders a person, folders a clip, videos, tars; what is dropped and why; kill and go on."""

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image

from latentface.detection import Face
from tests.helpers import ROOT, gallery_file
from train.__main__ import main
from train.data.import_faces import import_source
from train.data.import_layout import Source, plan, spread
from train.data.reading import read_shards
from train.data.shards import ShardsError
from train.data.tracking import moved
from train.data.video import video_frames

GALLERY = ROOT / "assets" / "gallery"


def face(person: int, frame: int, side: int = 200) -> Image.Image:
    return Image.open(gallery_file(person, frame)).convert("RGB").resize((side, side))


def scene(*faces: tuple[Image.Image, int]) -> Image.Image:
    """Faces at these x on a grey canvas of 480 x 320."""
    canvas = Image.new("RGB", (480, 320), (120, 130, 125))
    for picture, x in faces:
        canvas.paste(picture, (x, 40))
    return canvas


def film(path, pictures, codec="mpeg4", rate=Fraction(10), rotate=0, container=None):
    with av.open(path if container else str(path), "w", format=container) as out:
        stream = out.add_stream(codec, rate=rate)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = *pictures[0].size, "yuv420p", 4_000_000
        if rotate:
            stream.set_display_rotation(rotate)
        for picture in pictures:
            out.mux(stream.encode(av.VideoFrame.from_image(picture)))
        out.mux(stream.encode())


def tar_of(folder, path, mode="w"):
    with tarfile.open(path, mode) as tar:
        tar.add(folder, folder.name)
    return path


def contents(folder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def dropped(out) -> list[dict]:
    return [json.loads(line) for line in (out / "dropped.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    """Two people with photos, a text, a grey picture, an iPhone's photo, a hidden file."""
    source = tmp_path_factory.mktemp("source") / "people"
    for person, number, frames in (("ann.b", 4, (0, 1)), ("bob", 13, (0,))):
        (source / person).mkdir(parents=True)
        for frame in frames:
            face(number, frame, 320).save(source / person / f"{frame}.jpg")
    (source / "bob" / "broken.jpg").write_text("no photo")
    Image.new("RGB", (200, 200), "grey").save(source / "bob" / "grey.png")
    scene((face(2, 0, 30), 100)).save(source / "bob" / "small.png")
    (source / "bob" / "phone.dng").write_bytes(b"....ftypheic")
    (source / "bob" / "._0.jpg").write_text("a finder's note")
    return source


@pytest.fixture(scope="module")
def imported(people, tmp_path_factory):
    out = tmp_path_factory.mktemp("shards") / "people"
    return out, import_source(people, out, about={"licence": "mine"}, clips_a_shard=1)


def test_a_folder_of_folders_becomes_one_clip_a_person_and_names_what_it_drops(imported):
    out, manifest = imported
    assert (manifest["clips"], manifest["frames"], manifest["persons"], manifest["licence"]) == (2, 3, 2, "mine")
    assert manifest == json.loads((out / "manifest.json").read_text()) and sum(manifest["dropped"].values()) == 4
    assert {row["file"]: row["reason"].split(":")[0] for row in dropped(out)} == {
        "bob/broken.jpg": "the file is not a photo that can be read",
        "bob/grey.png": "no face was found",
        "bob/small.png": "the face is too small",
        "bob/phone.dng": "not an image or a video by its name",
    }
    assert sorted(contents(out)) == ["00000.tar", "00001.tar", "arguments.json", "dropped.jsonl", "manifest.json"]
    clips = read_shards(out, 32)
    assert clips.person.tolist() == [0, 0, 1]
    assert [(f["person"], f["frame"], f["file"]) for f in clips.factors] == [
        ("ann.b", 0, "ann.b/0.jpg"),
        ("ann.b", 1, "ann.b/1.jpg"),
        ("bob", 0, "bob/0.jpg"),
    ]


def test_the_stored_frame_is_the_standard_crop_with_margin(imported):
    """The gallery's pictures are such crops: enlarged and imported, they come back nearly as they were."""
    with tarfile.open(imported[0] / "00001.tar") as tar:
        stored = Image.open(tar.extractfile(tar.getmembers()[0]))
    assert stored.size == (160, 160)
    assert np.abs(np.asarray(stored, float) - np.asarray(face(13, 0, 160), float)).mean() < 20


@pytest.mark.slow
def test_a_compressed_tar_and_two_workers_give_the_same_frames(imported, people, tmp_path):
    out, _ = imported
    tars = [contents(out)[f"{i:05d}.tar"] for i in range(2)]
    again = tmp_path / "again"
    import_source(tar_of(people, tmp_path / "people.tgz", "w:gz"), again, workers=2, clips_a_shard=1)
    found = contents(again)
    assert sorted(found) == sorted(contents(out)) and found["dropped.jsonl"].count(b"\n") == 4
    for i, tar in enumerate(tars):  # names differ: the tar has the folder around all
        with tarfile.open(fileobj=io.BytesIO(tar)) as a, tarfile.open(again / f"{i:05d}.tar") as b:
            frames = [[x.extractfile(m).read() for m in x if m.name.endswith("webp")] for x in (a, b)]
            assert frames[0] == frames[1] and len(frames[0]) == 2 - i


def test_what_is_done_can_not_be_done_again_into_the_same_folder(imported, people):
    with pytest.raises(ShardsError, match="holds shards already"):
        import_source(people, imported[0])


KILLED = """
import sys
from pathlib import Path
from train.data.import_faces import import_source
if __name__ == "__main__":
    import_source(Path(sys.argv[1]), Path(sys.argv[2]), clips_a_shard=2)
"""


@pytest.mark.slow
def test_killed_at_any_moment_it_goes_on_to_the_same_bytes(tmp_path):
    source, out, whole = tmp_path / "faces", tmp_path / "out", tmp_path / "whole"
    source.mkdir()
    for i in range(12):
        if i % 3:
            face(i, 0, 300).save(source / f"{i}.jpg")
        else:
            (source / f"{i}.jpg").write_text("bad")
    import_source(source, whole, clips_a_shard=2)
    assert [row["file"] for row in dropped(whole)] == ["0.jpg", "3.jpg", "6.jpg", "9.jpg"]
    script = tmp_path / "kill.py"
    script.write_text(KILLED)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen([sys.executable, script, source, out], env=environment, start_new_session=True)
    try:
        while process.poll() is None and not (out / "00001.tar").exists():
            time.sleep(0.01)
        assert process.poll() is None
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert not (out / "manifest.json").exists()
    kept = (out / "00000.tar").stat().st_mtime_ns
    import_source(source, out, clips_a_shard=2)
    assert contents(out) == contents(whole) and (out / "00000.tar").stat().st_mtime_ns == kept


def test_another_source_does_not_go_on_where_the_first_was_killed(tmp_path, people):
    out = tmp_path / "out"
    import_source(people, out, clips_a_shard=1)
    (out / "manifest.json").unlink()  # as if killed
    more = tmp_path / "people"
    shutil.copytree(people, more)
    face(2, 0, 300).save(more / "bob" / "2.jpg")
    with pytest.raises(ShardsError, match="begun with other arguments"):
        import_source(more, out, clips_a_shard=1)
    assert not list(out.glob("*.partial"))


def test_an_aligned_tar_is_passed_through_untouched_with_its_factors(tmp_path):
    names = ("00000_0.webp", "00000_1.webp", "00036_0.webp")
    with tarfile.open(tmp_path / "faces.tar", "w") as tar:
        for name in names:
            tar.add(GALLERY / name, f"{name[:5]}/{name[6:]}")
        wide = io.BytesIO()
        Image.new("RGB", (300, 200)).save(wide, "PNG")
        info = tarfile.TarInfo("00036/wide.png")
        info.size = wide.tell()
        tar.addfile(info, io.BytesIO(wide.getvalue()))
    (tmp_path / "faces.jsonl").write_text(json.dumps({"file": "00000/1.webp", "pose": [1, 2, 3]}) + "\n")
    import_source(tmp_path / "faces.tar", tmp_path / "shards", aligned=True)
    clips = read_shards(tmp_path / "shards", 64)
    assert [f.get("pose") for f in clips.factors] == [None, [1, 2, 3], None]
    assert [(row["file"], row["reason"].split(":")[0]) for row in dropped(tmp_path / "shards")] == [
        ("00036/wide.png", "an aligned image must be square")
    ]
    with tarfile.open(next((tmp_path / "shards").glob("*.tar"))) as tar:
        stored = [tar.extractfile(m).read() for m in sorted(tar, key=lambda m: m.name) if m.name.endswith(".webp")]
    assert stored == [(GALLERY / name).read_bytes() for name in names]


def test_a_cut_off_tar_gives_what_it_has(people, tmp_path):
    path = tar_of(people, tmp_path / "people.tar")
    whole = path.read_bytes()
    with tarfile.open(path) as tar:
        first = tar.getmember("people/bob/0.jpg")
    path.write_bytes(whole[: first.offset_data + 100])
    manifest = import_source(path, tmp_path / "out")
    assert manifest["frames"] == 2 and [row["file"] for row in dropped(tmp_path / "out")][0] == "people.tar"


def planned(names, layout="auto", frames=16, tar=False):
    clips, layout = plan([Source(name, "t", 0 if tar else None) for name in names], layout, {}, frames)
    return layout, [(c["person"], c["kind"], len(c["files"])) for c in clips]


def test_the_layout_is_read_off_the_folders():
    assert planned(["a.jpg", "b.jpg", "b.mp4"]) == (
        "images",
        [("a", "photos", 1), ("b", "photos", 1), ("b", "video", 1)],
    )
    assert planned(["ann/1.jpg", "ann/2.jpg", "bob/1.jpg", "bob/x.mp4"])[1] == [
        ("ann", "photos", 2), ("bob", "photos", 1), ("bob", "video", 1)
    ]  # fmt: skip
    assert planned(["ann/c1/1.jpg", "ann/c1/2.jpg", "ann/c2/1.jpg", "bob/c1/1.jpg", "bob/face.jpg"]) == (
        "clips",
        [("ann", "frames", 2), ("ann", "frames", 1), ("bob", "frames", 1), ("bob", "photos", 1)],
    )
    assert planned(["lfw/ann/1.jpg", "lfw/ann/2.jpg", "lfw/bob/1.jpg"]) == (
        "people",
        [("ann", "photos", 2), ("bob", "photos", 1)],
    )
    assert planned(["ann/1.jpg", "ann/2.jpg"]) == ("people", [("ann", "photos", 2)])
    assert planned(["mine/1.jpg", "mine/2.jpg"], tar=True) == ("images", [("1", "photos", 1), ("2", "photos", 1)])


def test_jfif_is_read_and_a_raw_photo_is_named(tmp_path):
    source = tmp_path / "faces"
    source.mkdir()
    face(13, 0, 320).save(source / "b.jfif", "JPEG")
    (source / "IMG.DNG").write_bytes(b"....ftypheic")
    assert import_source(source, tmp_path / "out")["frames"] == 1
    assert dropped(tmp_path / "out") == [{"file": "IMG.DNG", "reason": "not an image or a video by its name: .DNG"}]


def test_photos_of_one_stem_are_different_people():
    people = [person for person, _, _ in planned(["0001.jpg", "0001.png", "0002.jpg", "0002.mp4"])[1]]
    assert people == ["0001.jpg", "0001.png", "0002", "0002"]  # a photo and the video beside it are one person
    assert [p for p, _, _ in planned(["a/1.jpg", "a/1.png"], "images")[1]] == ["1.jpg", "1.png"]


def test_the_layout_can_be_said():
    names = ["00/1.jpg", "00/2.jpg", "01/3.jpg"]
    assert planned(names, "images") == ("images", [("00/1", "photos", 1), ("00/2", "photos", 1), ("01/3", "photos", 1)])
    assert planned(["ann/c1/1.jpg", "ann/c2/1.jpg"], "clips")[1] == [("ann", "frames", 1), ("ann", "frames", 1)]
    assert planned(["ann/may/1.jpg", "ann/june/1.jpg", "bob/may/1.jpg"], "people")[1] == [
        ("ann", "photos", 2),
        ("bob", "photos", 1),
    ]


def test_keys_are_safe_and_never_alike():
    clips, _ = plan([Source(n, "t") for n in ("a_b/c.d/1.jpg", "a/b_c.d/1.jpg", "é/ü/1.jpg")], "auto", {}, 4)
    keys = [clip["key"] for clip in clips]
    assert len(set(keys)) == 3 and all(set(key) <= set("abcdefghijklmnopqrstuvwxyz_0123456789") for key in keys)


def test_frames_of_a_folder_are_evenly_spread():
    assert spread(5, 8) == [0, 1, 2, 3, 4] and spread(8, 8) == list(range(8))
    assert spread(100, 4) == [12, 37, 62, 87]
    clips, _ = plan([Source(f"a/c/{i}.jpg", "t") for i in range(100)] + [Source("b/c/1.jpg", "t")], "auto", {}, 4)
    assert [f["name"] for f in clips[0]["files"]] == [f"a/c/{i}.jpg" for i in (12, 37, 62, 87)]


def test_frames_sort_as_numbers(tmp_path):
    for i in (1, 2, 10):
        (tmp_path / "s" / "ann" / "c").mkdir(parents=True, exist_ok=True)
        face(13, i % 4).save(tmp_path / "s" / "ann" / "c" / f"{i}.png")
    import_source(tmp_path / "s", tmp_path / "out", aligned=True, layout="clips")
    assert [f["file"][6:-4] for f in read_shards(tmp_path / "out", 32).factors] == ["1", "2", "10"]


def test_a_video_is_sampled_over_its_length_and_one_face_followed(tmp_path):
    """Ann crosses the picture, larger than Bob; from second 3 on a cut shows somebody else, elsewhere and small."""
    pictures = []
    for i in range(40):
        if i < 30:
            pictures.append(scene((face(4, i % 3, 220), 20 + 2 * i), (face(13, 0, 120), 340)))
        else:
            pictures.append(scene((face(2, 0, 90), 380)))
    source = tmp_path / "videos" / "ann"
    source.mkdir(parents=True)
    film(source / "talk.mp4", pictures)
    (source / "broken.mp4").write_bytes((source / "talk.mp4").read_bytes()[:20000])
    (source / "playlist.mp4").write_text("#EXTM3U\n#EXTINF:1,\nfile:///etc/hostname\n")
    manifest = import_source(tmp_path / "videos", tmp_path / "out", frames=8)
    clips = read_shards(tmp_path / "out", 32)
    assert manifest["clips"] == 1 and manifest["persons"] == 1
    assert [(f["person"], f["file"], f["second"]) for f in clips.factors] == [
        ("ann", "ann/talk.mp4", s) for s in (0.2, 0.7, 1.2, 1.7, 2.2, 2.7)
    ]
    first = clips.images[0].float()
    assert all(
        (clips.images[i].float() - first).abs().mean() < 25 for i in range(6)
    )  # one face, at one place of the crop
    lost = {(row["file"], row.get("second")): row["reason"] for row in dropped(tmp_path / "out")}
    assert set(lost) == {
        ("ann/talk.mp4", 3.2),
        ("ann/talk.mp4", 3.7),
        ("ann/broken.mp4", None),
        ("ann/playlist.mp4", None),
    }
    assert "another face" in lost["ann/talk.mp4", 3.2] and "cannot be read" in lost["ann/playlist.mp4", None]


def counted(count: int, size=(64, 48)) -> list[Image.Image]:
    """Pictures whose grey says their number."""
    return [Image.new("RGB", size, (6 * i,) * 3) for i in range(count)]


@pytest.mark.parametrize("suffix, codec", [("mp4", "mpeg4"), ("avi", "mpeg4"), ("webm", "libvpx"), ("mkv", "mpeg4")])
def test_frames_come_from_the_middle_of_equal_parts(tmp_path, suffix, codec):
    film(tmp_path / f"v.{suffix}", counted(40), codec)
    read = list(video_frames(tmp_path / f"v.{suffix}", 8))
    expected = [2.5 + 5 * i for i in range(8)]
    for (second, picture), place in zip(read, expected, strict=True):
        assert picture.shape == (48, 64, 3) and abs(10 * second - place) <= 0.6
        assert abs(picture.mean() / 6 - 10 * second) < 1


def test_long_videos_are_jumped_through_and_short_ones_give_all(tmp_path):
    film(tmp_path / "long.mp4", counted(40), rate=Fraction(1, 5))  # 200 seconds
    long = list(video_frames(tmp_path / "long.mp4", 4))
    assert [second for second, _ in long] == [25, 75, 125, 175]
    assert np.allclose([p.mean() / 6 for _, p in long], [5, 15, 25, 35], atol=1)
    film(tmp_path / "long.mts", counted(40), "libx264", rate=Fraction(1, 5))  # seeking finds no frame here
    assert [second for second, _ in video_frames(tmp_path / "long.mts", 4)] == [20, 70, 120, 170]
    film(tmp_path / "short.mp4", counted(3))
    assert [round(10 * s) for s, _ in video_frames(tmp_path / "short.mp4", 16)] == [0, 1, 2]


def test_a_recording_without_a_length_is_read(tmp_path):
    class Pipe(io.RawIOBase):
        def __init__(self):
            self.data = bytearray()

        def writable(self):
            return True

        def write(self, data):
            self.data += bytes(data)
            return len(data)

    pipe = Pipe()
    film(pipe, counted(40), "libvpx", container="webm")
    with av.open(io.BytesIO(bytes(pipe.data))) as container:
        assert container.duration is None
    assert [round(10 * s) for s, _ in video_frames(bytes(pipe.data), 4)] == pytest.approx([5, 15, 25, 35], abs=1)


def test_a_video_stands_upright(tmp_path):
    picture = Image.new("RGB", (64, 48), "black")
    picture.paste("white", (0, 0, 64, 12))  # the top
    film(tmp_path / "turned.mp4", [picture.transpose(Image.Transpose.ROTATE_90)] * 5, rotate=-90)
    _, read = next(video_frames(tmp_path / "turned.mp4", 2))
    assert read.shape == (48, 64, 3) and read[:10].mean() > 230 and read[14:].mean() < 25


def test_how_far_a_facemoved():
    def box(x, side):
        return Face((x, 0, x + side, side), 1.0, np.zeros((5, 2), np.float32))

    assert moved(box(0, 10), box(10, 10)) == 1 and moved(box(0, 10), box(0, 10)) == 0
    assert moved(box(0, 10), box(0, 30)) == moved(box(0, 30), box(0, 10)) == float("inf")


def test_what_can_not_be_imported_is_said(tmp_path, capsys):
    (tmp_path / "text").write_text("no tar")
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_text("a")
    wrong = (
        ("none", "does not exist"),
        ("text", "neither a folder nor a tar"),
        ("empty", "no images"),
        ("notes", "no images"),
    )
    for source, words in wrong:
        with pytest.raises(ShardsError, match=words):
            import_source(tmp_path / source, tmp_path / f"out-{source}")
    (tmp_path / "grey").mkdir()
    Image.new("RGB", (99, 99)).save(tmp_path / "grey" / "g.png")
    out = tmp_path / "out-grey"
    assert main(["import", str(tmp_path / "grey"), "--out", str(out), "--workers", "1"]) == 2
    assert "no face found" in capsys.readouterr().err and sorted(contents(out)) == ["dropped.jsonl"]
    with pytest.raises(ValueError, match="layout must be"):
        import_source(tmp_path / "grey", out, layout="heap")


def test_the_command_says_the_layout_and_sums_up(people, tmp_path, capsys):
    assert main(["import", str(people), "--out", str(tmp_path / "out"), "--workers", "1"]) == 0
    said = capsys.readouterr()
    assert "layout people: 6 images and 0 videos are 2 clips of 2 people" in said.out
    assert "3 frames of 2 people" in said.out and "dropped 1: no face was found" in said.out
    assert "2 / 2 clips" in said.err and "Traceback" not in said.err
