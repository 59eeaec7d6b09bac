"""Files of a run: they survive a missing git, a full disk and cut files."""

import json
import sys

import pytest
import torch
from PIL import Image

from train.common.run import cut_curve, load_state, record, resumed, save_picture, save_state, write_json


def test_the_record_does_without_git(monkeypatch):
    monkeypatch.setenv("PATH", "")
    about = record({"batch": 8}, data=["shards"])
    assert about["commit"] == "unknown" and about["config"] == {"batch": 8} and about["data"] == ["shards"]


def test_the_record_says_nothing_of_where_files_lie(monkeypatch):
    words = ["rdm", "--data", "/far/ann b/shards/", "--out=/srv/x/run", "--photos", "london:../dev.tar", "--seed", "0"]
    monkeypatch.setattr(sys, "argv", ["train", *words])
    said = "python -m train rdm --data shards --out=run --photos london:dev.tar --seed 0"
    assert record({})["command"] == said


def test_who_looks_at_a_picture_finds_the_one_before_or_the_whole_new_one(tmp_path):
    save_picture(tmp_path / "sheet_1.png", Image.new("RGB", (4, 4), "red"))
    with pytest.raises(OSError):
        save_picture(tmp_path / "sheet_1.png", Image.new("F", (4, 4)))  # breaks while it is written
    assert Image.open(tmp_path / "sheet_1.png").getpixel((0, 0)) == (255, 0, 0)
    assert [path.name for path in tmp_path.iterdir()] == ["sheet_1.png"]


@pytest.mark.parametrize("keep", [0, 1, 100, 0.5, 0.99])
def test_a_cut_state_is_named(tmp_path, keep):
    path = tmp_path / "state.pt"
    save_state(path, {"model": {"weight": torch.zeros(1000)}, "images": 64})
    assert load_state(path)["images"] == 64
    whole = path.read_bytes()
    path.write_bytes(whole[: keep if isinstance(keep, int) else int(len(whole) * keep)])
    with pytest.raises(ValueError, match="state.pt is not whole .*begin anew in another --out") as error:
        load_state(path)
    assert "\n" not in str(error.value)


def test_a_full_disk_is_one_line_and_leaves_the_old_state(tmp_path, monkeypatch):
    def full(state, path):
        path.write_bytes(b"half")
        raise RuntimeError("[enforce fail at inline_container.cc:858] . PytorchStreamWriter failed\nframe #0: ...")

    save_state(tmp_path / "state.pt", {"images": 64})
    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OSError, match="cannot be written, is the disk full") as error:
        save_state(tmp_path / "state.pt", {"images": 128})
    assert "\n" not in str(error.value) and load_state(tmp_path / "state.pt") == {"images": 64}
    assert [path.name for path in tmp_path.iterdir()] == ["state.pt"]


def test_half_a_row_of_the_curves_is_dropped(tmp_path):
    path = tmp_path / "curves.jsonl"
    path.write_text('{"images": 64, "loss": 1.0}\n{"images": 128, "loss": 0.5}\n{"images": 192, "lo')
    cut_curve(path, 1000)
    assert [json.loads(line)["images"] for line in path.read_text().splitlines()] == [64, 128]
    cut_curve(path, 64)
    assert [json.loads(line)["images"] for line in path.read_text().splitlines()] == [64]


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"config": null, "images": 3}'])
def test_an_empty_config_loses_the_history_alone(tmp_path, text, capsys):
    (tmp_path / "config.json").write_text(text)
    assert resumed(tmp_path / "config.json", {"batch": 8}) == []
    assert "config.json is not whole" in capsys.readouterr().err


def test_only_changed_settings_make_history(tmp_path):
    path, config = tmp_path / "config.json", {"batch": 8, "projection": (32, 16)}
    write_json(path, {"config": config, "images": 64, "history": [{"until": 32, "with": {"lr": 1.0}}]})
    assert resumed(path, config) == [{"until": 32, "with": {"lr": 1.0}}]
    assert resumed(path, {**config, "batch": 16})[1:] == [{"until": 64, "with": {"batch": 8}}]
