# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Create the environments and run the checks. See python3 tests/checks --help."""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from changed import changed_files, select
from checks import CHECKS, Arguments, Check
from environments import Environment, every_core, exactly, newest, oldest
from interpreters import interpreters
from stage import CHECKOUT, stage

LOGS = CHECKOUT / "tests" / "output" / "checks"
TAIL = 60


@dataclass(frozen=True)
class Job:
    """A check in an environment."""

    check: Check
    environment: Environment
    arguments: Arguments


class Run:
    """One run of several checks and its results."""

    def __init__(self, live: bool, jobs: int) -> None:
        self._live = live
        self._jobs = 1 if live else jobs
        self._started = time.monotonic()
        self.passed = 0
        self.failed = 0
        self.results: dict[tuple[str, str], str] = {}

    def make_environments(self, environments: list[Environment], selected: list[Check]) -> list[Environment]:
        """Install the packages of the checks, and return the environments in which that succeeded."""
        with ThreadPoolExecutor(self._jobs) as pool:
            made = list(pool.map(lambda each: self._make_environment(each, selected), environments))
        return [each for each, is_made in zip(environments, made, strict=True) if is_made]

    def run(self, jobs: list[Job]) -> None:
        """Run checks, several at a time."""
        with ThreadPoolExecutor(self._jobs) as pool:
            list(pool.map(self._check, jobs))

    def close(self) -> int:
        """Print the totals and return the exit code."""
        usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        seconds = time.monotonic() - self._started
        _print(_line("", "total", seconds, sum(each.ru_utime + each.ru_stime for each in usage)))
        _print(f"checks: {self.passed} passed, {self.failed} failed")
        return 1 if self.failed else 0

    def _make_environment(self, environment: Environment, selected: list[Check]) -> bool:
        layers = ["runtime", "simulator", "units"]
        if environment.name == "newest" and any(check.needs_tools for check in selected):
            layers.append("tools")
        started = time.monotonic()
        log = _log("environment", environment)
        what = ("environment", environment.name)
        try:
            with log.open("w") as file:
                environment.install(*layers, log=file)
        except subprocess.CalledProcessError:
            self._report(False, what, started, log=log)
            return False
        self._report(True, what, started, detail=environment.describe())
        return True

    def _check(self, job: Job) -> None:
        started = time.monotonic()
        log = _log(job.check.name, job.environment)
        cpu = None
        try:
            code, cpu = self._command(job, log)
        except (OSError, subprocess.SubprocessError) as error:
            log.write_text(f"The check did not start: {error}\n")
            code = 1
        self._report(code == 0, (job.check.name, job.environment.name), started, cpu, log=log)

    def _command(self, job: Job, log: Path) -> tuple[int, float]:
        """Return the exit code and the CPU seconds of the command and all its descendants."""
        # A copy for each check, because two runs of ansible-test in one directory disturb each other.
        collections = CHECKOUT / ".ansible" / "checks" / f"{job.check.name}-{job.environment.name}"
        with (
            log.open("w") as file,
            subprocess.Popen(
                (*job.check.command, *job.arguments),
                cwd=stage(collections),
                env=job.environment.variables(collections),
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
            # Popen.wait does not return the usage of this process alone.
            _pid, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        return process.returncode, usage.ru_utime + usage.ru_stime

    def _report(
        self,
        passed: bool,
        what: tuple[str, str],
        started: float,
        cpu: float | None = None,
        detail: str = "",
        log: Path | None = None,
    ) -> None:
        self.passed += passed
        self.failed += not passed
        seconds = time.monotonic() - started
        name, environment = what
        self.results[what] = detail or f"{'ok' if passed else 'FAIL'} {seconds:.0f} s"
        line = f"{_line('ok' if passed else 'FAIL', f'{name} ({environment})', seconds, cpu)}  {detail}".rstrip()
        if log and not passed:
            tail = [] if self._live else log.read_text(errors="replace").splitlines()[-TAIL:]
            line = "\n".join([line, *(f"     {text}" for text in tail), f"     log: {log.relative_to(CHECKOUT)}"])
        _print(line)


def main() -> int:
    """Run the checks that the command line selects."""
    options = _options()
    if options.list:
        for check in CHECKS:
            _print(f"{check.name:<15}{check.proves}")
        return 0

    LOGS.mkdir(parents=True, exist_ok=True)
    if len(interpreters()) == 1:
        _print("Only one usable Python was found. The newest and the oldest ansible-core for it are tested.")
    if options.matrix:
        return _matrix(options)
    if options.changed:
        return _changed(options)
    if options.release:
        return _release(options)

    selected = [check for check in CHECKS if not options.names or check.name in options.names]
    if options.core:
        environments = [exactly(options.core)]
    else:
        environments = [each for each in (newest(), oldest()) if options.environment in (None, each.name)]
    return _run(options, selected, environments)


def _run(options: argparse.Namespace, selected: list[Check], environments: list[Environment]) -> int:
    jobs = [
        Job(check, environment, arguments)
        for check in selected
        for environment in environments
        if (arguments := check.arguments(environment.name)) is not None
    ]
    used = {job.environment.name for job in jobs}
    run = Run(len(selected) == 1, options.jobs)
    made = run.make_environments([each for each in environments if each.name in used], selected)
    run.run([job for job in jobs if job.environment in made])
    return run.close()


def _changed(options: argparse.Namespace) -> int:
    """Run the checks that the changed files need, on the newest ansible-core."""
    selected, unmatched = select(changed_files())
    for name, selection in selected.items():
        _print(f"{name}: {selection}")
    if unmatched:
        _print(f"No check for {', '.join(unmatched)}.")
    environment = newest()
    jobs = [
        Job(check, environment, tuple(found.arguments) or check.newest or ())
        for check in CHECKS
        if (found := selected.get(check.name))
    ]
    run = Run(len(jobs) == 1, options.jobs)
    if jobs and run.make_environments([environment], [job.check for job in jobs]):
        run.run(jobs)
    _print("`make test` runs more: all checks, and on the oldest ansible-core, too.")
    return run.close()


def _matrix(options: argparse.Namespace) -> int:
    """Run the checks that depend on ansible-core with each ansible-core, one core after the other to save memory."""
    environments, missing = every_core()
    selected = [check for check in CHECKS if check.matrix is not None and check.name in (options.names or [check.name])]
    run = Run(False, options.jobs)
    for environment in environments:
        is_end = environment in (environments[0], environments[-1])
        where = f"matrix-{environment.name}" if is_end else environment.name
        jobs = [
            Job(check, environment, arguments)
            for check in selected
            if (arguments := check.arguments(where)) is not None
        ]
        if run.make_environments([environment], [job.check for job in jobs]):
            run.run(jobs)

    _print(
        "\n"
        + "".join(f"{name:<38}" if name == "" else f"{name:<14}" for name in ("", *(each.name for each in selected)))
    )
    for environment in environments:
        title = run.results[("environment", environment.name)]
        cells = (run.results.get((check.name, environment.name), "-") for check in selected)
        _print(f"{title:<38}" + "".join(f"{cell:<14}" for cell in cells).rstrip())
    for core in missing:
        _print(f"ansible-core {core} was not tested: no Python of this machine runs it.")
    return run.close()


def _release(options: argparse.Namespace) -> int:
    """Run the checks that a release needs in addition to `make test`, on the newest ansible-core."""
    environment = newest()
    jobs = [
        Job(check, environment, check.release)
        for check in CHECKS
        if check.release is not None and check.name in (options.names or [check.name])
    ]
    run = Run(len(jobs) == 1, options.jobs)
    if run.make_environments([environment], [job.check for job in jobs]):
        run.run(jobs)
    return run.close()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python3 tests/checks", description=__doc__)
    names = [check.name for check in CHECKS]
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"checks to run, of {', '.join(names)} (default: all)")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--environment", choices=("newest", "oldest"), help="check with this ansible-core only")
    which.add_argument(
        "--core", metavar="2.N", help="check with this ansible-core, on the Python that runs this program"
    )
    which.add_argument(
        "--matrix", action="store_true", help="run the checks that depend on ansible-core with each supported version"
    )
    which.add_argument("--release", action="store_true", help="run the checks for a release")
    which.add_argument("--changed", action="store_true", help="run the checks for the changes since the branch main")
    # One more than there are processors, because tests also wait.
    jobs = (os.cpu_count() or 1) + 1
    parser.add_argument("--jobs", type=int, default=jobs, help="how many checks run at a time")
    parser.add_argument("--list", action="store_true", help="show what each check proves")
    options = parser.parse_args()
    if unknown := set(options.names) - set(names):
        parser.error(f"no such check: {', '.join(sorted(unknown))}")
    if options.changed and options.names:
        parser.error("--changed selects the checks itself")
    where = options.core or ("matrix" if options.matrix else options.environment)
    absent = {check.name for check in CHECKS if where and check.arguments(where) is None}
    if excess := absent & set(options.names):
        parser.error(f"does not run with this ansible-core: {', '.join(sorted(excess))}")
    absent = {check.name for check in CHECKS if options.release and check.release is None}
    absent |= {
        check.name for check in CHECKS if not (where or options.release) and check.newest is check.oldest is None
    }
    if excess := absent & set(options.names):
        parser.error(f"runs with other options only: {', '.join(sorted(excess))}")
    return options


def _line(result: str, what: str, seconds: float, cpu: float | None) -> str:
    return f"{result:<5}{what:<26}{seconds:5.0f} s{'' if cpu is None else f'{cpu:7.0f} s CPU'}"


def _log(name: str, environment: Environment) -> Path:
    return LOGS / f"{name}-{environment.name}.log"


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
