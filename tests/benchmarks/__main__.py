# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare the collection with its alternatives, with one file for each subject: python tests/benchmarks --help.

The compared commands run in turns, round after round. Each ratio is one median divided by another median of the same
run. Ratios mean more than seconds, which depend on the machine.
"""

from __future__ import annotations

import argparse
import importlib
import subprocess
import sys

from measuring import HERE, Options, show
from stage import stage

SUBJECTS = ("inventory", "devices", "loops", "bulk", "bare", "people", "pipelines", "rollout", "tree", "imports")


def main() -> None:
    """Run the subjects of the command line, and print their tables."""
    subjects, options = _options()
    if len(subjects) > 1:
        # Each in its own process, because the next subject would measure the memory of this one.
        for subject in subjects:
            if code := subprocess.run([sys.executable, HERE, subject, *options.arguments()], check=False).returncode:
                sys.exit(code)
        return
    stage()
    for each in importlib.import_module(subjects[0]).tables(options):
        show(each)


def _options() -> tuple[list[str], Options]:
    parser = argparse.ArgumentParser(prog="python tests/benchmarks", description=__doc__)
    # Without choices, because argparse before Python 3.12 rejects an empty list.
    parser.add_argument("subjects", nargs="*", metavar="SUBJECT", help=f"{', '.join(SUBJECTS)} (default: all)")
    parser.add_argument(
        "--sizes", nargs="+", type=int, default=[], help="numbers of objects (default: those of the subject)"
    )
    parser.add_argument("--rounds", type=int, default=3, help="number of runs, for medians")
    parser.add_argument("--latency-ms", type=int, default=100, help="latency of each request, if the subject has any")
    parser.add_argument("--profile", action="store_true", help="profile the inventory instead")
    given = parser.parse_args()
    if unknown := set(given.subjects) - set(SUBJECTS):
        parser.error(f"unknown subject: {', '.join(sorted(unknown))}")
    subjects = ["inventory"] if given.profile else [each for each in SUBJECTS if each in (given.subjects or SUBJECTS)]
    return subjects, Options(tuple(given.sizes), given.rounds, given.latency_ms, given.profile)


if __name__ == "__main__":
    main()
