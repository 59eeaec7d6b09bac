"""Command `python -m train level`."""

import argparse
from pathlib import Path

from train.data.levelling import level_shards


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("shards", type=Path, metavar="SHARDS")
    parser.add_argument(
        "--most", type=float, default=0.15, help="largest share of an expression's variance that may lie between people"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="SHARDS")


def run(args: argparse.Namespace) -> None:
    """Level shards, and print the shares before and after."""
    for name, (before, after) in level_shards(args.shards, args.out, args.most).items():
        print(f"{name:12} {before:.2f} of its variance lay between people, now {after:.2f}")
