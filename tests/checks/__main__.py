# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the environments and run the checks: python3 tests/checks --help."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from checks import CHECKS, Check
from environments import Environment, exactly, newest, oldest
from interpreters import interpreters
from stage import CHECKOUT, stage

LOGS = CHECKOUT / "tests" / "output" / "checks"
TAIL = 60


class Run:
    """One run of some checks and what came of it."""

    def __init__(self, live: bool) -> None:
        self._live = live
        self.passed = 0
        self.failed = 0

    def environment(self, environment: Environment, selected: list[Check]) -> Environment | None:
        """Make an environment with what the selected checks need in it and return it, or None if that failed."""
        layers = ["runtime", "simulator", "units"]
        if environment.name == "newest" and not all(check.every_core for check in selected):
            layers.append("tools")
        started = time.monotonic()
        log = _log("environment", environment)
        try:
            with log.open("w") as file:
                environment.install(*layers, log=file)
        except subprocess.CalledProcessError:
            self._report(False, f"environment ({environment.name})", started, log=log)
            return None
        self._report(True, f"environment ({environment.name})", started, environment.describe())
        return environment

    def check(self, check: Check, environment: Environment) -> None:
        """Run one check in one environment."""
        started = time.monotonic()
        log = _log(check.name, environment)
        try:
            passed = self._command(check, environment, log) == 0
        except (OSError, subprocess.SubprocessError) as error:
            log.write_text(f"The check did not start: {error}\n")
            passed = False
        self._report(passed, f"{check.name} ({environment.name})", started, log=log)

    def _command(self, check: Check, environment: Environment, log: Path) -> int:
        # A copy for each, because two runs of ansible-test in one directory disturb each other.
        collections = CHECKOUT / ".ansible" / "checks" / f"{check.name}-{environment.name}"
        with (
            log.open("w") as file,
            subprocess.Popen(
                check.command_for(environment.name),
                cwd=stage(collections),
                env=environment.variables(collections),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
            ) as process,
        ):
            assert process.stdout
            for line in process.stdout:
                file.write(line)
                if self._live:
                    _print(line.rstrip("\n"))
        return process.returncode

    def _report(self, passed: bool, what: str, started: float, detail: str = "", log: Path | None = None) -> None:
        self.passed += passed
        self.failed += not passed
        line = f"{'ok' if passed else 'FAIL':<5}{what:<26}{time.monotonic() - started:5.0f} s  {detail}".rstrip()
        if log and not passed:
            tail = [] if self._live else log.read_text(errors="replace").splitlines()[-TAIL:]
            line = "\n".join([line, *(f"     {text}" for text in tail), f"     log: {log.relative_to(CHECKOUT)}"])
        _print(line)


def main() -> int:
    """Run the checks that the command line names, or all."""
    options = _options()
    if options.list:
        for check in CHECKS:
            _print(f"{check.name:<15}{check.proves}")
        return 0

    LOGS.mkdir(parents=True, exist_ok=True)
    selected = [check for check in CHECKS if not options.names or check.name in options.names]
    if options.core:
        wanted = [exactly(options.core)]
    else:
        needed = ["newest", "oldest"] if any(check.every_core for check in selected) else ["newest"]
        wanted = [
            each for each in (newest(), oldest()) if each.name in needed and options.environment in (None, each.name)
        ]
        if len(interpreters()) == 1:
            _print("Only one usable Python was found. The newest and the oldest ansible-core for it are tested.")

    live = len(selected) == 1
    run = Run(live)
    with ThreadPoolExecutor(options.jobs) as pool:
        made = list(filter(None, pool.map(lambda environment: run.environment(environment, selected), wanted)))
    tasks = [(check, each) for check in selected for each in made if check.every_core or each.name == "newest"]
    with ThreadPoolExecutor(1 if live else options.jobs) as pool:
        list(pool.map(lambda task: run.check(*task), tasks))
    _print(f"checks: {run.passed} passed, {run.failed} failed")
    return 1 if run.failed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python3 tests/checks", description=__doc__)
    names = [check.name for check in CHECKS]
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"what to check, of {', '.join(names)} (default: all)")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--environment", choices=("newest", "oldest"), help="check with this ansible-core only")
    which.add_argument("--core", metavar="2.N", help="check with this ansible-core, on the Python that runs this")
    # One more than there are processors, since tests also wait.
    jobs = (os.cpu_count() or 1) + 1
    parser.add_argument("--jobs", type=int, default=jobs, help="how many checks run at a time")
    parser.add_argument("--list", action="store_true", help="say what each check proves")
    options = parser.parse_args()
    if unknown := set(options.names) - set(names):
        parser.error(f"no such check: {', '.join(sorted(unknown))}")
    newest_only = {check.name for check in CHECKS if not check.every_core}
    if (options.core or options.environment == "oldest") and (excess := newest_only & set(options.names)):
        parser.error(f"runs with the newest ansible-core only: {', '.join(sorted(excess))}")
    return options


def _log(name: str, environment: Environment) -> Path:
    return LOGS / f"{name}-{environment.name}.log"


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
