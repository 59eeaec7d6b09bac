"""Command `python -m train pcl`."""

import argparse

from train.commands.training import add_run_arguments, chosen
from train.contrastive import pcl


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    add_run_arguments(parser, pcl.PRESETS)


def run(args: argparse.Namespace) -> None:
    """Train."""
    pcl.train(chosen(pcl.PRESETS, args), args.data, args.out, args.resume)
