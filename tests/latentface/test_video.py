"""Videos that people bring, whole and broken, made by code."""

import time
import weakref
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.stream import VideoStream
from PIL import Image

from latentface import video
from latentface.intake import door
from latentface.intake.limits import MEMORY
from latentface.video import MAX_RATE, VideoError, frames, inspect, said

COUNTED = [Image.new("RGB", (64, 48), (6 * i,) * 3) for i in range(40)]
"""Pictures whose grey says their number."""


def film(
    path: Path, pictures, codec="mpeg4", rate: Fraction | int = 10, rotate=0, form="yuv420p", times=None, sound=False
) -> Path:
    """Write pictures as a video; `times` are thousandths of a second, one a picture."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=Fraction(rate))
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = *pictures[0].size, form, 4_000_000
        if times:
            stream.codec_context.time_base = Fraction(1, 1000)
        if rotate:
            stream.set_display_rotation(rotate)
        if sound:
            voice = out.add_stream("aac", rate=16000)
            silence = av.AudioFrame.from_ndarray(np.zeros((1, 16000), np.float32), format="fltp", layout="mono")
            silence.sample_rate = 16000
            out.mux(voice.encode(silence))
            out.mux(voice.encode())
        for number, picture in enumerate(pictures):
            frame = av.VideoFrame.from_image(picture).reformat(format=form)
            if times:
                frame.pts, frame.time_base = times[number], Fraction(1, 1000)
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return path


def numbers(path: Path) -> list[float]:
    return [frame.image.mean() / 6 for frame in frames(path)]


@pytest.mark.parametrize(
    ("suffix", "codec", "form"),
    [
        ("mp4", "libx264", "yuv420p"),
        ("mov", "libx265", "yuv420p10le"),
        ("webm", "libvpx", "yuv420p"),
        ("avi", "mpeg4", "yuv420p"),
    ],
)
def test_every_frame_comes_once_in_order(tmp_path, suffix, codec, form):
    path = film(tmp_path / f"v.{suffix}", COUNTED, codec, form=form)
    assert np.allclose(numbers(path), range(40), atol=0.6)
    about = inspect(path)
    assert (about.width, about.height, about.sound) == (64, 48, False)
    assert about.seconds == pytest.approx(4, abs=0.3) and abs(about.count - 40) <= 3
    assert [frame.second for frame in frames(path)] == pytest.approx([k / 10 for k in range(40)], abs=2e-3)


def test_times_are_the_files_own_and_sound_is_seen(tmp_path):
    times = [0, 40, 200, 210, 900, 1000]
    path = film(tmp_path / "v.mp4", COUNTED[:6], "libx264", times=times, sound=True)
    kept = [0, 0.04, 0.2, 0.9, 1.0]  # the frame at .21 comes sooner than MAX_RATE allows
    assert [frame.second for frame in frames(path)] == pytest.approx(kept, abs=2e-3)
    assert inspect(path).sound


def test_a_fast_camera_is_thinned_out(tmp_path):
    path = film(tmp_path / "v.mp4", [COUNTED[0]] * 60, "libx264", rate=120)
    count = len(list(frames(path)))
    assert abs(count - 0.5 * MAX_RATE) <= 1 and inspect(path).rate == MAX_RATE
    slower = film(tmp_path / "w.mp4", [COUNTED[0]] * 30, "libx264", rate=30)
    assert len(list(frames(slower))) == 30  # of the rate itself none is lost


def test_a_phones_video_stands_upright(tmp_path):
    picture = Image.new("RGB", (64, 48), "black")
    picture.paste("white", (0, 0, 64, 12))  # the top
    path = film(tmp_path / "v.mp4", [picture.transpose(Image.Transpose.ROTATE_90)] * 5, rotate=-90)
    first = next(frames(path)).image
    assert first.shape == (48, 64, 3) and first[:10].mean() > 230 and first[14:].mean() < 25
    assert (inspect(path).width, inspect(path).height) == (64, 48)


IDENTITY = np.eye(2, dtype=int)
MIRROR, QUARTER = np.diag([-1, 1]), np.array([[0, -1], [1, 0]])


@pytest.mark.parametrize("turns", range(4))
@pytest.mark.parametrize("mirror", [IDENTITY, MIRROR], ids=["", "mirrored"])
def test_frames_stand_as_players_show_them(tmp_path, turns, mirror):
    """x' = M x of the header's display matrix: corners of different greys lie where it puts them."""
    stored = np.zeros((48, 64), np.uint8)
    stored[:24, :32], stored[:24, 32:], stored[24:, :32] = 250, 160, 80
    path = film(tmp_path / "v.mp4", [Image.fromarray(stored).convert("RGB")] * 3, "libx264")
    matrix = np.linalg.matrix_power(QUARTER, turns) @ mirror
    at = path.read_bytes().index(b"tkhd") + 44
    entries = [0x10000 * int(value) for value in (*matrix[:, 0], 0, *matrix[:, 1], 0, 0, 0)] + [2**30]
    packed = b"".join(value.to_bytes(4, "big", signed=True) for value in entries)
    path.write_bytes(path.read_bytes()[:at] + packed + path.read_bytes()[at + 36 :])
    seen = next(frames(path)).image.mean(2)
    for corner in ((-1, -1), (1, -1), (-1, 1), (1, 1)):
        x, y = matrix @ corner
        there = seen[(0 if y < 0 else seen.shape[0] // 2) :, (0 if x < 0 else seen.shape[1] // 2) :]
        there = there[4 : seen.shape[0] // 2 - 4, 4 : seen.shape[1] // 2 - 4]
        assert abs(there.mean() - stored[0 if corner[1] < 0 else -1, 0 if corner[0] < 0 else -1]) < 12


def test_a_cut_tail_ends_the_video(tmp_path):
    rng = np.random.default_rng(0)
    noise = [Image.fromarray(rng.integers(0, 255, (48, 64, 3), dtype=np.uint8)) for _ in range(40)]
    path = film(tmp_path / "v.mkv", noise, "mpeg4")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert 10 < len(list(frames(path))) < 30
    assert inspect(path).count > 10


def broken(folder: Path) -> dict[str, tuple[Path, str]]:
    """Videos that cannot be used, and words of what is said of each."""
    whole = film(folder / "whole.mp4", COUNTED, "libx264")
    none = folder / "none.mp4"
    none.write_bytes(whole.read_bytes()[:400])
    text, empty = folder / "text.mp4", folder / "empty.mp4"
    text.write_text("I am not a video.\n" * 1000)
    empty.touch()
    voice = folder / "voice.mp4"
    with av.open(str(voice), "w") as out:
        stream = out.add_stream("aac", rate=16000)
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 16000), np.float32), format="fltp", layout="mono")
        silence.sample_rate = 16000
        out.mux(stream.encode(silence))
        out.mux(stream.encode())
    playlist = folder / "list.mp4"
    playlist.write_text(f"#EXTM3U\n#EXTINF:10,\n{whole}\n")
    hour = film(folder / "hour.mp4", COUNTED[:4], "mpeg4", rate=Fraction(1, 900))
    nameless = film(folder / "hour.mkv", COUNTED[:4], "libx264", times=[0, 1000, 2000, 3_600_000])
    return {
        "frames without pictures": (none, "cannot be read"),
        "one frame": (film(folder / "one.mp4", COUNTED[:1], "libx264"), "one frame only"),
        "sound alone": (voice, "no pictures"),
        "text": (text, "cannot be read"),
        "empty": (empty, "cannot be read"),
        "missing": (folder / "nowhere.mp4", "cannot be read"),
        "playlist": (playlist, "cannot be read"),
        "wide": (film(folder / "wide.mkv", [Image.new("RGB", (100_000, 2))] * 3, "ffv1"), "too large: 100000 x 2"),
        "thin": (film(folder / "thin.mkv", [Image.new("RGB", (4000, 2))] * 3, "ffv1"), "too small: 4000 x 2"),
        "an hour": (hour, "1:00 hours long and the limit is 10 minutes"),
        "an hour, Matroska": (nameless, "limit is 10 minutes"),
    }


def test_what_cannot_be_used_is_said_at_once_in_a_sentence(tmp_path):
    for name, (path, words) in broken(tmp_path).items():
        began = time.perf_counter()
        with pytest.raises(VideoError, match=words) as caught:
            inspect(path)
        assert time.perf_counter() - began < 2, name
        assert "\n" not in str(caught.value) and str(tmp_path) not in str(caught.value), name


def test_a_header_that_lies_about_the_length_does_not_help(tmp_path):
    path = film(tmp_path / "v.mp4", COUNTED)
    with pytest.raises(VideoError, match="longer than the limit of 2 seconds"):
        list(frames(path, limit=2))


def test_frames_are_held_one_at_a_time(tmp_path):
    alive: set[int] = set()
    most = number = 0
    for number, frame in enumerate(frames(film(tmp_path / "v.mp4", COUNTED * 5, "libx264"))):
        alive.add(number)
        weakref.finalize(frame.image, alive.discard, number)
        del frame
        most = max(most, len(alive))
    assert number == 199 and most <= 2


def test_nothing_is_held_open(tmp_path):
    path = film(tmp_path / "v.mp4", COUNTED)
    inspect(path)
    reading = frames(path)
    next(reading)
    reading.close()
    held = [str(link.resolve()) for link in Path("/proc/self/fd").iterdir() if link.exists()]
    assert str(path) not in held


def test_a_worker_stays_where_a_clip_was_read_to_its_end_and_is_ended_where_not(tmp_path):
    path = film(tmp_path / "v.mp4", [Image.new("RGB", (640, 480))] * 60, "libx264")
    inspect(path)
    assert len(list(frames(path))) == 60
    (worker,) = door.clip_door.workers()
    reading = frames(path)
    next(reading)
    assert door.clip_door.workers() == () and worker.lives
    reading.close()
    assert not worker.lives and door.clip_door.running() == 0


def test_a_clip_is_read_by_a_worker_whose_memory_the_system_limits(tmp_path):
    inspect(film(tmp_path / "v.mp4", COUNTED))
    (worker,) = door.clip_door.workers()
    limits = Path(f"/proc/{worker.process.pid}/limits").read_text()
    most = int(limits.split("Max address space")[1].split()[0])
    idle = int(Path(f"/proc/{worker.process.pid}/status").read_text().split("VmSize:")[1].split()[0]) * 1024
    assert idle < most < idle + 1.2 * MEMORY and "Max file size             0 " in limits


def test_lengths_are_said_in_words():
    assert [said(s) for s in (7.4, 90, 600, 3900)] == ["7 seconds", "90 seconds", "10 minutes", "1:05 hours"]
    assert video.MAX_SECONDS == 600
