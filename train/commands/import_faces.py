"""Command `python -m train import`."""

import argparse

from train.commands.drawing import add_executor_arguments, chosen_executor, path_or_url
from train.data import import_faces


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "source", type=path_or_url, metavar="SOURCE",
        help="images, folders a person, folders a clip, videos; or a tar of such; a path or URL",
    )  # fmt: skip
    add_executor_arguments(parser)
    parser.add_argument(
        "--layout",
        default="auto",
        help="images, people or clips, where the folders do not tell (train/data/import_faces.py)",
    )
    parser.add_argument("--frames", type=int, default=16, help="the most that a video or a folder of frames gives")
    parser.add_argument("--aligned", action="store_true", help="the images are standard crops with margin already")
    parser.add_argument("--licence", default="unknown", help="for the manifest")


def run(args: argparse.Namespace) -> None:
    """Import faces, and print how many there are and why others were dropped."""
    about = {"licence": args.licence}
    manifest = import_faces.import_source(
        args.source, args.out, args.aligned, about, args.layout, args.frames, chosen_executor(args)
    )
    if not manifest:
        return
    print(f"{manifest['frames']:,} frames of {manifest['persons']:,} people in {args.out}")
    for reason, count in manifest["dropped"].items():
        print(f"dropped {count:,}: {reason}")
    if manifest["dropped"]:
        print(f"{args.out / 'dropped.jsonl'} names each")
