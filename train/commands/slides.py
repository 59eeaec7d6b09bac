"""Command `python -m train slides`."""

import argparse
from pathlib import Path

from latentface.checkpoints import DEFAULT
from train.release import slides


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="receives PNGs of 1920 x 1080")
    parser.add_argument("--checkpoint", default=DEFAULT, help="name, folder or Hub id; default explorer")
    parser.add_argument(
        "--photo", type=Path, help="your own face on the slides; by default a person who does not exist"
    )


def run(args: argparse.Namespace) -> None:
    """Draw the slides, and print their names."""
    for file in slides.slides(args.out, args.checkpoint, args.photo):
        print(file)
