"""Command `python -m train sheet`."""

import argparse
from pathlib import Path

from train.data.contact_sheet import shards_sheet
from train.data.spread import spread


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("shards", type=Path, metavar="SHARDS")
    parser.add_argument("--out", type=Path, required=True, metavar="sheet.png")


def run(args: argparse.Namespace) -> None:
    """Save the contact sheet, and print the spread of skin tone, pose and factors."""
    shards_sheet(args.shards).save(args.out)
    for line in spread(args.shards):
        print(line)
