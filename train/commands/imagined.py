"""Command `python -m train imagined`."""

import argparse

from train.commands.drawing import add_people_arguments


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    add_people_arguments(parser)
    parser.add_argument(
        "--unjudged",
        action="store_true",
        help="fast, on a GPU: no judge looks at what is drawn (train/data/imagined/unjudged.py)",
    )


def run(args: argparse.Namespace) -> None:
    """Draw imagined people into shards."""
    if args.unjudged:
        from train.data.imagined.unjudged import imagined_frames as draw
    else:
        from train.data.imagined.drawing import imagined_shards as draw

    draw(args.people, args.frames, args.size, args.seed, args.out, args.workers)
