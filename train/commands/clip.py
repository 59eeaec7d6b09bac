"""Command `python -m train clip`."""

import argparse
from pathlib import Path

from latentface.checkpoints import ASSETS
from train.release import example_clip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("--draw", action="store_true", help="draw the clip anew; else only take it apart again")
    parser.add_argument("--checkpoint", default="explorer")
    parser.add_argument("--seed", type=int, default=22)
    parser.add_argument("--person", type=int, default=13)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--out", type=Path, default=ASSETS / "clip")


def run(args: argparse.Namespace) -> None:
    """Draw the clip, where asked for, and take it apart."""
    if args.draw:
        example_clip.draw(args.seed, args.person, args.seconds, args.out)
    example_clip.take(args.checkpoint, args.out)
