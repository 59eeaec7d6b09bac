"""Check types with pyright against a baseline of errors per file that may only shrink.

`python tools/check_types.py` fails where a file has more errors than tools/types_baseline.json allows, or fewer: then
`python tools/check_types.py --write` takes the smaller numbers into the baseline. It never takes larger ones.
"""

import argparse
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parent.parent
BASELINE = Path(__file__).with_name("types_baseline.json")


def count_errors(report: dict) -> Counter[str]:
    """Count pyright's errors.

    Args:
        report: What `pyright --outputjson` printed.

    Returns:
        Errors of each file that has some, by its path from the root of the checkout.
    """
    errors = [found for found in report["generalDiagnostics"] if found["severity"] == "error"]
    return Counter(Path(found["file"]).relative_to(ROOT).as_posix() for found in errors)


def compare(found: Counter[str], allowed: dict[str, int]) -> tuple[list[str], list[str]]:
    """Compare errors with the baseline.

    Args:
        found: Errors of each file.
        allowed: Errors of each file that the baseline allows.

    Returns:
        Files with more errors than allowed, and files with fewer.
    """
    names = sorted({*found, *allowed})
    more = [name for name in names if found[name] > allowed.get(name, 0)]
    return more, [name for name in names if found[name] < allowed.get(name, 0)]


def main(argv: list[str] | None = None) -> int:
    """Run pyright and compare; return the exit code."""
    parser = argparse.ArgumentParser(description="Check types against the baseline.")
    parser.add_argument("--write", action="store_true", help="take smaller numbers into the baseline")
    args = parser.parse_args(argv)
    for stub in ROOT.glob("app/**/*.pyi"):
        stub.unlink()  # gradio writes these beside components when the app starts; pyright would read them instead
    command = [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable]
    quiet = {**os.environ, "PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=quiet)
    if done.returncode not in (0, 1):
        print(done.stdout + done.stderr, file=sys.stderr)
        return 2
    report = json.loads(done.stdout)
    found = count_errors(report)
    allowed = json.loads(BASELINE.read_text())
    more, fewer = compare(found, allowed)
    for name in more:
        print(f"{name}: {found[name]} type errors, {allowed.get(name, 0)} allowed")
        for one in report["generalDiagnostics"]:
            if one["severity"] == "error" and one["file"] == str(ROOT / name):
                print(f"  {one['range']['start']['line'] + 1}: {one['message']}")
    total = f"{found.total()} type errors in {report['summary']['filesAnalyzed']} files"
    if args.write:
        smaller = {name: min(found[name], count) for name, count in sorted(allowed.items()) if found[name]}
        BASELINE.write_text(json.dumps(smaller, indent=0) + "\n")
    elif fewer:
        print(f"fewer errors than the baseline says in {', '.join(fewer)}: python tools/check_types.py --write")
        return 1
    print(f"{total}, {sum(allowed.values())} in the baseline")
    return 1 if more else 0


if __name__ == "__main__":
    sys.exit(main())
