"""`python -m latentface video` on short clips, whole, stopped in the middle, and broken."""

import csv
import json
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from safetensors import safe_open

from latentface import clip_files
from latentface.__main__ import main
from latentface.clip_files import take_apart
from latentface.film import Film, join
from latentface.films import PANELS, SIDE
from latentface.video import frames, inspect
from tests.helpers import photo, photo_of, tiny_pipeline
from tests.latentface.test_video import film

COUNT = 20


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    tiny_pipeline().save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    pictures = [Image.fromarray(photo_of((100 + 2 * k, 60, 160))) for k in range(COUNT)]
    return film(tmp_path_factory.mktemp("clip") / "walk.mp4", pictures, "libx264", rate=25, sound=True)


def run(clip: Path, out: Path, checkpoint: Path, *more: str) -> int:
    return main(["video", str(clip), "--out", str(out), "--checkpoint", str(checkpoint), *more])


def read_film(path: Path) -> tuple[list[float], tuple[int, int], list[str]]:
    with av.open(str(path)) as container:
        kinds = [stream.type for stream in container.streams]
        shown = [(frame.time, frame.width, frame.height) for frame in container.decode(video=0)]
    return [time for time, _, _ in shown], shown[0][1:], kinds


def test_all_files_of_a_clip(clip, checkpoint, tmp_path, capsys):
    target = photo(tmp_path / "target.png")
    assert run(clip, tmp_path / "out", checkpoint, "--drive", str(target), "--json") == 0
    captured = capsys.readouterr()
    report = json.loads(captured.out)
    assert report["frames"] == report["with_face"] == COUNT and report["error"] is None and report["faces"] == 1
    assert sorted(report["files"]) == sorted(path.name for path in (tmp_path / "out").iterdir())
    times, size, kinds = read_film(tmp_path / "out" / "films.mp4")
    assert size == (SIDE * len(PANELS), SIDE) and kinds == ["video", "audio"]
    assert times == pytest.approx([k / 25 for k in range(COUNT)], abs=2e-3)
    assert read_film(tmp_path / "out" / "driven.mp4")[1:] == ((SIDE, SIDE), ["video", "audio"])
    table = list(csv.DictReader((tmp_path / "out" / "curves.csv").open()))
    assert len(table) == COUNT and float(table[5]["second"]) == pytest.approx(0.2, abs=2e-3)
    page = (tmp_path / "out" / "curves.html").read_text()
    assert "cdn.plot.ly" not in page.split("plotly.js v")[0] and "yaw" in page
    with safe_open(tmp_path / "out" / "codes.safetensors", "pt") as codes:
        whole = codes.get_tensor("shape_identity") + codes.get_tensor("shape_expression")
        assert np.allclose(whole, codes.get_tensor("shape"), atol=1e-5) and len(whole) == COUNT
    assert "films: 20 of 20 frames" in captured.err and "left" in captured.err


def test_stopped_at_any_part_the_same_codes_come_out(clip, checkpoint, tmp_path, monkeypatch):
    monkeypatch.setattr(clip_files, "PART", 6)
    pipeline, whole, cut = tiny_pipeline(), tmp_path / "whole", tmp_path / "cut"
    for folder, stops in ((whole, ()), (cut, (6, 14))):
        folder.mkdir()
        for stop in stops:
            steps = take_apart(pipeline, clip, folder)
            while next(steps) < stop:
                pass
            steps.close()
        list(take_apart(pipeline, clip, folder))
    names = sorted(path.name for path in whole.iterdir())
    assert len(names) == 4 and names == sorted(path.name for path in cut.iterdir())
    assert all((whole / name).read_bytes() == (cut / name).read_bytes() for name in names)


def test_a_command_that_was_stopped_goes_on(clip, checkpoint, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(clip_files, "PART", 6)
    out, real = tmp_path / "out", Film.write

    def stop(self, second, image):
        if second > 0.4:
            raise KeyboardInterrupt
        real(self, second, image)

    with monkeypatch.context() as patch:
        patch.setattr(Film, "write", stop)  # as Ctrl-C would
        assert run(clip, out, checkpoint) == 130
    assert "goes on" in capsys.readouterr().err
    left = sorted(path.name for path in (out / "parts").iterdir())
    assert left == ["arguments.json", *(f"codes_000{k}.safetensors" for k in range(4)), "films_0000.mkv"]
    assert run(clip, out, checkpoint) == 0
    assert not (out / "parts").exists()
    times, _, _ = read_film(out / "films.mp4")
    assert times == pytest.approx([k / 25 for k in range(COUNT)], abs=2e-3)


def test_parts_of_another_clip_are_not_taken(clip, checkpoint, tmp_path):
    out = tmp_path / "out"
    (out / "parts").mkdir(parents=True)
    (out / "parts" / "arguments.json").write_text("{}")
    (out / "parts" / "codes_0000.safetensors").write_text("of another clip")
    assert run(clip, out, checkpoint) == 0


def test_what_cannot_be_used_is_said_and_leaves_nothing(checkpoint, tmp_path, capsys):
    grey = film(tmp_path / "grey.mp4", [Image.new("RGB", (200, 160), (90, 90, 90))] * 5, "libx264")
    text = tmp_path / "text.mp4"
    text.write_text("no video")
    for path, words in (
        (grey, "no face was found"),
        (text, "cannot be read"),
        (tmp_path / "nowhere", "cannot be read"),
    ):
        assert run(path, tmp_path / "out", checkpoint) == 2
        told = capsys.readouterr().err
        assert words in told and "Traceback" not in told and not (tmp_path / "out").exists()
    good = film(tmp_path / "good.mp4", [Image.fromarray(photo_of((100, 60, 160)))] * 3, "libx264")
    assert run(good, tmp_path / "out", checkpoint, "--drive", str(text)) == 2
    assert "not a photo" in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_sound_that_mp4_does_not_take_is_written_anew(tmp_path):
    source = tmp_path / "voice.mkv"
    with av.open(str(source), "w") as out:
        stream, voice = out.add_stream("libx264", rate=Fraction(25)), out.add_stream("pcm_s16le", rate=16000)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for _ in range(25):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")))
        tone = (8000 * np.sin(np.arange(16000) * 0.1)).astype(np.int16)[None]
        frame = av.AudioFrame.from_ndarray(tone, format="s16", layout="mono")
        frame.sample_rate = 16000
        for packets in (stream.encode(), voice.encode(frame), voice.encode()):
            out.mux(packets)
    with Film(tmp_path / "a.mkv", 25, 64, 64) as drawn:
        for one in frames(source):
            drawn.write(one.second, one.image)
    join([tmp_path / "a.mkv"], tmp_path / "a.mp4", source)
    with av.open(str(tmp_path / "a.mp4")) as container:
        heard = sum(frame.samples for frame in container.decode(audio=0))
        assert container.streams.audio[0].codec_context.name == "aac" and abs(heard - 16000) < 2500
    assert inspect(tmp_path / "a.mp4").sound
