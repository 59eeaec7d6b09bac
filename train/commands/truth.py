"""Command `python -m train truth`."""

import argparse

from train.commands.drawing import add_size_arguments, chosen_executor
from train.data.parametric import truth


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    add_size_arguments(parser)
    parser.add_argument(
        "--people", type=int, help="the first so many of each part alone, for a quick look; default all"
    )


def run(args: argparse.Namespace) -> None:
    """Draw the truth set.

    Raises:
        ValueError: `--people` is less than 1.
    """
    if args.people is not None and args.people < 1:
        raise ValueError("--people starts at 1")
    truth.truth_shards(args.size, args.out, chosen_executor(args), args.people)
