"""Clips that are written, read again and cropped for training."""

import contextlib
import io
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from PIL import Image

from tests.helpers import ROOT, drawn_clips, drawn_face, webp
from train.data import reading
from train.data.clips import Clips
from train.data.engine import draw_shards
from train.data.on_disk import DiskFrames, free_memory
from train.data.reading import read_shards, split_weight
from train.data.shards import MARGIN, ShardsError, write_shards
from train.data.workers import single_threaded

SIZE, SIDE = 16, 40


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shards")
    write_shards(drawn_clips(23, 3, SIDE), folder, {"source": "drawn", "licence": "CC0"}, clips_a_shard=10)
    return folder


@pytest.fixture(scope="module")
def clips(shards) -> Clips:
    return read_shards(shards, SIZE)


def test_manifest_and_files(shards):
    manifest = json.loads((shards / "manifest.json").read_text())
    assert manifest == {"source": "drawn", "licence": "CC0", "clips": 23, "frames": 69, "persons": 23, "margin": MARGIN}
    assert sorted(p.name for p in shards.iterdir()) == ["00000.tar", "00001.tar", "00002.tar", "manifest.json"]


def test_what_is_written_is_read(clips):
    assert clips.images.shape == (69, 3, SIDE, SIDE) and clips.images.dtype == torch.uint8
    assert clips.person.tolist() == [p for p in range(23) for _ in range(3)]
    assert clips.factors == [{"person": f"{p:05d}", "frame": f} for p in range(23) for f in range(3)]
    for row in (0, 31, 68):
        expected = np.asarray(drawn_face(SIDE, row // 3, row % 3)).transpose(2, 0, 1)
        np.testing.assert_array_equal(clips.images[row], expected)


def test_same_clips_give_the_same_bytes(shards, tmp_path):
    about = {"source": "drawn", "licence": "CC0"}
    returned = write_shards(drawn_clips(23, 3, SIDE), tmp_path / "again", about, clips_a_shard=10)
    assert returned == json.loads((shards / "manifest.json").read_text())
    for file in shards.iterdir():
        assert file.read_bytes() == (tmp_path / "again" / file.name).read_bytes(), file.name


def test_every_20th_person_validates(clips):
    held = {p for p, v in zip(clips.person.tolist(), clips.validation.tolist(), strict=True) if v}
    assert held == {0, 20} and int(clips.validation.sum()) == 6
    part = clips.subset(~clips.validation)
    assert len(part.images) == len(part.factors) == len(part.person) == 63 and not part.validation.any()
    assert part.factors[0]["person"] == "00001" and torch.equal(part.images[0], clips.images[3])


def test_progress_counts_clips(shards):
    calls = []
    read_shards(shards, SIZE, lambda done, total: calls.append((done, total)))
    assert calls == [(i, 23) for i in range(1, 24)]


def test_frames_of_another_size_are_resized(shards):
    larger = read_shards(str(shards), 32)
    assert larger.images.shape == (69, 3, 80, 80)
    expected = drawn_face(SIDE, 1, 0).resize((80, 80), Image.Resampling.LANCZOS)
    np.testing.assert_array_equal(larger.images[3], np.asarray(expected).transpose(2, 0, 1))


def test_two_folders_keep_their_people_apart(shards, tmp_path):
    write_shards(drawn_clips(2, 2, SIDE), tmp_path, {})
    both = read_shards([shards, str(tmp_path)], SIZE)
    assert len(both.images) == 73 and int(both.person.max()) == 24
    assert both.factors[-1] == {"person": "00001", "frame": 1}
    for person in range(25):
        assert len({f["person"] for f, p in zip(both.factors, both.person.tolist(), strict=True) if p == person}) == 1


def test_long_clips_keep_their_order(tmp_path):
    """More than 100 frames: names sort as numbers do."""
    frames = [webp(Image.new("RGB", (SIDE, SIDE), (2 * i, 0, 0))) for i in range(112)]
    write_shards([("0", frames, [{"person": "0", "frame": i} for i in range(112)])], tmp_path, {})
    assert read_shards(tmp_path, SIZE).images[:, 0, 0, 0].tolist() == [2 * i for i in range(112)]


def test_centre_is_the_middle_of_the_stored_frame(clips):
    rows = torch.tensor([4, 10])
    found = clips.centre(rows, SIZE)
    for image, row in zip(found, rows.tolist(), strict=True):
        inner = clips.images[row, :, 4:36, 4:36].double()  # 32 of 40 pixels, then 2 x 2 means
        for y, x in ((0, 0), (3, 11), (15, 15)):
            mean = inner[:, 2 * y : 2 * y + 2, 2 * x : 2 * x + 2].mean((1, 2))
            torch.testing.assert_close(image[:, y, x].double(), mean / 127.5 - 1, atol=1e-5, rtol=0)
    assert found.shape == (2, 3, SIZE, SIZE) and found.min() >= -1 and found.max() <= 1


@pytest.fixture(scope="module")
def many(clips):
    """One smooth frame jittered 8,000 times, with the draws that did it."""
    y, x = torch.meshgrid(torch.linspace(0, 1, SIDE), torch.linspace(0, 1, SIDE), indexing="ij")
    images = (torch.stack([x, y, (x * y)]) * 255).round().byte()[None]
    one = Clips(images, torch.zeros(1, dtype=torch.int64), [{}], torch.zeros(1, dtype=torch.bool))
    count = 8000
    crops = one.jittered(torch.zeros(count, dtype=torch.int64), SIZE, torch.Generator().manual_seed(5))
    draws = torch.rand(count, 4, generator=torch.Generator().manual_seed(5))
    return one.centre(torch.tensor([0]), SIZE)[0], crops, draws


def test_jitter_that_draws_nothing_is_the_centre(many):
    centre, crops, draws = many
    scale, shift = (0.95 + 0.15 * draws[:, 0] - 1).abs(), (draws[:, 2:] - 0.5).abs().amax(1)
    still = (scale < 0.01) & (shift < 0.1)
    for mirrored in (False, True):
        kept = crops[still & ((draws[:, 1] < 0.5) == mirrored)]
        assert len(kept) > 5
        expected = centre.flip(-1) if mirrored else centre
        assert (kept - expected).abs().max() < 0.05
        assert (kept - expected.flip(-1)).abs().max() > 0.5


def test_jitter_shifts_and_scales_as_far_as_it_says(many):
    """Read off the ramps: red grows by 2 * 32 / 39 over the centre crop's width, green over its height."""
    _, crops, draws = many
    ramp = 2 * (2 * SIZE) / (SIDE - 1)  # of the whole crop's side, in units of the picture
    for channel, axis in ((0, -1), (1, -2)):
        middle = crops[:, channel].mean((1, 2)) / ramp  # shift in crop sides
        assert 0.035 < middle.max() < 0.043 and -0.043 < middle.min() < -0.035
        slope = crops[:, channel].diff(dim=axis).mean((1, 2)) * SIZE / ramp
        if channel == 0:
            assert ((slope < 0) == (draws[:, 1] < 0.5)).all() and 0.45 < (slope < 0).float().mean() < 0.55
        assert 0.94 < slope.abs().min() < 0.97 and 1.08 < slope.abs().max() < 1.11


def test_jitter_follows_its_generator(clips):
    rows = torch.tensor([1, 2, 2])
    one, two, other = (clips.jittered(rows, SIZE, torch.Generator().manual_seed(s)) for s in (1, 1, 2))
    assert one.shape == (3, 3, SIZE, SIZE) and torch.equal(one, two) and not torch.equal(one, other)
    assert not torch.equal(one[1], one[2]) and one.min() >= -1 and one.max() <= 1


def test_no_shards(tmp_path, shards):
    with pytest.raises(ShardsError, match=r"nowhere holds no shards; make some with `python -m train import SOURCE"):
        read_shards(tmp_path / "nowhere", SIZE)
    (tmp_path / "00000.tar").write_bytes((shards / "00000.tar").read_bytes())
    with pytest.raises(ShardsError, match="holds no shards"):  # a tar without a manifest is not ours
        read_shards(tmp_path, SIZE)
    with pytest.raises(ShardsError, match="nowhere"):
        read_shards([shards, tmp_path / "nowhere"], SIZE)


def test_webp_in_the_tar_is_what_was_given(shards):
    import tarfile

    with tarfile.open(shards / "00000.tar") as tar:
        names = tar.getnames()
        assert names[:4] == ["00000.00.webp", "00000.01.webp", "00000.02.webp", "00000.json"]
        data = tar.extractfile("00001.02.webp").read()
        assert tar.getmember("00000.json").mtime == 0
    assert Image.open(io.BytesIO(data)).size == (SIDE, SIDE)


@dataclass(frozen=True)
class Slow:
    """An engine that waits a moment a clip and knows the truth of every frame."""

    seed: int
    wait: float = 0.0

    def __call__(self, index: int):
        time.sleep(self.wait)
        rng = np.random.default_rng([self.seed, index])
        frames = [webp(Image.fromarray(rng.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8))) for _ in range(2)]
        truth = io.BytesIO()
        np.savez_compressed(truth, depth=rng.integers(0, 9, (SIDE, SIDE)))
        factors = [{"person": f"{index:06d}", "frame": i, "threads": torch.get_num_threads()} for i in range(2)]
        return f"{index:06d}", frames, factors, [truth.getvalue()] * 2


def contents(folder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


ABOUT = {"source": "noise", "licence": "CC0"}
KILLED = """
import sys
from pathlib import Path
from tests.train.data.test_shards import ABOUT, Slow, draw_shards
if __name__ == "__main__":
    draw_shards(Slow(3, 0.03), 23, Path(sys.argv[1]), ABOUT, {"seed": 3}, int(sys.argv[2]), 5)
"""


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("drawn") / "whole"
    seen = []
    manifest = draw_shards(Slow(3), 23, folder, ABOUT, {"seed": 3}, 1, 5, lambda *state: seen.append(state))
    assert manifest == {**ABOUT, "clips": 23, "frames": 46, "persons": 23, "margin": MARGIN}
    assert seen == [(i, 23) for i in range(1, 24)]
    return folder


def test_drawn_shards_are_read_as_written_ones(whole):
    clips = read_shards(whole, SIZE)
    assert [f["person"] for f in clips.factors] == [f"{i // 2:06d}" for i in range(46)]
    assert {f["threads"] for f in clips.factors} == {1}
    with np.load(io.BytesIO(Slow(3)(7)[3][0]), allow_pickle=False) as truth:
        expected = truth["depth"]
    import webdataset

    sample = next(
        s for s in webdataset.WebDataset(str(whole / "00001.tar"), shardshuffle=False) if s["__key__"] == "000007"
    )
    with np.load(io.BytesIO(sample["01.npz"]), allow_pickle=False) as truth:
        np.testing.assert_array_equal(truth["depth"], expected)


@pytest.mark.slow
def test_killed_at_any_moment_it_goes_on_to_the_same_bytes(whole, tmp_path):
    """Begun by two workers, finished by one, compared with what one drew alone."""
    script = tmp_path / "draw.py"
    script.write_text(KILLED)
    out = tmp_path / "out"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen([sys.executable, script, out, "2"], env=environment, start_new_session=True)
    try:
        while process.poll() is None and not (out / "00001.tar").exists():
            time.sleep(0.01)
        assert process.poll() is None  # still at it
        process.kill()
        process.wait()
        before = {path.name for path in out.iterdir()}
        assert "00001.tar" in before and "00004.tar" not in before and "manifest.json" not in before
        kept = (out / "00000.tar").stat().st_mtime_ns
        draw_shards(Slow(3), 23, out, ABOUT, {"seed": 3}, 1, 5)
        assert contents(out) == contents(whole) and (out / "00000.tar").stat().st_mtime_ns == kept
        for _ in range(200):  # no worker outlives its parent
            try:
                os.killpg(process.pid, 0)
            except ProcessLookupError:
                break
            time.sleep(0.05)
        else:
            pytest.fail("a worker lives on")
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def test_a_folder_of_other_arguments_is_refused(whole, tmp_path, shards):
    with pytest.raises(ShardsError, match=r"begun with other arguments \(seed 3, not 4\); choose another --out"):
        draw_shards(Slow(4), 23, whole, ABOUT, {"seed": 4}, 1, 5)
    with pytest.raises(ShardsError, match="clips 23, not 24"):
        draw_shards(Slow(3), 24, whole, ABOUT, {"seed": 3}, 1, 5)
    with pytest.raises(ShardsError, match="holds shards already"):
        draw_shards(Slow(3), 23, shards, ABOUT, {"seed": 3})
    with pytest.raises(ValueError, match="1 or more"):
        draw_shards(Slow(3), 0, tmp_path, ABOUT, {})
    drawn = []
    draw_shards(Slow(3), 23, whole, ABOUT, {"seed": 3}, 1, 5, lambda *state: drawn.append(state))
    assert drawn == []  # whole already


class Broken(Slow):
    def __call__(self, index: int):
        if index == 1:
            raise RuntimeError("no clip 1")
        return super().__call__(index)


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_an_engines_error_is_not_swallowed(tmp_path, workers):
    threads = torch.get_num_threads()
    other = multiprocessing.get_context("fork").Process(target=time.sleep, args=(600,))  # the caller's own
    other.start()
    try:
        with pytest.raises(RuntimeError, match="no clip 1"):
            draw_shards(Broken(0), 40, tmp_path, ABOUT, {}, workers, 5)
        assert multiprocessing.active_children() == [other] and other.is_alive()
    finally:
        other.kill()
        other.join()
    assert torch.get_num_threads() == threads and not any(tmp_path.glob("*.tar"))


def test_a_weight_is_told_from_a_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder in ("a", "b:2", "c:x"):
        (tmp_path / folder).mkdir()
    found = {
        entry: split_weight(entry) for entry in ("a", "a:3", "b:2", "b:2:0.5", "c:x", "none:x", "none", "a:1e-1", ":2")
    }
    assert {k: (str(path), weight) for k, (path, weight) in found.items()} == {
        "a": ("a", None),
        "a:3": ("a", 3),
        "b:2": ("b:2", None),  # there is a folder of that name
        "b:2:0.5": ("b:2", 0.5),
        "c:x": ("c:x", None),
        "none:x": ("none:x", None),
        "none": ("none", None),
        "a:1e-1": ("a", 0.1),
        ":2": (":2", None),
    }
    for weight in ("-1", "inf", "nan"):
        with pytest.raises(ShardsError, match="0 or more"):
            split_weight(f"a:{weight}")


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    folder = tmp_path_factory.mktemp("other:1")
    write_shards(drawn_clips(41, 1, SIDE), folder, {})
    return folder


@pytest.mark.parametrize("weights", [(1, 1), (3, 1), (0.2, 0.8), (0, 1)])
def test_data_sets_are_mixed_by_weight_whatever_their_size(shards, other, weights):
    clips = read_shards([f"{shards}:{weights[0]}", f"{other}:{weights[1]}"], SIZE)
    rows = clips.draw(20_000, torch.Generator().manual_seed(0))
    assert not clips.validation[rows].any()
    assert abs((rows < 69).float().mean() - weights[0] / sum(weights)) < 0.015
    counts = torch.bincount(rows, minlength=110)
    for source, weight in ((slice(0, 69), weights[0]), (slice(69, 110), weights[1])):  # all frames of a set alike
        drawn = counts[source][~clips.validation[source]].float()
        if not weight:
            assert drawn.sum() == 0
            continue
        assert drawn.min() > 0 and drawn.std() < 1.4 * drawn.mean().sqrt()


def test_without_weights_every_frame_is_drawn_alike(shards, other):
    clips = read_shards([shards, other], SIZE)
    rows = clips.draw(20_000, torch.Generator().manual_seed(0))
    learning = ~clips.validation
    assert clips.weight is None and not clips.validation[rows].any()
    assert abs((rows < 69).float().mean() - learning[:69].sum() / learning.sum()) < 0.015
    assert set(rows.tolist()) == set(learning.nonzero().flatten().tolist())
    with pytest.raises(ShardsError, match="above 0"):
        read_shards([f"{shards}:0", f"{other}:0"], SIZE)
    with pytest.raises(ShardsError, match="a weight, or none"):
        read_shards([f"{shards}:2", other], SIZE)


def test_the_same_seed_draws_the_same_and_a_subset_keeps_the_weights(shards, other):
    clips = read_shards([f"{shards}:5", f"{other}:1"], SIZE)
    one, two, three = (clips.draw(64, torch.Generator().manual_seed(seed)) for seed in (7, 7, 8))
    assert torch.equal(one, two) and not torch.equal(one, three)
    some = torch.tensor([3, 5, 80])  # of the first set, the first and the second
    counts = torch.bincount(clips.draw(9000, torch.Generator().manual_seed(0), some), minlength=81)[some]
    expected = clips.weight[some] / clips.weight[some].sum() * 9000
    assert counts.sum() == 9000 and (counts - expected).abs().max() < 200
    part = clips.subset(clips.person % 2 == 1)
    assert torch.equal(part.weight, clips.weight[clips.person % 2 == 1])


@pytest.mark.parametrize("processes", [1, 2, 3, 4])
@pytest.mark.parametrize("disk", [False, True])
def test_processes_share_a_batch(shards, other, processes, disk, monkeypatch):
    """Every process reads and draws for itself; their crops together are the batch of one process."""
    if disk:
        monkeypatch.setattr(reading, "free_memory", lambda: 0)
    parts = []
    for process in range(processes):
        clips = read_shards([f"{shards}:2", f"{other}:1"], SIZE)
        generator = torch.Generator().manual_seed(3)
        parts.append(clips.jittered(clips.draw(32, generator), SIZE, generator, (process, processes)))
    clips = read_shards([f"{shards}:2", f"{other}:1"], SIZE)
    generator = torch.Generator().manual_seed(3)
    whole = clips.jittered(clips.draw(32, generator), SIZE, generator)
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    torch.testing.assert_close(torch.cat(parts), whole, atol=1e-6, rtol=0)


def test_what_does_not_fit_stays_on_disk_and_is_the_same(shards, other, clips, monkeypatch, capsys):
    monkeypatch.setattr(reading, "free_memory", lambda: 69 * 3 * SIDE**2)
    calls = []
    disk = read_shards(shards, SIZE, lambda *state: calls.append(state))
    assert "69 frames would take" in capsys.readouterr().err and calls == [(i, 23) for i in range(1, 24)]
    assert isinstance(disk.images, DiskFrames) and disk.images.shape == clips.images.shape and len(disk.images) == 69
    rows = torch.tensor([68, 0, 31, 31])
    assert torch.equal(disk.images[rows], clips.images[rows]) and len(disk.images[rows[:0]]) == 0
    assert disk.factors == clips.factors and torch.equal(disk.person, clips.person)
    assert torch.equal(disk.validation, clips.validation)
    torch.testing.assert_close(disk.centre(rows, SIZE), clips.centre(rows, SIZE))
    for one, two in ((disk, clips), (disk.subset(disk.person > 3), clips.subset(clips.person > 3))):
        crops = [c.jittered(rows % 40, SIZE, torch.Generator().manual_seed(1)) for c in (one, two)]
        torch.testing.assert_close(*crops)
    larger, expected = read_shards(shards, 32), None
    monkeypatch.setattr(reading, "free_memory", lambda: 2**40)
    expected = read_shards(shards, 32)
    assert isinstance(larger.images, DiskFrames) and torch.equal(larger.images[rows], expected.images[rows])
    assert torch.equal(disk.images.to("cpu")[rows], clips.images[rows])


def test_long_clips_keep_their_order_on_disk(tmp_path, monkeypatch):
    frames = [webp(Image.new("RGB", (SIDE, SIDE), (2 * i, 0, 0))) for i in range(112)]
    write_shards([("0", frames, [{"person": "0", "frame": i} for i in range(112)])], tmp_path, {})
    monkeypatch.setattr(reading, "free_memory", lambda: 0)
    assert read_shards(tmp_path, SIZE).images[torch.arange(112)][:, 0, 0, 0].tolist() == [2 * i for i in range(112)]


def test_memory_is_shared_by_the_processes_of_a_machine(shards, monkeypatch):
    assert 2**20 < free_memory() < 2**50
    monkeypatch.setattr(reading, "free_memory", lambda: 2 * 69 * 3 * SIDE**2)
    assert isinstance(read_shards(shards, SIZE).images, torch.Tensor)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    assert isinstance(read_shards(shards, SIZE).images, DiskFrames)


def test_who_is_set_aside_by_the_engine_is_never_trained_on(tmp_path):
    sets = ["train", "validation", "test", "train", None]

    def clips():
        for i, (key, frames, factors) in enumerate(drawn_clips(5, 2, SIDE)):
            yield key, frames, [{**f, **({"set": sets[i]} if sets[i] else {})} for f in factors]

    write_shards(clips(), tmp_path, {})
    found = read_shards(tmp_path, SIZE)
    assert found.validation.tolist() == [True, True] * 3 + [False] * 4  # the first is the one of 20


def test_shards_that_do_not_hold_what_they_say_are_refused(shards, tmp_path):
    for frames, name in ((68, "more"), (70, "less")):
        folder = tmp_path / name
        folder.mkdir()
        for file in shards.iterdir():
            (folder / file.name).write_bytes(file.read_bytes())
        manifest = json.loads((folder / "manifest.json").read_text())
        (folder / "manifest.json").write_text(json.dumps({**manifest, "frames": frames}))
        with pytest.raises(ShardsError, match=f"holds 69 frames, and its manifest counts {frames}"):
            read_shards(folder, SIZE)


def test_a_weight_of_people_who_all_validate_is_refused(shards, tmp_path):
    write_shards(
        [(k, i, [{**f, "set": "test"} for f in factors]) for k, i, factors in drawn_clips(2, 1, SIDE)], tmp_path, {}
    )
    with pytest.raises(ShardsError, match="only people who validate"):
        read_shards([f"{shards}:1", f"{tmp_path}:1"], SIZE)


@dataclass(frozen=True)
class Sieve:
    """An engine that drops the clips of odd index, and all after the third."""

    def __call__(self, index: int):
        frames = [webp(drawn_face(SIDE, index, 0))] if index % 2 == 0 and index < 3 else []
        factors = [{"person": str(index), "frame": 0}] * len(frames)
        return f"{index:03d}", frames, factors, None, [] if frames else [{"file": index, "reason": "odd"}]


def test_clips_without_frames_are_left_out_and_named(tmp_path):
    manifest = draw_shards(Sieve(), 6, tmp_path, {}, {}, 1, 2)
    assert (manifest["clips"], manifest["frames"]) == (2, 2)
    assert [f["person"] for f in read_shards(tmp_path, SIZE).factors] == ["0", "2"]  # the last shard is empty
    dropped = [json.loads(line)["file"] for path in sorted(tmp_path.glob("*.dropped.jsonl")) for line in path.open()]
    assert dropped == [1, 3, 4, 5]


@pytest.mark.parametrize("before", [None, "3"])
def test_threads_are_limited_meanwhile_and_then_as_before(monkeypatch, before):
    """In this process and in those that it starts; also when what is done meanwhile fails."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    for name in names:
        monkeypatch.delenv(name, raising=False) if before is None else monkeypatch.setenv(name, before)
    with pytest.raises(RuntimeError, match="stop"), single_threaded():
        assert [os.environ[name] for name in names] == ["1", "1"]
        told = subprocess.run(
            [sys.executable, "-c", "import os; print(os.environ['OMP_NUM_THREADS'])"], capture_output=True, text=True
        )
        assert told.stdout == "1\n"
        raise RuntimeError("stop")
    assert [os.environ.get(name) for name in names] == [before, before]
