# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A script with Esper's Python SDK: python sdk.py FILE, whose JSON has the calls and the devices.

No script can do less: it gets IDs, looks nothing up, and sends each call even if nothing differs.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import esperclient

Job = dict[str, Any]
# A function of the SDK, with its arguments.
Request = tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]


def main() -> None:
    """Send the calls, one after the other or in the threads of the SDK."""
    job = json.loads(Path(sys.argv[1]).read_text())
    configuration = esperclient.Configuration()
    configuration.host = job["url"]
    configuration.api_key["Authorization"] = job["key"]
    configuration.api_key_prefix["Authorization"] = "Bearer"
    client = esperclient.ApiClient(configuration)
    requests = [request for name in job["calls"] for request in CALLS[name](client, job)]
    if job["threads"]:
        answers = [function(*values, async_req=True, **named) for function, values, named in requests]
        for answer in answers:
            answer.get()
    else:
        for function, values, named in requests:
            function(*values, **named)


def move_each(client: Any, job: Job) -> Iterator[Request]:
    """Return a call for each device."""
    move = esperclient.DeviceGroupApi(client).partial_update_group
    for device in job["devices"]:
        yield move, (job["group"], job["enterprise"], {"device_ids": [device]}), {"action": "add"}


def move_all(client: Any, job: Job) -> Iterator[Request]:
    """Return calls with a list of devices. The API allows 1,000."""
    move = esperclient.DeviceGroupApi(client).partial_update_group
    for at in range(0, len(job["devices"]), 1000):
        some = job["devices"][at : at + 1000]
        yield move, (job["group"], job["enterprise"], {"device_ids": some}), {"action": "add"}


def alias_each(client: Any, job: Job) -> Iterator[Request]:
    """Return a command for each device, because each has another alias."""
    send = esperclient.CommandsV2Api(client).create_command
    for device in job["devices"]:
        command = esperclient.V0CommandRequest(
            command_type="DEVICE",
            devices=[device],
            command="UPDATE_DEVICE_CONFIG",
            command_args=esperclient.V0CommandArgs(device_alias_name=job["aliases"][device]),
        )
        yield send, (job["enterprise"], command), {}


CALLS = {"move each": move_each, "move all": move_all, "alias each": alias_each}

if __name__ == "__main__":
    main()
