"""Command `python -m train gallery`."""

import argparse
from pathlib import Path

from latentface.checkpoints import DEFAULT
from train.release import gallery, gallery_people
from train.release.further_maps import add_further_maps
from train.release.many_faces import SAMPLE, SHOWN, from_embedded
from train.release.own_pictures import from_codes, from_photos


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("--checkpoint", default=DEFAULT, help="whose codes and maps (default: %(default)s)")
    parser.add_argument(
        "--out", type=Path, help="default: assets/gallery for a bundled checkpoint, else CHECKPOINT/gallery"
    )
    parser.add_argument(
        "--people", type=int, help="draw so many people first; without it the bundled people are mapped"
    )
    parser.add_argument("--candidates", type=int, default=620, help="people of whom those are chosen evenly")
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--seed", type=int, default=71000)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--shards", type=Path, default=Path("runs/gallery"), help="where people are drawn to")
    own = parser.add_mutually_exclusive_group()
    own.add_argument("--photos", type=Path, help="map the photos of a folder instead; a folder within it is a person")
    own.add_argument(
        "--codes", type=Path,
        help="map the codes of a file that `python -m latentface embed` wrote instead, or of a folder of `train embed`",
    )  # fmt: skip
    own.add_argument(
        "--further-maps", action="store_true",
        help="only UMAP in 3-D and PCL's maps, of a gallery that is there",
    )  # fmt: skip

    many = parser.add_argument_group("very many faces: --codes FOLDER")
    many.add_argument("--pictures", metavar="SHARDS", help="the shards that were embedded")
    many.add_argument("--shown", type=int, default=SHOWN, help="faces of the app's maps; all are placed")
    many.add_argument("--sample", type=int, default=SAMPLE, help="faces that UMAP lays out, the others beside them")


def run(args: argparse.Namespace) -> None:
    """Draw people, where asked for, and map all of them, or one's own photos or codes."""
    out = args.out or gallery.gallery_folder(args.checkpoint)
    if args.further_maps:
        add_further_maps(out)
    elif args.photos:
        from_photos(args.checkpoint, args.photos, out)
    elif args.codes and args.codes.is_dir():
        from_embedded(args.checkpoint, args.codes, args.pictures, out, args.shown, args.sample)
    elif args.codes:
        from_codes(args.checkpoint, args.codes, out)
    elif args.people:
        gallery_people.draw_people(args.people, args.candidates, args.frames, args.seed, args.shards, args.workers)
        gallery.from_shards(args.checkpoint, args.shards, out)
    else:
        gallery.again(args.checkpoint, out)
    print(f"written to {out}")
