# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Start the simulator as a process of its own and steer it from a test; the standard library is enough for that."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any

FOLDER = Path(__file__).resolve().parent
KEY = "simulator-key"
ENTERPRISE_ID = "5e9d1a7c-0b52-4c5e-9a51-3f0c7d2b8e64"

# An empty handler keeps loopback traffic away from a proxy named in the environment.
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Simulator:
    """A running simulator; leaving the `with` block stops it.

    ```python
    with Simulator(devices=200, groups=30) as simulator:
        client = Client(simulator.url, simulator.key)
        simulator.fault(kind="status", status=429, retry_after=1, times=2)
        ...
        assert simulator.writes() == []
    ```

    Options are those of the command line (`python tests/simulator --help`): `latency_ms=20` is `--latency-ms 20`.
    `python` is the interpreter to run it with: it needs the packages of requirements.txt, the caller does not.
    """

    def __init__(self, python: str = sys.executable, **options: object) -> None:
        self._python = python
        self._options = {"port": 0, **options}
        self.key = str(options.get("api_key", KEY))
        self.enterprise_id = str(options.get("enterprise_id", ENTERPRISE_ID))
        self.url = ""

    def __enter__(self) -> Simulator:
        arguments = [f"--{name.replace('_', '-')}={value}" for name, value in self._options.items()]
        self._process = subprocess.Popen([self._python, str(FOLDER), *arguments], stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        words = self._process.stdout.readline().split()
        if words[:1] != ["ready"]:
            raise RuntimeError(f"the simulator did not start; exit code {self._process.wait()}")
        self.url = words[1]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> int:
        """Stop the process; gives its exit code (0: it stopped cleanly)."""
        self._process.terminate()
        self._process.communicate(timeout=10)
        return self._process.returncode

    def journal(self, since: int = 0) -> list[dict[str, Any]]:
        """Every API request with a sequence number above `since`, oldest first."""
        entries: list[dict[str, Any]] = self._control("GET", f"journal?since={since}")
        return entries

    def writes(self, since: int = 0) -> list[dict[str, Any]]:
        """The journal without the GET requests."""
        return [entry for entry in self.journal(since) if entry["method"] != "GET"]

    def clear_journal(self) -> None:
        """Forget the requests so far; sequence numbers go on."""
        self._control("DELETE", "journal")

    def reset(self, **sizes: int) -> None:
        """Reset the tenant, with other `devices`, `groups`, `tags` and `seed` if set, and remove faults and journal."""
        self._control("POST", "reset", sizes)

    def fault(self, **fault: Any) -> None:
        """Make requests go wrong: `kind`, `method`, `path`, `times`, ... as listed in faults.py."""
        self._control("POST", "faults", fault)

    def clear_faults(self) -> None:
        """Behave again."""
        self._control("DELETE", "faults")

    def state(self, devices: bool = False) -> dict[str, Any]:
        """Return the stored objects of the tenant: groups, tags, blueprints and their versions, policies with their
        passwords, content, applications, commands, converges, operations, the progress of their tasks, and the number
        of devices. With `devices`, also return each device. The read does not advance anything."""
        state: dict[str, Any] = self._control("GET", f"state?devices={str(devices).lower()}")
        return state

    def change_devices(
        self, add: int = 0, remove: int | list[str] = 0, offline_percent: float | None = None
    ) -> dict[str, list[str]]:
        """Devices come and go behind the client's back; gives the ids `added` and `removed`. With `offline_percent`,
        that percentage of the Android devices is offline afterwards, and all others are online."""
        change = {"add": add, "remove": remove, "offline_percent": offline_percent}
        changed: dict[str, list[str]] = self._control("POST", "state/devices", change)
        return changed

    def set_devices(self, ids: list[str], **values: Any) -> None:
        """Set the `state`, `last_seen`, `group_id` or `name` of devices behind the client's back."""
        self._control("POST", "state/devices", {"change": ids, **values})

    def alarm(self, rule: str, device: str, time: str = "") -> None:
        """Add an alarm of a rule for a device, at a time or now."""
        self._control("POST", "alarms", {"rule": rule, "device": device, "time": time})

    def conduct(self, **conduct: Any) -> None:
        """Set how devices handle commands from now on: `polls`, `failing`, `silent`, `reason`, `waits`, `steps` and
        `reaches_all`, as in tasks.py."""
        self._control("POST", "commands", conduct)

    def version_conducts(self, *conducts: dict[str, Any]) -> None:
        """Set how devices converge to certain versions from now on, as in versions.py. The first match counts."""
        self._control("POST", "versions", list(conducts))

    def advance_commands(self, readings: int = 1) -> None:
        """Advance all commands, converges and operations as if each had been read the specified number of times."""
        self._control("POST", "commands/advance", {"readings": readings})

    def invitations(self, accept: list[str] | None = None, *, shows_meta: bool = True) -> None:
        """Let the people with these addresses accept their invitations, and show invitations with or without `meta`."""
        self._control("POST", "invitations", {"accept": accept or [], "shows_meta": shows_meta})

    def dep_syncs(self, **end: Any) -> None:
        """Set how the DEP syncs end that start from now on: `status`, `reason`, `failing`, see SyncEnd."""
        self._control("POST", "dep-syncs", end)

    def apple(self, **conduct: bool) -> None:
        """Set the conduct with files from Apple, as in AppleConduct of control.py."""
        self._control("POST", "apple", conduct)

    def sign_up(self) -> str:
        """Sign a person up at Google for the pending sign-up; gives the token that the callback URL gets."""
        return str(self._control("POST", "google")["enterprise_token"])

    def _control(self, method: str, path: str, body: object = None) -> Any:
        """Send a request to the control paths, which are next to the API and need no key."""
        request = urllib.request.Request(
            f"{self.url.removesuffix('/api')}/_simulator/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with _opener.open(request, timeout=60) as answer:
            return json.loads(answer.read() or b"null")
