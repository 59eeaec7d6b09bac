"""The same clips by the pool, by Ray and in parts: equal bytes, also where a Ray worker is killed."""

import json
import os
import signal
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from tests.helpers import drawn_face, gallery_file, webp
from train.__main__ import main
from train.data import workers
from train.data.engine import draw_shards
from train.data.executor import Executor, parse_part
from train.data.import_faces import import_source
from train.data.ray_engine import clip_of, table_of
from train.data.shards import ShardsError

CLIPS, A_SHARD, SIDE = 64, 8, 24
ABOUT = {"source": "drawn", "licence": "CC0"}


@dataclass(frozen=True)
class Maker:
    """An engine that draws faces, drops every seventh clip, and kills its own process at a clip, once."""

    seed: int
    killed: str = ""
    """File that says that it was killed; without one it never is."""

    def __call__(self, index: int):
        if self.killed and index == 37 and not Path(self.killed).exists():
            Path(self.killed).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        kept = index % 7 != 3
        frames = [webp(drawn_face(SIDE, self.seed + index, f)) + b"\0\0" for f in range(2)] if kept else []
        factors = [{"person": f"{index:05d}", "frame": f, "share": (index + f) / 3} for f in range(len(frames))]
        truth = [np.arange(index + 3, dtype=np.uint8).tobytes() + b"\0"] * 2 if kept else None
        return f"{index:06d}", frames, factors, truth, [] if kept else [{"file": str(index), "reason": "seventh"}]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def draw(out: Path, by: Executor | int, make: Maker = Maker(3)) -> dict:  # noqa: B008
    return draw_shards(make, CLIPS, out, ABOUT, {"seed": make.seed}, by, A_SHARD)


@pytest.fixture(scope="module")
def alone(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("drawn") / "alone"
    assert draw(out, 1)["clips"] == 55
    return out


def test_parts_draw_each_their_shards_and_the_last_closes_the_set(alone, tmp_path, capsys):
    assert draw(tmp_path, Executor(part=(1, 3))) == {}
    assert "3 of 8 shards are there; other parts draw the others" in capsys.readouterr().out
    assert sorted(p.name for p in tmp_path.glob("*.tar")) == ["00001.tar", "00004.tar", "00007.tar"]
    assert draw(tmp_path, Executor(part=(2, 3))) == {} and not (tmp_path / "manifest.json").exists()
    assert draw(tmp_path, Executor(part=(0, 3))) == json.loads((alone / "manifest.json").read_text())
    assert contents(tmp_path) == contents(alone)
    assert draw(tmp_path, Executor(part=(0, 3)))["clips"] == 55  # once more: nothing is left to draw


@pytest.mark.slow
def test_ray_draws_the_same_bytes_though_a_worker_is_killed(alone, tmp_path, monkeypatch):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    make = replace(Maker(3), killed=str(tmp_path / "killed"))
    draw(tmp_path / "ray", Executor(2, "ray"), make)
    assert (tmp_path / "killed").exists() and contents(tmp_path / "ray") == contents(alone)


def test_a_clip_goes_through_rays_table_as_it_is():
    clips = [Maker(1)(0), Maker(1)(3), ("key", [b"\0"], [{"person": "a"}], None)]
    back = [clip_of(row) for row in table_of(clips).to_pylist()]
    assert back == [clips[0], clips[1], (*clips[2], [])]


def test_no_more_is_made_ahead_than_waits_to_be_taken():
    """Else the results of a million clips would lie in memory."""
    made = []
    with ThreadPoolExecutor(2) as pool:
        left = iter(range(200))
        asked = deque(pool.submit(made.append, index) for index in islice(left, 6))
        results = workers.taken(pool, made.append, asked, left)
        for number in range(3):
            next(results)
            assert len(asked) == 6 and len(made) <= 7 + number
        assert len(list(results)) == 197 and sorted(made) == list(range(200))


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> Path:
    source = tmp_path_factory.mktemp("photos") / "people"
    for person in range(4):
        (source / str(person)).mkdir(parents=True)
        (source / str(person) / "face.webp").write_bytes(gallery_file(person).read_bytes())
    (source / "3" / "broken.jpg").write_text("no photo")
    (source / "2" / "note.txt").write_text("no photo by its name")
    return source


def test_parts_of_an_import_join_what_they_dropped(photos, tmp_path):
    """Also where one part began anew, or comes when all is done."""
    whole = import_source(photos, tmp_path / "whole", aligned=True, clips_a_shard=1)
    assert len(whole["dropped"]) == 2
    out, second = tmp_path / "parts", Executor(part=(1, 2))
    assert import_source(photos, out, aligned=True, clips_a_shard=1, workers=second) == {}
    assert not list(out.glob("listing*")) and not (out / "manifest.json").exists()
    (out / "00003.tar").unlink()
    assert import_source(photos, out, aligned=True, clips_a_shard=1, workers=second) == {}
    assert import_source(photos, out, aligned=True, clips_a_shard=1, workers=Executor(part=(0, 2))) == whole
    assert contents(out) == contents(tmp_path / "whole")
    assert import_source(photos, out, aligned=True, clips_a_shard=1, workers=second) == whole
    with pytest.raises(ShardsError, match="holds shards already"):
        import_source(photos, out, aligned=True, clips_a_shard=1)


@pytest.mark.parametrize(
    "words, said",
    [
        (["--engine", "spark"], "--engine must be one of local, ray, not 'spark'"),
        (["--part", "2/2"], "--part must be I/N with I from 0 to N - 1, not 2/2"),
        (["--part", "half"], "--part must be I/N, 0/4 say, not 'half'"),
        (["--workers", "0"], "--workers must be 1 or more, not 0"),
    ],
)
def test_wrong_arguments_are_one_line(words, said, tmp_path, capsys):
    assert main(["people", "--people", "2", "--out", str(tmp_path), *words]) == 2
    assert capsys.readouterr().err.strip() == f"error: {said}"
    assert not list(tmp_path.iterdir())


def test_a_part_is_read():
    assert parse_part("3/8") == (3, 8) and Executor(part=(3, 8)).mine(range(20)) == [3, 11, 19]


def test_no_cluster_at_the_address_is_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("ray.init", refuse)
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.1:6379")
    assert main(["people", "--people", "2", "--out", str(tmp_path), "--engine", "ray"]) == 2
    assert "there is no Ray cluster at 10.0.0.1:6379: start one with" in capsys.readouterr().err


def refuse(*_, **__):
    raise ConnectionError("refused")
