"""Dataclasses on the command line, on a small one of every kind of field."""

import argparse
from dataclasses import dataclass, field

import pytest

from train.common.config import (
    add_config_arguments,
    configured,
    field_docs,
    require,
    require_arguments,
    require_choice,
    require_run,
)


@dataclass
class Base:
    """Inherited fields."""

    images: int = 100
    """Length, 100 % of
    it."""
    model: dict = field(default_factory=lambda: {"size": 64})
    """Arguments of the network."""


@dataclass
class Settings(Base):
    """All kinds of fields."""

    weight_decay: float = 0.5
    """Decay."""
    area: tuple[float, float] = (0.3, 1.0)
    """Smallest and largest."""
    frames: bool = True
    """Whether."""
    start: str = ""
    """A run."""
    undocumented: int = 3


def parse(*words: str, preset: Settings | None = None) -> Settings:
    parser = argparse.ArgumentParser(exit_on_error=False)
    add_config_arguments(parser, Settings)
    return configured(preset or Settings(), parser.parse_args(words))


def test_every_field_is_a_flag():
    words = "--images 8 --model width=8 levels=[1,2] name=thin --weight-decay 1e-3 --area 0.5 1 --no-frames --start a"
    assert parse(*words.split()) == Settings(
        8, {"size": 64, "width": 8, "levels": [1, 2], "name": "thin"}, 1e-3, (0.5, 1.0), False, "a"
    )
    assert parse() == Settings() and parse(preset=Settings(images=3)).images == 3


def test_help_is_the_docstring_under_the_field(capsys):
    assert field_docs(Settings) == {
        "images": "Length, 100 % of it.",
        "model": "Arguments of the network.",
        "weight_decay": "Decay.",
        "area": "Smallest and largest.",
        "frames": "Whether.",
        "start": "A run.",
    }
    with pytest.raises(SystemExit):
        parse("--help")
    assert "Length, 100 % of it." in capsys.readouterr().out


@pytest.mark.parametrize("words", ["--images x", "--area 1", "--model width", "--model =8"])
def test_words_that_are_no_value_are_refused(words):
    with pytest.raises((argparse.ArgumentError, SystemExit)):
        parse(*words.split())


@pytest.mark.parametrize(
    "value, bounds, text",
    [
        (float("nan"), {}, "--area must be a number, not nan"),
        (float("inf"), {}, "must be a number"),
        ("1", {}, "must be a number"),
        (True, {}, "must be a number"),
        (-1.0, {"least": 0}, "must be at least 0, not -1.0"),
        (0, {"above": 0}, "must be more than 0, not 0"),
        (2, {"most": 1}, "must be at most 1, not 2"),
    ],
)
def test_numbers_out_of_bounds_are_named(value, bounds, text):
    for area in (value, (0.5, value)):
        with pytest.raises(ValueError, match=text):
            require(Settings(area=area), "area", **bounds)
    require(Settings(), "area", "weight_decay", least=0, above=-1, most=1)


def test_choices_and_arguments_are_named():
    with pytest.raises(ValueError, match="--start must be one of a, b, not ''"):
        require_choice(Settings(), "start", ("a", "b"))
    with pytest.raises(ValueError, match="--model: Base takes no 'size', but images, model"):
        require_arguments(Settings(), "model", Base)
    require_arguments(Settings(model={"images": 3}), "model", Base)


@pytest.mark.parametrize(
    "changes", [{"images": 0}, {"batch": -1}, {"lr": -1.0}, {"ema": 1.5}, {"seed": -1}, {"seed": 10**25}]
)
def test_what_every_trainer_has_is_checked(changes):
    values = {"images": 8, "batch": 4, "lr": 1e-3, "ema": 0.9, "seed": 0}
    require_run(argparse.Namespace(**values))
    with pytest.raises(ValueError, match=f"--{next(iter(changes))} must be"):
        require_run(argparse.Namespace(**{**values, **changes}))
