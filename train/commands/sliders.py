"""Command `python -m train sliders`."""

import argparse

from train.release.sliders.find import find


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("--checkpoint", required=True, metavar="NAME|DIR", help="the files are written into its folder")
    parser.add_argument(
        "--data", action="append", required=True, metavar="SHARDS",
        help="shards of people with several frames each, labelled with facial actions; may be repeated",
    )  # fmt: skip
    parser.add_argument("--people", type=int, default=400, help="most people to fit on; default 400")
    parser.add_argument("--judged", type=int, default=64, help="most people to measure on, twice; default 64")
    parser.add_argument("--seed", type=int, default=0)


def run(args: argparse.Namespace) -> None:
    """Find, prove and write the sliders."""
    print(f"written to {find(args.checkpoint, args.data, args.people, args.judged, args.seed)}")
