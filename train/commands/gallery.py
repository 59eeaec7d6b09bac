"""Command `python -m train gallery`."""

import argparse
from pathlib import Path

from latentface.checkpoints import ASSETS
from train.release import gallery


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("--people", type=int)
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--seed", type=int, default=2309)
    parser.add_argument("--checkpoint", default="explorer")
    parser.add_argument("--out", type=Path, default=ASSETS / "gallery")


def run(args: argparse.Namespace) -> None:
    """Draw people, where asked for, and map all of them."""
    if args.people:
        gallery.draw(args.people, args.frames, args.seed, args.out)
    gallery.build(args.checkpoint, args.out)
