# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A simulated tenant in this process, and tasks that run like the action plugin runs them, but without Ansible."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import typing as t
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import orjson
import yaml
from aiohttp import web
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.esper.cloud.plugins.module_utils.catalog import definition_of
from ansible_collections.esper.cloud.plugins.module_utils.model.walk import secret_texts, type_mismatch
from ansible_collections.esper.cloud.plugins.module_utils.module import argument_spec, perform
from ansible_collections.esper.cloud.plugins.module_utils.task import (
    ModuleDefinition,
    ModuleResult,
    RunContext,
    unknown_result,
)
from ansible_collections.esper.cloud.tests.laws.preparations import Preparation, Row
from contract import Contract
from process import ENTERPRISE_ID, Simulator
from server import Server
from tenant import Settings

KEY = "k3y-Of-The-Laws-0123456789"

# What changes the JSON of a response, if it changes it: from method, path and body to the new body.
Rewrite = t.Callable[[str, str, t.Any], t.Any]
# What runs a task with the arguments of a user.
Door = t.Callable[[ModuleDefinition, Row, RunContext], ModuleResult]


@dataclass(frozen=True)
class Answer:
    """A response of the simulated tenant; ``body`` is its JSON, None if it has none."""

    method: str
    path: str
    status: int
    body: t.Any


class EmbeddedSimulator(Simulator):
    """The simulator in a thread of this process. ``answers`` are its responses, after ``rewrites`` changed them."""

    def __init__(self) -> None:
        super().__init__(api_key=KEY)
        self.answers: list[Answer] = []
        self.rewrites: list[Rewrite] = []
        self._loop = asyncio.new_event_loop()

    def __enter__(self) -> EmbeddedSimulator:
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self.url = asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(60)
        return self

    def stop(self) -> int:
        """Stop to respond."""
        asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        return 0

    def reset(self, **sizes: t.Any) -> None:
        """Start again with a new tenant that does nothing wrong. This is not a request, because each test does it."""
        self._server._begin(replace(self._server._settings, **sizes))
        self.answers.clear()
        self.rewrites.clear()

    def journal(self, since: int = 0) -> list[Row]:
        """Return the requests with a higher number than that, like the journal over HTTP, but at once."""
        return self._server._journal.since(since)

    async def _start(self) -> str:
        settings = Settings(devices=3, groups=3, tags=2, seed=7, api_key=KEY, enterprise_id=ENTERPRISE_ID)
        self._server = Server(settings)
        application = self._server.application()
        application.middlewares.append(self._observe)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}/api"

    @web.middleware
    async def _observe(self, request: web.Request, handler: t.Any) -> web.StreamResponse:
        response: web.StreamResponse = await handler(request)
        if not (request.path.startswith("/api/") and isinstance(response, web.Response)):
            return response
        path, raw = request.path.removeprefix("/api"), response.body
        if not (isinstance(raw, bytes) and raw and response.content_type == "application/json"):
            self.answers.append(Answer(request.method, path, response.status, None))
            return response
        body = orjson.loads(raw)
        for rewrite in self.rewrites:
            body = rewrite(request.method, path, body)
        self.answers.append(Answer(request.method, path, response.status, body))
        if self.rewrites:
            response.body = orjson.dumps(body)
        return response


def read_diff(result: Row) -> t.Any:
    """Return the diff in a result, with its sides as data in place of YAML."""
    diff = result.get("diff")
    if diff is None:
        return None
    return [{**entry, **{side: _read_side(entry[side]) for side in ("before", "after")}} for entry in diff]


def _read_side(text: str) -> t.Any:
    """Return one side of a diff as data. The content of a file stays a text."""
    value = yaml.load(text, Loader=yaml.CSafeLoader) if text else {}
    return value if isinstance(value, dict) else text


@dataclass
class Run:
    """The outcome of a task: all that a user can see, and the requests that were sent for it."""

    result: Row
    warnings: list[str]
    progress: list[str]
    log: list[str]
    requests: list[Row]

    @property
    def failed(self) -> bool:
        return bool(self.result.get("failed"))

    @property
    def changed(self) -> bool:
        return bool(self.result.get("changed"))

    @property
    def message(self) -> str:
        return str(self.result.get("msg", ""))

    @property
    def diff(self) -> t.Any:
        """The diff with its sides as data."""
        return read_diff(self.result)

    @property
    def writes(self) -> list[str]:
        """The write requests as METHOD and path."""
        return [f"{each['method']} {each['path']}" for each in self.requests if each["method"] != "GET"]

    @property
    def shown(self) -> str:
        """All that a user can see, as one text."""
        return repr((self.result, self.warnings, self.progress, self.log))


def enter(task: ModuleDefinition, args: Row, context: RunContext) -> ModuleResult:
    """Validate and run a task like plugins/action/api.py. Secrets that the task shows are not masked here, although
    Ansible masks them: nothing may rely on that."""
    args = dict(task.with_short_items(args))
    visits = task.visit(args)
    if why := type_mismatch(visits.all):
        return ModuleResult({"failed": True, "msg": why})
    if unknown := unknown_result(task, visits, check_mode=context.check_mode):
        return unknown
    checked = ArgumentSpecValidator(argument_spec(task, {}), **task.rules).validate(args)
    if checked.error_messages:
        return ModuleResult({"failed": True, "msg": str(checked.errors.msg)})
    outcome, _secrets = perform(task, checked.validated_parameters, context, args)
    return outcome


@dataclass
class World:
    """A tenant to test a law on.

    ``door`` runs the tasks; a test of the laws replaces it. ``secrets`` are those of the tasks so far, and
    ``connection`` are connection options.
    """

    simulator: EmbeddedSimulator
    contract: Contract
    folder: Path
    door: Door = enter
    secrets: set[str] = field(default_factory=set)
    connection: Row = field(default_factory=lambda: {"enterprise_id": ENTERPRISE_ID})

    def begin(self, preparation: Preparation) -> None:
        """Start with a new tenant, and prepare it for a kind."""
        self.simulator.reset()
        for name, data in preparation.files.items():
            (self.folder / name).write_bytes(data)
        for module, options in preparation.tasks:
            self.must(module, options)
        self.simulator.answers.clear()

    def run(self, module: str, options: Row, *, check_mode: bool = False) -> Run:
        """Run a module with the options of a user, as with -vvv and --diff."""
        task, progress = definition_of(module), list[str]()
        connection = {"api_url": self.simulator.url, "api_key": KEY, "retries": 2, **self.connection}
        args = json.loads(json.dumps({**connection, **options}))
        self.secrets.update(secret_texts(task.visit(args).all), [KEY])
        context = RunContext(check_mode=check_mode, diff=True, verbosity=3, progress=progress.append)
        with _logged() as log:
            outcome = self.door(task, args, context)
        requests = self.simulator.journal(self._seen)
        self._seen = requests[-1]["seq"] if requests else self._seen
        return Run(outcome.result, outcome.warnings, progress, log, requests)

    def must(self, module: str, options: Row, *, check_mode: bool = False) -> Run:
        """Run a module that must not fail."""
        run = self.run(module, options, check_mode=check_mode)
        assert not run.failed, f"{module} with {options} failed: {run.message}"
        return run

    _seen: int = 0


@contextmanager
def _logged() -> Iterator[list[str]]:
    """Collect all that is logged at any level."""
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    root, level = logging.getLogger(), logging.getLogger().level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield lines
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
