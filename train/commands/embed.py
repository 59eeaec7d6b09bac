"""Command `python -m train embed`."""

import argparse

from latentface.checkpoints import DEFAULT
from train.commands.drawing import add_executor_arguments, chosen_executor
from train.release.embedding import embed_shards


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("shards", metavar="SHARDS", help="a folder or URL, as `import` and the engines write it")
    parser.add_argument("--checkpoint", default=DEFAULT, help="whose codes (default: %(default)s)")
    add_executor_arguments(parser)


def run(args: argparse.Namespace) -> None:
    """Write the codes of all faces of shards, a file a shard."""
    count = embed_shards(args.checkpoint, args.shards, args.out, chosen_executor(args))
    print(f"{count:,} files of codes are in {args.out}")
