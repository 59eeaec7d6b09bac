"""Every preset of every trainer takes a step at its real size, and every setting is a flag that is checked."""

import json
from dataclasses import fields, replace
from pathlib import Path

import pytest

from latentface.checkpoints import load_autoencoder, load_network, load_pipeline
from latentface.pcl import PCL, Backbone
from tests.helpers import drawn_clips, tiny_autoencoder
from train.__main__ import main, parse
from train.commands.training import chosen
from train.contrastive import pcl, simclr
from train.data.shards import write_shards
from train.stage1 import config as stage1
from train.stage1 import trainer as autoencoder
from train.stage2 import config as stage2
from train.stage2 import trainer as rdm

PRESETS = {
    "autoencoder": stage1.PRESETS, "rdm": stage2.PRESETS, "pcl": pcl.PRESETS, "simclr": simclr.PRESETS
}  # fmt: skip
ALL = [
    pytest.param(
        trainer, name, marks=[] if name == "toy" or (trainer, network) == ("rdm", "explorer") else pytest.mark.slow
    )
    for trainer, presets in PRESETS.items()
    for name, network in ((name, getattr(preset, "network", "")) for name, preset in presets.items())
]


@pytest.fixture(scope="module")
def shards(tmp_path_factory) -> str:
    folder = tmp_path_factory.mktemp("shards")
    write_shards(drawn_clips(6, 3, 160), folder, {"source": "drawn"})
    return str(folder)


@pytest.mark.parametrize("trainer, name", ALL)
def test_every_preset_takes_a_step(trainer, name, shards, tmp_path):
    preset = PRESETS[trainer][name]
    config, out = replace(preset, images=preset.batch), tmp_path / "run"
    if trainer == "autoencoder":
        autoencoder.train(replace(config, basis=-1), [shards], out)
        assert load_autoencoder(out).size == preset.model.get("size", 64)
    elif trainer == "rdm":
        tiny_autoencoder(layout_grid=4, layout_base=8, changing=[1, 3, 4]).save_pretrained(tmp_path / "autoencoder")
        rdm.train(config, [shards], tmp_path, out)
        assert load_pipeline(out / "pipeline").denoiser.config["code"] == 32
    else:
        module, folder, kind = (pcl, "pcl", PCL) if trainer == "pcl" else (simclr, "backbone", Backbone)
        module.train(config, [shards], out)
        assert load_network(out / folder, kind).config["size"] == preset.model.get("size", 64)
    rows = [json.loads(line) for line in (out / "curves.jsonl").read_text().splitlines()]
    assert [row["images"] for row in rows] == [preset.batch]


def settings(trainer: str, *words: str):
    extra = ["--autoencoder", "run"] if trainer == "rdm" else []
    return chosen(PRESETS[trainer], parse([trainer, "--data", "shards", "--out", "out", *extra, *words]))


@pytest.mark.parametrize("trainer", PRESETS)
def test_every_setting_is_a_flag(trainer):
    preset = PRESETS[trainer]["explorer"]
    assert settings(trainer) == preset
    for field in fields(preset):
        value, flag = getattr(preset, field.name), "--" + field.name.replace("_", "-")
        if isinstance(value, bool):
            words, expected = [flag if not value else flag.replace("--", "--no-", 1)], not value
        elif isinstance(value, dict):
            key = {"model": "width", "colours": "hue"}[field.name]
            if trainer == "autoencoder":
                key = "softness"
            words, expected = [flag, f"{key}=3"], {**value, key: 3}
        elif isinstance(value, tuple):
            other = 2 if isinstance(value[0], int) else 0.5
            words, expected = [flag, *[str(other)] * len(value)], (other,) * len(value)
        elif isinstance(value, str):
            words, expected = [flag, "paper" if field.name == "network" else "runs/x"], None
            if field.name == "network":
                words += ["--preset", "paper-64"]
        else:
            expected = 2 if isinstance(value, int) else 0.5
            words = [flag, str(expected)]
        found = getattr(settings(trainer, *words), field.name)
        assert found == (words[1] if expected is None else expected), field.name


@pytest.mark.parametrize(
    "words, text",
    [
        ("pcl --batch 1", "--batch must be at least 2, not 1"),
        ("pcl --lr nan", "--lr must be a number, not nan"),
        ("pcl --ema 1.5", "--ema must be at most 1, not 1.5"),
        ("pcl --seed 12345678901234567890123456", "--seed must be at most"),
        ("pcl --model sizes=64", "--model: PCL takes no 'sizes', but size, width"),
        ("pcl --posed 0", "--posed must be at least 1, not 0"),
        ("simclr --area 1 .5", "--area is the smallest and the largest share"),
        ("simclr --temperature 0", "--temperature must be more than 0, not 0"),
        ("simclr --colours hues=.1", "--colours: Colours takes no 'hues'"),
        ("rdm --autoencoder run --network unet", "--network must be one of explorer, paper, not 'unet'"),
        ("rdm --autoencoder run --views 0", "--views must be at least 1, not 0"),
        ("rdm --autoencoder run --more 1", "argument --more: expected 2 arguments"),
        ("rdm --autoencoder run --images many", "argument --images: invalid int value: 'many'"),
        ("autoencoder --perceptual-share 2", "--perceptual-share must be at most 1, not 2"),
        ("autoencoder --basis -2", "--basis must be at least -1, not -2"),
        ("autoencode", "invalid choice: 'autoencode'"),
        ("pcl --hue 1", "unrecognized arguments: --hue 1"),
    ],
)
def test_a_wrong_value_is_one_line(words, text, tmp_path, capsys):
    trainer, *rest = words.split()
    assert main([trainer, "--data", "shards", "--out", str(tmp_path / "out"), *rest]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1 and text in error, error
    assert not (tmp_path / "out").exists()


def test_a_run_with_settings_of_its_own_is_resumed_by_flags():
    text = "--images 2000000 --batch 256 --lr 2e-4 --weight-decay 1e-3 --rebuilt 64 --posed 16 --resume"
    expected = pcl.PCLConfig(images=2_000_000, batch=256, lr=2e-4, weight_decay=1e-3, rebuilt=64, posed=16)
    assert settings("pcl", *text.split()) == expected


def test_a_command_imports_no_other(monkeypatch):
    seen = []
    monkeypatch.setattr("train.__main__.import_module", lambda name: seen.append(name) or pcl_command())
    parse(["pcl", "--data", "a", "--out", str(Path("b"))])
    assert seen == ["train.commands.pcl"]


def pcl_command():
    import train.commands.pcl

    return train.commands.pcl
