# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each kind of request to each hostile server: it ends in time, with one clear sentence, and takes little memory."""

from __future__ import annotations

import re

import pytest
from ansible_collections.esper.cloud.tests.hostile.behaviors import HOSTILITIES, SHORT
from ansible_collections.esper.cloud.tests.hostile.caller import REQUESTS
from ansible_collections.esper.cloud.tests.hostile.conftest import FRIENDLY, OPTIONS, Results

# Many processes run at the same time, on a machine that may be busy. Without a limit, no case ends.
_PATIENCE = 10 * SHORT
# The body as bytes and as text, and its objects, which take at most 30 bytes for each byte.
_MEMORY = 40 * OPTIONS["max_response_size"] * 1_000_000
# What no user should have to read.
_INTERNAL = re.compile(r"Traceback|\b\w*(Error|Exception)\b|urllib3|requests\.|Errno|object at 0x|HTTPConnection")


@pytest.mark.parametrize("request_kind", REQUESTS)
@pytest.mark.parametrize("name", HOSTILITIES)
def test_a_request_to_a_hostile_server_ends(results: Results, name: str, request_kind: str) -> None:
    hostility, result = HOSTILITIES[name], results[name, request_kind]
    message = result["message"]
    assert re.search(hostility.expected(request_kind), message), message
    assert not _INTERNAL.search(message)
    assert result["seconds"] < _PATIENCE
    assert result["memory"] - results[FRIENDLY, request_kind]["memory"] < _MEMORY


@pytest.mark.parametrize("request_kind", REQUESTS)
def test_a_request_to_a_friendly_server_succeeds(results: Results, request_kind: str) -> None:
    """The cases would prove nothing if the requests failed anyway."""
    assert results[FRIENDLY, request_kind]["message"] == ""
