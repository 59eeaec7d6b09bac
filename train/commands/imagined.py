"""Command `python -m train imagined`."""

import argparse

from train.commands.drawing import add_people_arguments, chosen_executor
from train.common.places import is_url


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    add_people_arguments(parser)
    parser.add_argument(
        "--unjudged",
        action="store_true",
        help="fast, on a GPU: no judge looks at what is drawn (train/data/imagined/unjudged.py)",
    )


def run(args: argparse.Namespace) -> None:
    """Draw imagined people into shards.

    Raises:
        ValueError: `--unjudged` is asked to draw elsewhere than on this machine.
    """
    by = chosen_executor(args)
    if not args.unjudged:
        from train.data.imagined.drawing import imagined_shards

        imagined_shards(args.people, args.frames, args.size, args.seed, args.out, by)
        return
    if by.engine != "local" or by.is_part or is_url(args.out):
        raise ValueError("--unjudged draws on the GPU of this machine, into a folder: leave --engine and --part out")
    from train.data.imagined.unjudged import imagined_frames

    imagined_frames(args.people, args.frames, args.size, args.seed, args.out, args.workers)
