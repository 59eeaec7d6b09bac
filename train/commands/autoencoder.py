"""Command `python -m train autoencoder`."""

import argparse

from train.commands.training import add_run_arguments, chosen
from train.stage1 import trainer
from train.stage1.config import PRESETS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    add_run_arguments(parser, PRESETS)


def run(args: argparse.Namespace) -> None:
    """Train stage 1."""
    trainer.train(chosen(PRESETS, args), args.data, args.out, args.resume)
