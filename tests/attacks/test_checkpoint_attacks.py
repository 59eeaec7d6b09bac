"""Checkpoints that are not whole, or not what they say: each is refused by name, and none is half loaded."""

import ast
import json
import resource
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from latentface.checkpoints import ASSETS, CheckpointError, load_pipeline
from latentface.intake.worker import address_space
from latentface.weights import SUMS, WEIGHTS, check_sums, write_sums
from tests.helpers import ROOT, tiny_pipeline


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """A checkpoint that loads."""
    folder = tmp_path_factory.mktemp("checkpoint")
    tiny_pipeline().save_pretrained(folder)
    load_pipeline(folder)
    return folder


@pytest.fixture
def folder(whole, tmp_path) -> Path:
    """A copy of it to break."""
    return shutil.copytree(whole, tmp_path / "checkpoint")


def refused(folder: Path) -> str:
    with pytest.raises(CheckpointError) as caught:
        load_pipeline(folder)
    assert "\n" not in str(caught.value) and "does not load" in str(caught.value)
    return str(caught.value)


@contextmanager
def resource_limit(more: int) -> Iterator[None]:
    """So much more address space and no more."""
    idle, before = address_space(), resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (idle + more, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def drop(weights: dict) -> None:
    del weights[min(weights)]


def add(weights: dict) -> None:
    weights["surplus"] = torch.zeros(3)


def spoil(value: float):
    def change(weights: dict) -> None:
        weights[min(weights)] = torch.full_like(weights[min(weights)], value)

    return change


def round_off(weights: dict) -> None:
    weights[min(weights)] = weights[min(weights)].to(torch.int32)


@pytest.mark.parametrize("part", ["autoencoder", "denoiser"])
@pytest.mark.parametrize(
    "change, said",
    [
        (drop, "lacks 1"),
        (add, "surplus"),
        (spoil(float("nan")), "that are none"),
        (spoil(float("inf")), "that are none"),
        (round_off, ""),
        (dict.clear, "lacks"),
    ],
)
def test_weights_that_are_not_whole(folder, part, change, said):
    weights = load_file(folder / part / WEIGHTS)
    change(weights)
    save_file(weights, folder / part / WEIGHTS)
    message = refused(folder)
    assert said in message and part in message.lower()


def test_exchanged_weights(folder):
    one, other = (folder / part / WEIGHTS for part in ("autoencoder", "denoiser"))
    first = one.read_bytes()
    shutil.copyfile(other, one)
    other.write_bytes(first)
    refused(folder)


@pytest.mark.parametrize(
    "file, setting, value",
    [
        ("autoencoder/config.json", "max_angle", float("nan")),
        ("autoencoder/config.json", "max_angle", 0),
        ("autoencoder/config.json", "softness", 0),
        ("autoencoder/config.json", "code", 10**9),
        ("denoiser/config.json", "width", 10**9),
        ("scheduler/scheduler_config.json", "num_train_timesteps", 0),
        ("scheduler/scheduler_config.json", "num_train_timesteps", 3),
        ("scheduler/scheduler_config.json", "num_train_timesteps", 300_000_000),
        ("scheduler/scheduler_config.json", "prediction_type", "guess"),
        ("model_index.json", "autoencoder", ["os", "system"]),
        ("model_index.json", "denoiser", ["latentface.autoencoder", "Autoencoder"]),
        ("model_index.json", "more", ["latentface.pcl", "PCL"]),
        ("denoiser/config.json", "_class_name", "Autoencoder"),
    ],
)
def test_settings_that_cannot_be(folder, file, setting, value):
    about = json.loads((folder / file).read_text())
    about[setting] = value
    (folder / file).write_text(json.dumps(about))
    message = refused(folder)
    assert setting in message or "no settings of" in message


def test_settings_of_another_size_are_refused_before_memory_is_taken(folder):
    about = json.loads((folder / "denoiser" / "config.json").read_text())
    (folder / "denoiser" / "config.json").write_text(json.dumps({**about, "width": 16_384, "blocks": 64}))
    with resource_limit(2 * 2**30):  # such a network has 130 GB
        assert "denoiser" in refused(folder) and "lacks" in refused(folder)
    (folder / "denoiser" / "config.json").write_text(json.dumps({**about, "width": 32}))
    assert "its settings ask for" in refused(folder)


def test_weights_other_than_those_shipped(folder):
    write_sums(folder)
    load_pipeline(folder)
    weights = load_file(folder / "denoiser" / WEIGHTS)
    weights[min(weights)] += 0.001
    save_file(weights, folder / "denoiser" / WEIGHTS)
    assert "not the file that was shipped" in refused(folder)


def test_a_list_of_digests_reads_no_file_elsewhere(folder):
    (folder / SUMS).write_text(f"{'0' * 64}  ../../../etc/passwd\n")
    assert "passwd" in refused(folder)


def test_bundled_weights_are_those_listed():
    folders = {file.parent for file in ASSETS.glob("*/**/" + WEIGHTS)}
    tops = {ASSETS / folder.relative_to(ASSETS).parts[0] for folder in folders}
    assert len(tops) >= 3
    for top in tops:
        listed = {line.partition("  ")[2] for line in (top / SUMS).read_text().splitlines()}
        assert listed == {file.relative_to(top).as_posix() for file in top.rglob(WEIGHTS)}
        check_sums(top)


def calls(file: Path) -> list[tuple[str, ast.Call]]:
    """Names of all that a file calls, with dots, and the calls."""
    return [(ast.unparse(n.func), n) for n in ast.walk(ast.parse(file.read_text())) if isinstance(n, ast.Call)]


def test_no_file_of_ours_runs_what_it_reads():
    for file in [path for room in ("app", "latentface", "train") for path in (ROOT / room).rglob("*.py")]:
        for node in ast.walk(ast.parse(file.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not {name.split(".")[0] for name in names} & {"pickle", "dill", "joblib", "marshal", "shelve"}, file
        for name, call in calls(file):
            given = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
            assert name not in ("eval", "exec", "yaml.load", "os.system"), file
            assert given.get("trust_remote_code", "False") == "False", file
            assert given.get("allow_pickle", "False") == "False", file
            assert given.get("shell", "False") == "False", file
            assert name != "torch.load" or given.get("weights_only") == "True", file
