"""`python -m tools.sentences`: what every catalogue of app/language lacks, and what in it no source has any more.

Exit code 1 where there is anything of the kind.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from app.language.catalogue import catalogue, files
from tools.sentences.check import Problems, problems
from tools.sentences.sources import gather


def main(argv: list[str] | None = None) -> int:
    """Say what is to be done, a line a sentence.

    Args:
        argv: Options; those of the command line where None.

    Returns:
        The exit code.
    """
    options = argparse.ArgumentParser(prog="python -m tools.sentences", description=(__doc__ or "").partition("\n")[0])
    options.add_argument("--list", action="store_true", help="list all sentences, each with the file it stands in")
    args = options.parse_args(argv)
    found, allowed = gather()
    if args.list:
        for sentence, place in found.items():
            print(f"{place}\t{sentence}")
        return 0
    broken = False
    for code, file in files().items():
        given = problems(catalogue(file)["sentences"], found, allowed)
        tell(file, given, found)
        broken |= bool(given)
        print(f"{code}: {len(found)} sentences, {len(given.missing)} lacking, {len(given.stale)} of no source")
    return int(broken)


def tell(file: Path, given: Problems, found: dict[str, str]) -> None:
    """Print what is wrong with one catalogue.

    Args:
        file: The catalogue.
        given: What is wrong.
        found: Sentence -> the file where it stands.
    """
    for sentence in given.missing:
        print(f"{file.name} lacks\t{found[sentence]}\t{sentence}")
    for sentence in given.stale:
        print(f"{file.name}: no source has\t{sentence}")
    for sentence in given.unlike:
        print(f"{file.name}: its {{parts}} or <marks> differ from the English\t{sentence}")


if __name__ == "__main__":
    sys.exit(main())
