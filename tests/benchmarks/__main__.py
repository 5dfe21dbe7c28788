# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure the collection against what else there is, a file for each subject: python tests/benchmarks --help.

What is compared runs in turns, round after round, and ratios are those of medians within one run: they mean more than
seconds, which are another machine's.
"""

from __future__ import annotations

import argparse
import importlib
import subprocess
import sys

from measuring import HERE, Options, show
from stage import stage

SUBJECTS = ("inventory", "devices", "loops", "bulk", "bare", "imports")


def main() -> None:
    """Measure what the command line asks for, and print tables."""
    subjects, options = _options()
    if len(subjects) > 1:
        # Each in a process of its own: what one has read would be in the memory that the next one measures.
        for subject in subjects:
            if code := subprocess.run([sys.executable, HERE, subject, *options.arguments()], check=False).returncode:
                sys.exit(code)
        return
    stage()
    for each in importlib.import_module(subjects[0]).tables(options):
        show(each)


def _options() -> tuple[list[str], Options]:
    parser = argparse.ArgumentParser(prog="python tests/benchmarks", description=__doc__)
    # No choices: before Python 3.12, argparse held an empty list against them.
    parser.add_argument("subjects", nargs="*", metavar="SUBJECT", help=f"of {', '.join(SUBJECTS)} (default: all)")
    parser.add_argument("--sizes", nargs="+", type=int, default=[], help="numbers of things (default: the subject's)")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is run, for medians")
    parser.add_argument("--latency-ms", type=int, default=100, help="of each request, where there is any")
    parser.add_argument("--profile", action="store_true", help="show what the inventory's time goes into instead")
    given = parser.parse_args()
    if unknown := set(given.subjects) - set(SUBJECTS):
        parser.error(f"no such subject: {', '.join(sorted(unknown))}")
    subjects = ["inventory"] if given.profile else [each for each in SUBJECTS if each in (given.subjects or SUBJECTS)]
    return subjects, Options(tuple(given.sizes), given.rounds, given.latency_ms, given.profile)


if __name__ == "__main__":
    main()
