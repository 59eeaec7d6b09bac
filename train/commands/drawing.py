"""Arguments of the commands that make shards: of those that draw people, and of who makes the clips."""

import argparse
import os
from pathlib import Path

from train.common.places import place
from train.data.executor import ENGINES, Executor, parse_part


def path_or_url(text: str) -> Path:
    """Read a place of files from the command line; see places.place."""
    try:
        return place(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def add_executor_arguments(parser: argparse.ArgumentParser) -> None:
    """Add who makes the clips, and the folder or URL they go to."""
    parser.add_argument(
        "--workers", type=int, default=os.cpu_count(), help="processes; the bytes do not depend on their number"
    )
    parser.add_argument(
        "--engine", default="local", help=f"{' or '.join(ENGINES)} (the cluster of RAY_ADDRESS, or one on this machine)"
    )
    parser.add_argument(
        "--part", default="0/1", metavar="I/N", help="draw every Nth shard from the Ith on, beside N - 1 other jobs"
    )
    parser.add_argument(
        "--out", type=path_or_url, required=True, metavar="SHARDS", help="a folder, or s3://, gs://, hf://"
    )


def chosen_executor(args: argparse.Namespace) -> Executor:
    """Return who makes the clips; raises ValueError where the arguments are wrong."""
    return Executor(args.workers, args.engine, parse_part(args.part))


def add_size_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the side, and all of `add_executor_arguments`."""
    parser.add_argument("--size", type=int, default=128, help="side of the standard crop in pixels")
    add_executor_arguments(parser)


def add_people_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the number of people, frames and seed, and all of `add_size_arguments`."""
    parser.add_argument("--people", type=int, required=True)
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    add_size_arguments(parser)
