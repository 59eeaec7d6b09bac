"""Command `python -m train simclr`."""

import argparse

from train.commands.training import add_run_arguments, chosen
from train.contrastive import simclr


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    add_run_arguments(parser, simclr.PRESETS)


def run(args: argparse.Namespace) -> None:
    """Train."""
    simclr.train(chosen(simclr.PRESETS, args), args.data, args.out, args.resume)
