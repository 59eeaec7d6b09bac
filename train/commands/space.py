"""Command `python -m train space`."""

import argparse
from pathlib import Path

from train.release.space.folder import write_space
from train.release.space.repositories import write_repositories


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "--out", type=Path, metavar="DIR", required=True, help="the Space: `hf upload` takes it as it is"
    )
    parser.add_argument("--repositories", type=Path, metavar="DIR", help="checkpoints and the truth set's card as well")
    parser.add_argument("--owner", default="latentface", help="account on the Hub, for links (default: latentface)")


def run(args: argparse.Namespace) -> None:
    """Write the folders; nothing is uploaded."""
    write_space(args.out, args.owner)
    print(f"hf upload {args.owner}/latentface {args.out} . --repo-type space")
    if args.repositories:
        write_repositories(args.repositories, args.owner)
        for folder in sorted(args.repositories.glob("*/*")):
            kind = "dataset" if folder.parent.name == "datasets" else "model"
            print(f"hf upload {args.owner}/{folder.name} {folder} . --repo-type {kind}")
