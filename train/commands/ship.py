"""Command `python -m train ship`."""

import argparse
from pathlib import Path

from train.release import ship


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("--autoencoder", type=Path, metavar="RUN", help="the stage 1 run, with --rdm")
    parser.add_argument("--rdm", type=Path, metavar="RUN", help="the stage 2 run")
    parser.add_argument("--relief", type=Path, metavar="RUN", help="add this to the bundled checkpoint --name")
    parser.add_argument("--enlarger", type=Path, metavar="RUN", help="likewise")
    parser.add_argument("--prior", type=Path, metavar="RUN", help="likewise")
    parser.add_argument("--pcl", type=Path, metavar="RUN", help="a run of PCL, instead of these two")
    parser.add_argument("--name", help="default: explorer, or pcl")


def run(args: argparse.Namespace) -> None:
    """Bundle both stages, what is added to them, or PCL."""
    more = {kind: run for kind in ("relief", "enlarger", "prior") if (run := getattr(args, kind))}
    kinds = (args.autoencoder or args.rdm, more, args.pcl)
    if sum(map(bool, kinds)) != 1 or bool(args.autoencoder) != bool(args.rdm) or {"relief", "enlarger"} <= more.keys():
        raise ValueError(
            "ship takes --autoencoder and --rdm, or --relief or --enlarger, with or without --prior, "
            "or --prior alone, or --pcl"
        )
    if more:
        ship.ship_more(args.name or "explorer", more)
    elif args.pcl:
        ship.ship_pcl(args.pcl, args.name or "pcl")
    else:
        ship.ship(args.autoencoder, args.rdm, args.name or "explorer")
