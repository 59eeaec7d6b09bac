"""Command `python -m train report`."""

import argparse

from train.release import report


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add no argument: the report is about all that is bundled."""


def run(args: argparse.Namespace) -> None:
    """Write tables and pictures."""
    report.report()
