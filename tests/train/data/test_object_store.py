"""Shards in an object store: an S3 server on this machine, written by parts, imported from, read, and trained from."""

import json
import os
import socket
import subprocess
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import boto3
import pytest
import s3fs
import torch
from moto.server import ThreadedMotoServer

from tests.helpers import ROOT, TINY, drawn_clips
from tests.train.data.test_executor import Maker, contents, draw
from tests.train.data.test_executor import photos as photos  # the fixture
from train.__main__ import main
from train.common.places import place
from train.data import streaming
from train.data.executor import Executor
from train.data.import_faces import import_source
from train.data.reading import read_shards
from train.data.shards import ShardsError, write_shards
from train.data.streaming import HELD, ShardStream, StreamedClips, validates
from train.stage1.config import AutoencoderConfig
from train.stage1.trainer import check_batch, train

SIDE, SIZE = 40, 16
ACCESS = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_DEFAULT_REGION": "us-east-1"}


@pytest.fixture(scope="module", autouse=True)
def bucket():
    """A server with one bucket; its address and keys stand in the environment, as a user's would."""
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**ACCESS, "AWS_ENDPOINT_URL": f"http://{host}:{port}"}.items():
            patch.setenv(name, value)
        client = boto3.client("s3")
        client.create_bucket(Bucket="faces")
        yield client
        s3fs.S3FileSystem.clear_instance_cache()
    server.stop()


def stored(bucket, folder: str) -> dict[str, bytes]:
    """What lies below a folder of the bucket."""
    found = bucket.list_objects_v2(Bucket="faces", Prefix=f"{folder}/").get("Contents", [])
    names = [one["Key"] for one in found]
    return {
        name.removeprefix(f"{folder}/"): bucket.get_object(Bucket="faces", Key=name)["Body"].read() for name in names
    }


@pytest.fixture(scope="module")
def shards(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("shards")
    write_shards(drawn_clips(60, 3, SIDE), folder, {"source": "drawn"}, clips_a_shard=10)
    return folder


@pytest.fixture(scope="module")
def in_store(bucket, shards) -> str:
    for file in shards.iterdir():
        bucket.upload_file(str(file), "faces", f"train/{file.name}")
    return "s3://faces/train"


def test_parts_write_into_the_bucket_what_one_writes_into_a_folder(bucket, tmp_path):
    draw(tmp_path, 1)
    assert draw(place("s3://faces/drawn"), Executor(part=(1, 2))) == {}
    assert set(stored(bucket, "drawn")) == {"arguments.json", *(f"0000{i}.tar" for i in (1, 3, 5, 7))} | {
        f"0000{i}.dropped.jsonl" for i in (1, 3, 5, 7)
    }
    assert draw(place("s3://faces/drawn"), Executor(part=(0, 2)))["clips"] == 55
    assert stored(bucket, "drawn") == contents(tmp_path)
    with pytest.raises(ShardsError, match="begun with other arguments"):
        draw(place("s3://faces/drawn"), 1, Maker(4))


@dataclass(frozen=True)
class Broken(Maker):
    """Fails at a clip of the second shard."""

    def __call__(self, index: int):
        if index == 11:
            raise RuntimeError("no clip 11")
        return super().__call__(index)


def test_a_shard_that_is_not_whole_is_not_there(bucket):
    with pytest.raises(RuntimeError, match="no clip 11"):
        draw(place("s3://faces/broken"), 1, Broken(3))
    assert set(stored(bucket, "broken")) == {"arguments.json", "00000.tar", "00000.dropped.jsonl"}


def test_photos_are_imported_from_a_folder_and_a_tar_of_the_bucket(bucket, photos, tmp_path):
    whole = import_source(photos, tmp_path / "local", aligned=True, clips_a_shard=2)
    for file in photos.rglob("*.*"):
        bucket.upload_file(str(file), "faces", f"own/{photos.name}/{file.relative_to(photos)}")
    out = place("s3://faces/imported")
    assert import_source(place(f"s3://faces/own/{photos.name}"), out, aligned=True, clips_a_shard=2) == whole
    assert stored(bucket, "imported") == contents(tmp_path / "local")
    subprocess.run(["tar", "cf", tmp_path / "people.tar", "-C", photos, "."], check=True)
    bucket.upload_file(str(tmp_path / "people.tar"), "faces", "people.tar")
    tarred = import_source(place("s3://faces/people.tar"), tmp_path / "tarred", aligned=True)
    assert tarred["frames"] == whole["frames"] == 4 and tarred["dropped"] == whole["dropped"]


def test_shards_are_read_from_the_bucket(shards, in_store):
    local, remote = read_shards(shards, SIZE), read_shards([f"{in_store}:2"], SIZE)
    assert isinstance(local.images, torch.Tensor) and isinstance(remote.images, torch.Tensor)
    assert torch.equal(local.images, remote.images) and local.factors == remote.factors


@pytest.mark.parametrize(
    "url, said",
    [
        ("s3://nowhere/x", "s3://nowhere/x: there is no such bucket: make it first"),
        ("ftp://host/x", "ftp://host/x is no place for files: give a path, or file://, s3://, gs://, hf://"),
    ],
)
def test_a_wrong_place_is_one_line(url, said, capsys):
    assert main(["people", "--people", "1", "--workers", "1", "--out", url]) == 2
    assert said in capsys.readouterr().err


def test_missing_credentials_and_packages_are_one_line(monkeypatch, tmp_path, capsys):
    for name in ACCESS:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    s3fs.S3FileSystem.clear_instance_cache()
    command = ["people", "--people", "1", "--workers", "1", "--out", "s3://faces/none"]
    assert main(command) == 2
    said = capsys.readouterr().err
    assert "no access" in said and "set AWS_ACCESS_KEY_ID" in said and len(said.strip().splitlines()) == 1
    monkeypatch.setitem(sys.modules, "upath", None)
    assert main(command) == 2
    assert "s3:// needs another package: pip install 'latentface[cluster]'" in capsys.readouterr().err
    s3fs.S3FileSystem.clear_instance_cache()


def test_a_file_url_is_a_path(tmp_path):
    assert place(f"file://{tmp_path}/a%20b") == tmp_path / "a b"


# ---- streaming


def rank(monkeypatch, number: int, of: int) -> None:
    monkeypatch.setenv("RANK", str(number))
    monkeypatch.setenv("WORLD_SIZE", str(of))


def test_processes_read_disjoint_shards_and_together_all(monkeypatch):
    tars = [f"{i:05d}.tar" for i in range(7)]
    orders = set()
    for turn in range(4):
        parts = []
        for number in range(2):
            rank(monkeypatch, number, 2)
            parts.append(ShardStream({"a": tars}, [1.0], SIDE, 0).mine("a", turn))
        assert not set(parts[0]) & set(parts[1]) and sorted(parts[0] + parts[1]) == tars
        orders.add(tuple(parts[0]))
    assert len(orders) == 4  # another order every time


def test_the_buffer_changes_and_never_shows_who_validates(monkeypatch, in_store):
    monkeypatch.setattr(streaming, "READERS", 0)
    clips = StreamedClips([in_store], SIZE, 48, 0)
    held = {row["person"] for row in clips.factors[:HELD] if row}
    assert held == {f"{i:05d}" for i in range(60) if validates(f"{in_store}/{i:05d}", {})} & held and held
    assert int(clips.validation.sum()) == 3 * len(held) and clips.learners.tolist() == list(range(HELD, HELD + 48))
    faces, seen, whole = {}, set(), read_shards([in_store], SIZE)
    assert isinstance(whole.images, torch.Tensor) and isinstance(clips.images, torch.Tensor)
    for row, about in enumerate(whole.factors):
        faces[about["person"], about["frame"]] = whole.images[row]
    for _ in range(60):
        clips.refresh(16)
        rows = clips.draw(16, torch.Generator().manual_seed(len(seen)))
        for row in rows.tolist():
            about = clips.factors[row]
            assert torch.equal(clips.images[row], faces[about["person"], about["frame"]])
            assert about["person"] not in held
            kin = clips.people.order[clips.people.first[clips.person[row]] :][: clips.people.count[clips.person[row]]]
            assert {clips.factors[i]["person"] for i in kin.tolist()} == {about["person"]}
            seen.add(about["person"])
    assert len(seen) > 45  # of at most 60, though 16 have room at a time


def test_folders_fill_the_buffer_by_weight(monkeypatch, in_store, tmp_path):
    monkeypatch.setattr(streaming, "READERS", 0)
    write_shards(drawn_clips(30, 2, SIDE), tmp_path, {}, clips_a_shard=10)
    stream = iter(ShardStream(
        {folder: [str(tar) for tar in streaming.tars_of(folder)] for folder in (in_store, str(tmp_path))},
        [3.0, 1.0], SIDE, 0,
    ))  # fmt: skip
    frames = dict.fromkeys((in_store, str(tmp_path)), 0)
    for _ in range(200):
        _, factors, folder = next(stream)
        frames[folder] += len(factors)
    assert abs(frames[in_store] / frames[str(tmp_path)] - 3) < 0.2


def test_what_cannot_be_streamed_is_said(monkeypatch, shards, tmp_path):
    rank(monkeypatch, 0, 9)
    with pytest.raises(ShardsError, match="has 6 shards, and 9 processes need one each at least"):
        StreamedClips([str(shards)], SIZE, 48, 0)
    rank(monkeypatch, 0, 1)
    monkeypatch.setattr(streaming, "READERS", 0)
    for name in ("00000.tar", "manifest.json"):
        (tmp_path / name).write_bytes((shards / name).read_bytes()[: 9000 if name.endswith("tar") else None])
    with pytest.raises(ShardsError, match="00000.tar is no tar, or is cut off"):
        StreamedClips([str(tmp_path)], SIZE, 999, 0)
    with pytest.raises(ValueError, match="--stream must hold a batch of 8 at least, not 7 frames"):
        check_batch(replace(CONFIG, stream=7), 1)


CONFIG = AutoencoderConfig(
    model={**TINY, "changing": (1, 3, 4)}, images=48, batch=8, perceptual=0.0, warm_up=16, lr=2e-3, basis=24, level=16,
    align=16, layout=32, stream=48,
)  # fmt: skip
SCRIPT = """
import json
import sys
from pathlib import Path
from accelerate import PartialState
from train.data import streaming  # nothing of the tests: it would bring the server along
from train.stage1.config import AutoencoderConfig
from train.stage1.trainer import train
streaming.READERS = 0
read, mine = [], streaming.ShardStream.mine
streaming.ShardStream.mine = lambda *args: read.append(mine(*args)) or read[-1]
out = train(AutoencoderConfig(**json.loads(sys.argv[3])), [sys.argv[1]], Path(sys.argv[2]), every=16)
process = PartialState()
assert process.num_processes == 2
(out / f"read_{process.process_index}.json").write_text(json.dumps(read))
"""


@pytest.mark.slow
def test_two_nodes_train_from_the_bucket_and_a_third_call_goes_on(in_store, tmp_path, monkeypatch, python):
    """Through settling; what each of the two read is disjoint, and together all."""
    script = tmp_path / "run.py"
    script.write_text(SCRIPT)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [python, "-m", "torch.distributed.run", "--nnodes", "2", "--nproc_per_node", "1"]
    command += ["--master_addr", "127.0.0.1", "--master_port", str(port)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "PYTHON_EXEC": python}
    nodes = []
    for node in range(2):
        with (tmp_path / f"{node}.log").open("w") as log:
            words = [*command, "--node_rank", str(node), str(script), in_store, str(tmp_path / "run")]
            words.append(json.dumps(asdict(CONFIG)))
            nodes.append(subprocess.Popen(words, cwd=ROOT, env=environment, stdout=log, stderr=log))
    for node, process in enumerate(nodes):
        assert process.wait(300) == 0, (tmp_path / f"{node}.log").read_text()[-3000:]
    read = [json.loads((tmp_path / "run" / f"read_{i}.json").read_text()) for i in range(2)]
    for one, other in zip(*read, strict=False):  # turn by turn
        assert len({*one} & {*other}) == 0 and len({*one} | {*other}) == 6
    curve = [json.loads(line) for line in (tmp_path / "run" / "curves.jsonl").read_text().splitlines()]
    assert [row["images"] for row in curve] == [16, 32, 48] and curve[-1]["val_l1"] < 1
    assert json.loads((tmp_path / "run" / "config.json").read_text())["config"]["stream"] == 48
    monkeypatch.setattr(streaming, "READERS", 0)
    train(replace(CONFIG, images=64), [in_store], tmp_path / "run", resume=True, every=16)
    assert json.loads((tmp_path / "run" / "config.json").read_text())["images"] == 64
