"""Command `python -m train doubts`."""

import argparse
import json
from pathlib import Path

from train.release.doubts import find_doubts


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("--checkpoint", required=True, metavar="NAME|DIR", help="the table is written into its folder")
    parser.add_argument(
        "--photos", type=Path, required=True, metavar="TAR", help="photos of bare faces, files named Name_0001"
    )
    parser.add_argument(
        "--known", type=Path, required=True, metavar="TAR",
        help="photos with a csv beside it: file, person, age, gender, ethnicity",
    )  # fmt: skip
    parser.add_argument("--people", type=int, default=800, help="most people of --photos; default 800")
    parser.add_argument("--seed", type=int, default=0)


def run(args: argparse.Namespace) -> None:
    """Fit, prove and write the table."""
    print(json.dumps(find_doubts(args.checkpoint, args.photos, args.known, args.people, args.seed), indent=1))
