"""Reading a run's folder while a trainer writes there: whole, half written, silent, and not there."""

import json
import os
from pathlib import Path

import pytest
from PIL import Image

from app.run_folder import SILENT, RunFolder, duration, run_of
from app.run_pages import further_pages, is_empty, run_folders, shown_runs

NOW = 1_000_000.0


def write_run(
    folder: Path, images: int = 64, planned: int = 256, state: str | None = "training", age: float = 1
) -> None:
    """A run's record and curves, `age` seconds old at NOW."""
    folder.mkdir(parents=True, exist_ok=True)
    about = {"config": {"images": planned}, "images": images, "unit": "images"}
    (folder / "config.json").write_text(json.dumps(about | ({"state": state} if state else {})))
    rows = [{"images": 32, "loss": 2.0, "val_l1": 0.5, "rate": 16.0}, {"images": 64, "loss": 1.0, "rate": 16.0}]
    (folder / "curves.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for file in folder.iterdir():
        os.utime(file, (NOW - age, NOW - age))


def words(folder: Path) -> str:
    return RunFolder(folder).look(lambda: NOW).words()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "Training: 64 of 256 images (25 %), 16.0 images a second, about 12 seconds left."),
        ({"age": SILENT + 180}, "Silent: 64 of 256 images (25 %), and nothing was written for 6 minutes. It was"),
        ({"state": "stopped", "age": 7200}, "Stopped 2 hours ago: 64 of 256 images (25 %). The same command with"),
        ({"images": 256, "state": "ended"}, "Ended: 256 of 256 images (100 %)."),
        ({"images": 256, "state": None}, "Ended: 256 of 256 images (100 %)."),  # a run of before it was written down
    ],
)
def test_how_far_a_run_is(tmp_path, arguments, said):
    write_run(tmp_path, **arguments)
    assert words(tmp_path).startswith(said)


def test_what_is_not_there_or_half_written_is_said(tmp_path):
    assert "not there yet" in words(tmp_path / "none")
    assert words(tmp_path) == "It has begun, and nothing is saved yet."
    write_run(tmp_path)
    with (tmp_path / "curves.jsonl").open("a") as file:
        file.write('{"images": 96, "lo')
    os.utime(tmp_path / "curves.jsonl", (NOW, NOW))
    assert words(tmp_path).endswith("1 line of its curves can't be read: left out.")
    broken = ["", "[]", "{", '{"config": 3}', '{"config": {"images": "many"}, "images": 3}']
    broken += [f'{{"config": {{"images": {n}}}, "images": {n}}}' for n in ("Infinity", "NaN", "1" + "0" * 400)]
    for content in broken:
        (tmp_path / "config.json").write_text(content)
        look = RunFolder(tmp_path).look(lambda: NOW)
        assert "config.json can't be read" in look.words() and look.words().startswith("Training: 64 images")
        assert look.curves["loss"] == [(32, 2.0), (64, 1.0)]
    whole = (tmp_path / "curves.jsonl").read_text()
    for number in ("Infinity", "NaN", "1e999", "1" + "0" * 400):
        (tmp_path / "curves.jsonl").write_text(f'{{"images": {number}, "loss": 1}}\n{whole}')
        assert RunFolder(tmp_path).look(lambda: NOW).curves["loss"] == [(32, 2.0), (64, 1.0)]
    (tmp_path / "curves.jsonl").write_text(f'{{"images": 8, "loss": 1{"0" * 400}}}\n{whole}')
    assert RunFolder(tmp_path).look(lambda: NOW).curves["loss"] == [(32, 2.0), (64, 1.0)]


def test_sheets_come_by_images_seen_and_other_pictures_are_none(tmp_path):
    write_run(tmp_path)
    for name in ("sheet_0000064.png", "sheet_0000032.png", "mixed_0000064.png", "leakage.png", "x_1.png.partial"):
        Image.new("RGB", (4, 4)).save(tmp_path / name, "PNG")
    look = RunFolder(tmp_path).look()
    assert [(seen, [file.name for file in files]) for seen, files in look.sheets] == [
        (32, ["sheet_0000032.png"]), (64, ["mixed_0000064.png", "sheet_0000064.png"]),
    ]  # fmt: skip


def test_which_runs_are_shown_and_where_their_pages_are(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_run(Path("runs/one"))
    write_run(Path("runs/two"))
    Path("runs/two/pipeline").mkdir()
    Path("runs/two/pipeline/model_index.json").write_text("{}")
    assert run_of("runs/two/pipeline") == Path("runs/two") and run_of("runs/one") == Path("runs/one")
    assert run_of("explorer") is None and run_of("someone/on-the-hub") is None
    runs = shown_runs(["runs/one"], ["runs/two/pipeline", "explorer", "runs/one"])
    assert runs == ["runs/one", "runs/two"]
    assert is_empty("runs/one") and not is_empty("runs/two") and not is_empty("someone/on-the-hub")
    pages = further_pages(["runs/two/pipeline", "explorer", "runs/one"], runs)
    assert pages == {"explorer": "explorer", "runs-one": "runs/one", "runs-two": "runs/two"}
    assert [run.address for run in run_folders(runs, pages, "./")] == ["./with/runs-one/", "./with/runs-two/"]
    assert RunFolder(Path("runs/one")).checkpoint is None
    assert RunFolder(Path("runs/two")).checkpoint == Path("runs/two/pipeline")


@pytest.mark.parametrize(
    ("seconds", "said"), [(3, "3 seconds"), (50, "a minute"), (100, "2 minutes"), (7300, "2 hours")]
)
def test_time_in_plain_units(seconds, said):
    assert duration(seconds) == said
