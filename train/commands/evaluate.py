"""Command `python -m train evaluate`."""

import argparse
from pathlib import Path

from train.evaluation import suites
from train.evaluation.every_suite import evaluate_all


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("--suite", required=True, help=", ".join([*suites.SUITES, "all"]))
    parser.add_argument(
        "--checkpoint", action="append", metavar="NAME|DIR", help="default explorer; probes take several"
    )
    parser.add_argument(
        "--data", action="append", default=[], metavar="[KIND:]PATH", help="london:FILE.tar with its csv beside it"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--out", type=Path, metavar="results.json", help="of `all` a folder; without it, the checkpoint's own"
    )


def run(args: argparse.Namespace) -> None:
    """Measure, and print every number.

    Raises:
        ValueError: there is no --out, or `all` got several checkpoints.
    """
    checkpoints = args.checkpoint or ["explorer"]
    if args.suite == "all":
        if len(checkpoints) != 1:
            raise ValueError("--suite all takes one --checkpoint")
        evaluate_all(checkpoints[0], args.data, args.out, args.seed)
        return
    if args.out is None:
        raise ValueError("--out results.json is missing")
    results = suites.evaluate(args.suite, checkpoints, args.data, args.out, args.seed)
    for name, value in results.items():
        if isinstance(value, (int, float)):
            print(f"{name:40} {value:.4g}")
