"""The one-GPU script, on the CPU with toys: packed in trays, it trains and evaluates in slices, leaves a checkpoint."""

import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from latentface.checkpoints import load_pipeline
from tests.helpers import ROOT, drawn_clips, write_truth
from tests.train.evaluation.test_depth import PEOPLE, clips
from train.data.shards import write_shards

SCRIPT = ROOT / "train" / "gpu.sh"


def script(*arguments, cwd: Path = ROOT, **settings) -> subprocess.CompletedProcess:
    environment = {**os.environ, "PYTHON": sys.executable, "OMP_NUM_THREADS": "1", **settings}
    command = ["bash", str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=1200)


@pytest.fixture(scope="module")
def trays(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("home")
    write_shards(drawn_clips(21, 3, 80), folder / "drawn", {"source": "drawn"})
    (folder / "drawn" / "ballast").write_bytes(os.urandom(16_000_000))  # so that one tray is not enough
    write_truth(clips(PEOPLE), folder / "truth" / "validation")
    (folder / "wheels").mkdir()
    with zipfile.ZipFile(folder / "wheels" / "brought-1-py3-none-any.whl", "w") as wheel:
        wheel.writestr("brought.py", "WORD = 'from the wheel'\n")
    done = script(
        "pack", folder / "trays", folder / "drawn", folder / "truth", WHEELS=str(folder / "wheels"), TRAY_MB="12"
    )
    assert done.returncode == 0, done.stderr
    return folder / "trays"


def test_it_parses_and_says_how_it_is_used():
    assert subprocess.run(["bash", "-n", SCRIPT]).returncode == 0
    for arguments in ((), ("pack", "x"), ("run", "x"), ("other",)):
        done = script(*arguments)
        assert done.returncode == 2 and "bash train/gpu.sh pack TRAYS" in done.stderr and "set -euo" not in done.stderr


def test_trays_hold_everything_in_small_files(trays):
    parts = sorted(trays.glob("*/part.*"))
    assert sorted(p.name for p in trays.iterdir()) == ["1", "2"] and len(parts) == 2
    assert all(p.stat().st_size <= 15 * 2**20 for p in parts)
    assert (trays / "1" / "SHA256SUMS").read_text() == (trays / "2" / "SHA256SUMS").read_text()


@pytest.mark.slow
def test_trays_come_one_by_one_then_it_trains_evaluates_and_goes_on(trays, tmp_path, python):
    settings = {
        "PYTHON": python,
        "PRESET": "toy",
        "IMAGES": "32",
        "RDM_IMAGES": "256",
        "PEOPLE": "1",
        "WORK": str(tmp_path / "work"),
    }
    first = script("run", trays / "2", tmp_path / "out", 5, **settings)
    assert first.returncode == 0 and "1 of 2 files are here" in first.stdout, first.stderr
    shutil.rmtree(tmp_path / "out")
    second = script("run", trays / "1", tmp_path / "out", 15, **settings)
    assert second.returncode == 0, second.stderr
    assert "== autoencoder" in second.stdout and "== rdm" in second.stdout and "--suite depth" in second.stdout, (
        second.stderr
    )
    assert (tmp_path / "work" / "packages" / "brought.py").exists()
    assert json.loads((tmp_path / "work/data/people/manifest.json").read_text())["frames"] == 8  # drawn there
    assert (
        "drawn:2 --data" in second.stdout
        and "drawn:0 --data" in second.stdout
        and second.stdout.count("/people:1") == 2
    )
    files = sorted((tmp_path / "out").iterdir())
    assert [f.name for f in files] == ["result.tar.00"] and files[0].stat().st_size <= 15 * 2**20
    with tarfile.open(files[0]) as tar:
        tar.extractall(tmp_path / "home", filter="data")
    assert load_pipeline(tmp_path / "home" / "stage2" / "pipeline").size == 32
    assert json.loads((tmp_path / "home" / "depth.json").read_text())["n"] == 12
    assert json.loads((tmp_path / "home" / "stage1" / "config.json").read_text())["images"] == 32
    config = tmp_path / "work" / "stage1" / "config.json"
    cut_short = json.loads(config.read_text())
    cut_short["config"]["images"] = 48  # as a slice leaves it whose time was up
    config.write_text(json.dumps(cut_short))
    shutil.rmtree(tmp_path / "work" / "data" / "truth")
    third = script("run", "-", tmp_path / "out", 15, **{**settings, "IMAGES": "48"})
    assert third.returncode == 0 and "== autoencoder" in third.stdout and "== rdm" not in third.stdout, third.stderr
    assert json.loads(config.read_text())["images"] == 48 and "48 / 48 images" in third.stderr
    rows = (config.parent / "curves.jsonl").read_text().splitlines()
    assert [json.loads(row)["images"] for row in rows] == [32, 48]  # it went on from 32


def test_without_time_nothing_begins(trays, tmp_path):
    for tray in (1, 2):
        shutil.copytree(trays / str(tray), tmp_path / "both", dirs_exist_ok=True)
    done = script("run", tmp_path / "both", tmp_path / "out", 0, PRESET="toy", WORK=str(tmp_path / "work"))
    assert done.returncode == 0 and "==" not in done.stdout, done.stderr
    assert (tmp_path / "work" / "unpacked").exists() and (tmp_path / "out" / "result.tar.00").exists()
