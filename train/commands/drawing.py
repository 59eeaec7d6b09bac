"""Arguments of the commands that draw people into shards."""

import argparse
import os
from pathlib import Path


def add_size_arguments(parser: argparse.ArgumentParser) -> None:
    """Add side, processes and folder."""
    parser.add_argument("--size", type=int, default=128, help="side of the standard crop in pixels")
    parser.add_argument(
        "--workers", type=int, default=os.cpu_count(), help="processes; the bytes do not depend on their number"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="SHARDS")


def add_people_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the number of people, frames and seed, and all of `add_size_arguments`."""
    parser.add_argument("--people", type=int, required=True)
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    add_size_arguments(parser)
