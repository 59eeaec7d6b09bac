"""Command `python -m train people`."""

import argparse

from train.commands.drawing import add_people_arguments as add_arguments
from train.data import parametric

__all__ = ["add_arguments", "run"]


def run(args: argparse.Namespace) -> None:
    """Draw parametric people into shards."""
    parametric.people_shards(args.people, args.frames, args.size, args.seed, args.out, args.workers)
