# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A script that uses the Python SDK of Esper: python sdk.py FILE, with a JSON file of the actions.

It gets IDs, looks up nothing, and sends each call whether it is needed or not: no script can do less.
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
    """Send the calls, one after the other or by the SDK's own threads."""
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
    """A call for each device."""
    move = esperclient.DeviceGroupApi(client).partial_update_group
    for device in job["devices"]:
        yield move, (job["group"], job["enterprise"], {"device_ids": [device]}), {"action": "add"}


def move_all(client: Any, job: Job) -> Iterator[Request]:
    """The SDK's call takes a list, of which the API allows 1,000."""
    move = esperclient.DeviceGroupApi(client).partial_update_group
    for at in range(0, len(job["devices"]), 1000):
        some = job["devices"][at : at + 1000]
        yield move, (job["group"], job["enterprise"], {"device_ids": some}), {"action": "add"}


def alias_each(client: Any, job: Job) -> Iterator[Request]:
    """A command for each device, since each has another alias."""
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
