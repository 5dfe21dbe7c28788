# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A simulated tenant behind a proxy, a clock, and tasks that are run as modules run them."""

from __future__ import annotations

import random
import socket
import time
import typing as t
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from ansible_collections.esper.cloud.plugins.module_utils.catalog import task_of
from ansible_collections.esper.cloud.plugins.module_utils.http.connection import OPTIONS
from ansible_collections.esper.cloud.plugins.module_utils.task import RunContext, execute
from ansible_collections.esper.cloud.tests.faults.proxy import Proxy
from ansible_collections.esper.cloud.tests.unit.authority import Authority

if t.TYPE_CHECKING:
    from process import Simulator

Row = dict[str, t.Any]

KEY = "k3y-Of-The-Tests-0123456789"
# Names that only the tests' own resolver knows.
TENANT, ELSEWHERE = "tenant.test", "elsewhere.test"
DEADLINE, TIMEOUT, RETRIES = 120.0, 10.0, 2
# What a busy machine may take on top of a task's own bound.
_LEEWAY = 5.0


class Clock:
    """The time, in which waiting takes none: it is skipped."""

    def __init__(self) -> None:
        self._skipped = 0.0
        self.on_wait: t.Callable[[], None] = lambda: None

    def monotonic(self) -> float:
        return time.monotonic() + self._skipped

    def time(self) -> float:
        return time.time() + self._skipped

    def wait(self, seconds: float) -> None:
        if seconds > 0:
            self._skipped += seconds
            self.on_wait()


class Resolver:
    """Stands in for the system's: the hosts of the tests are this machine, and there are no others."""

    def __init__(self, real: t.Callable[..., t.Any]) -> None:
        self._real = real
        self._asked = 0
        self._failure: tuple[int, int, int | None] | None = None

    def work(self) -> None:
        self._asked, self._failure = 0, None

    def fail(self, code: int, after: int, times: int | None) -> None:
        self._failure = code, after, times

    def __call__(self, host: str, *arguments: t.Any, **options: t.Any) -> t.Any:
        if host in (TENANT, ELSEWHERE):
            number, self._asked = self._asked, self._asked + 1
            if self._failure:
                code, after, times = self._failure
                if after <= number and (times is None or number < after + times):
                    raise socket.gaierror(code, "no such host, or nobody to ask")
            host = "127.0.0.1"
        return self._real(host, *arguments, **options)


class Certificates:
    """What the tenant may show: the right certificate, and wrong ones. ``path`` is the CA that is trusted."""

    def __init__(self, folder: Path) -> None:
        (folder / "unknown").mkdir()
        authority = Authority(folder)
        self.path = authority.path
        self.good = authority.context(TENANT)
        self.expired = authority.context(TENANT, -1)
        self.foreign = authority.context(ELSEWHERE)
        self.unknown = Authority(folder / "unknown").context(TENANT)


@dataclass
class Run:
    """What came of a task: all that a user can see of it, and how long it took by the clock."""

    result: Row
    warnings: list[str]
    told: list[str]
    seconds: float
    allowed: float

    @property
    def failed(self) -> bool:
        return bool(self.result.get("failed"))

    @property
    def message(self) -> str:
        return str(self.result.get("msg", ""))

    @property
    def shown(self) -> str:
        return repr((self.result, self.warnings, self.told))


@dataclass
class World:
    """All that a cell of the matrix needs. ``trap`` is where no request may ever come."""

    simulator: Simulator
    clock: Clock
    resolver: Resolver
    certificates: Certificates
    folder: Path
    plain: Proxy
    secure: Proxy
    trap: Proxy
    is_secure: bool = False
    options: Row = field(default_factory=dict)

    @property
    def proxy(self) -> Proxy:
        return self.secure if self.is_secure else self.plain

    @property
    def deadline(self) -> float:
        return float(self.options.get("deadline", DEADLINE))

    @property
    def url(self) -> str:
        return f"{'https' if self.is_secure else 'http'}://{TENANT}:{self.proxy.port}/api"

    def begin(self, **sizes: int) -> None:
        """A new tenant, in which all is well."""
        self.simulator.reset(**sizes)
        self.recover()
        self.is_secure, self.options = False, {}
        random.seed(7)

    def recover(self) -> None:
        """All is well again; the tenant is as it has become."""
        self.simulator.clear_faults()
        self.simulator.clear_journal()
        self.resolver.work()
        self.clock.on_wait = lambda: None
        self.secure.context = lambda _number: self.certificates.good
        for each in (self.plain, self.secure, self.trap):
            each.behave()

    def run(self, module: str, **given: t.Any) -> Run:
        """Do a module's task."""
        task = task_of(module)
        options = {"timeout": TIMEOUT, "retries": RETRIES, **self.options, "deadline": self.deadline}
        defaults = {name: spec.get("default") for name, spec in task.options.items()}
        defaults |= {option.name: option.default for option in OPTIONS}
        own = {"api_url": self.url, "api_key": KEY, "ca_path": str(self.certificates.path)}
        told: list[str] = []
        begun = self.clock.monotonic()
        outcome = execute(
            task,
            {**defaults, **own, **options, **given},
            RunContext(diff=True, verbosity=3, progress=told.append),
            user_agent="faults",
        )
        seconds = self.clock.monotonic() - begun
        # Following and uploading have so much time again from when they begin.
        extended = self.deadline if {"wait_timeout", "upload_deadline"} & given.keys() else 0.0
        allowed = self.deadline + extended + options["timeout"] + _LEEWAY
        return Run(outcome.result, outcome.warnings, told, seconds, allowed)


def upstream(simulator: Simulator) -> tuple[str, int]:
    """Where the simulator listens."""
    url = urlsplit(simulator.url)
    return str(url.hostname), int(url.port or 80)
