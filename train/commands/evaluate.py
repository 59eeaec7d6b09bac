"""Command `python -m train evaluate`."""

import argparse
from pathlib import Path

from train.evaluation import suites


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("--suite", required=True, help=", ".join(suites.SUITES))
    parser.add_argument(
        "--checkpoint", action="append", metavar="NAME|DIR", help="default explorer; probes take several"
    )
    parser.add_argument(
        "--data", action="append", required=True, metavar="[KIND:]PATH", help="london:FILE.tar with its csv beside it"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True, metavar="results.json")


def run(args: argparse.Namespace) -> None:
    """Measure, and print every number."""
    results = suites.evaluate(args.suite, args.checkpoint or ["explorer"], args.data, args.out, args.seed)
    for name, value in results.items():
        if isinstance(value, (int, float)):
            print(f"{name:40} {value:.4g}")
