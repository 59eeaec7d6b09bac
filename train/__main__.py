"""`python -m train COMMAND`: data engines, trainers, evaluation and the making of the app's assets."""

import argparse
import os
import signal
import sys
from concurrent.futures.process import BrokenProcessPool
from importlib import import_module
from typing import NoReturn

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # before torch: threads that wait must not spin on shared cores

from latentface.garbage import without_collection
from latentface.options import one_line, printable
from train.common.interrupt import interruptible

COMMANDS = {
    "autoencoder": ("train.commands.autoencoder", "train stage 1, the 3D-aware autoencoder"),
    "relief": ("train.commands.relief", "each person's own relief, from how their frames turn"),
    "enlarge": ("train.commands.enlarge", "the network that draws pictures at twice the size, for an autoencoder"),
    "rdm": ("train.commands.rdm", "train stage 2, the RDM"),
    "prior": ("train.commands.prior", "train the distributions of people and expressions, for drawing new ones"),
    "pcl": ("train.commands.pcl", "train PCL, face and pose apart by contrast"),
    "simclr": ("train.commands.simclr", "train SimCLR on PCL's backbone, the baseline"),
    "import": ("train.commands.import_faces", "your own faces into shards"),
    "imagined": ("train.commands.imagined", "draw people who do not exist into shards"),
    "people": ("train.commands.people", "draw parametric people with exact truth into shards"),
    "truth": ("train.commands.truth", "draw the fixed truth set: validation, test, and true swaps"),
    "level": ("train.commands.level", "fewer frames, of which people do not differ by the expressions they show"),
    "sheet": ("train.commands.sheet", "a contact sheet of shards, and the spread of skin tone, pose and factors"),
    "evaluate": ("train.commands.evaluate", "measure a checkpoint"),
    "embed": ("train.commands.embed", "the codes of all faces in shards, for a gallery of very many"),
    "gallery": ("train.commands.gallery", "the app's gallery: draw people (with --people), or map them again"),
    "clip": ("train.commands.clip", "the example clip of the app, of a person who does not exist"),
    "doubts": ("train.commands.doubts", "which photos the app doubts, alike for every skin tone"),
    "sliders": ("train.commands.sliders", "named expression sliders for the app, each proven on held-out people"),
    "ship": ("train.commands.ship", "bundle a trained checkpoint in half precision, with its record"),
    "slides": ("train.commands.slides", "pictures for a lesson: every step of both methods, on one face"),
    "space": ("train.commands.space", "the app as a folder for Hugging Face Spaces; checkpoints as model repositories"),
    "report": ("train.commands.report", "the README's and the cards' tables and pictures"),
}
"""Command -> module with add_arguments(parser) and run(args), and a line of help."""


class Parser(argparse.ArgumentParser):
    """Argument parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        """Raise ValueError instead of printing the usage."""
        raise ValueError(f"{one_line(message)} (see {self.prog} --help)")


def parse(words: list[str]) -> argparse.Namespace:
    """Parse a command line; only the module of its command is imported.

    Raises:
        ValueError: where it is wrong.
    """
    parser = Parser(prog="python -m train", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (module, text) in COMMANDS.items():
        command = commands.add_parser(name, help=text, description=text)
        if words[:1] == [name]:
            with without_collection():
                found = import_module(module)
            found.add_arguments(command)
    return parser.parse_args(words)


def main(argv: list[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: words after `python -m train`; by default the process's.

    Returns:
        The exit code: 0; 2 for wrong input, with one line on stderr; 130 after Ctrl-C.
    """
    try:
        with interruptible() as interrupt:
            args = parse(sys.argv[1:] if argv is None else argv)
            interrupt.ready = True
            import_module(COMMANDS[args.command][0]).run(args)
    except (ValueError, OSError, ImportError, FloatingPointError, BrokenProcessPool) as error:
        print(f"error: {printable(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # before and after the command there is nothing to end
    sys.exit(main())
