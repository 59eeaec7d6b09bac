"""Arguments that every trainer's command has, and the settings they make."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from train.common.config import Dataclass, add_config_arguments, configured

Config = TypeVar("Config", bound=Dataclass)


def add_run_arguments(parser: argparse.ArgumentParser, presets: Mapping[str, Dataclass]) -> None:
    """Add preset, data, run folder and one flag a setting."""
    parser.add_argument("--preset", default="explorer", help=f"{', '.join(presets)}; default explorer")
    parser.add_argument(
        "--data",
        action="append",
        required=True,
        metavar="SHARDS[:WEIGHT]",
        help="a shards folder or URL; may be repeated",
    )
    parser.add_argument("--out", type=Path, required=True, help="the run's folder")
    parser.add_argument("--resume", action="store_true", help="go on with the run in --out")
    add_config_arguments(parser, type(next(iter(presets.values()))))


def chosen(presets: Mapping[str, Config], args: argparse.Namespace) -> Config:
    """Return the preset that was asked for, changed by the flags that were given.

    Raises:
        ValueError: where there is no such preset, or a value is refused.
    """
    if args.preset not in presets:
        raise ValueError(f"no preset {args.preset!r} for {args.command}: choose {', '.join(presets)}")
    return configured(presets[args.preset], args)
