"""Command `python -m train people`."""

import argparse

from train.commands.drawing import add_people_arguments, chosen_executor
from train.data import parametric


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    add_people_arguments(parser)
    parser.add_argument(
        "--talking",
        action="store_true",
        help="people talk and pull faces: mouths, brows and lids each for themselves, as far as they go",
    )


def run(args: argparse.Namespace) -> None:
    """Draw parametric people into shards."""
    by = chosen_executor(args)
    parametric.people_shards(args.people, args.frames, args.size, args.seed, args.out, by, args.talking)
