# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check the requests that the simulator noted against the contract."""

from __future__ import annotations

import json
from pathlib import Path

from simulated import Contract

# Requests that tests send on purpose: to a wrong base path, and with a mistyped path in the module api.
ON_PURPOSE = ("/v9/", "/v2/simulator-key/")


def flaws_in(journal: Path) -> list[str]:
    """Return the requests in a journal that the contract does not allow, each once, with the target that sent it.

    Rejected requests count too, because a real tenant rejects them as the simulator does.
    """
    contract, target, flaws = Contract(), "", []
    for line in journal.read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        target = entry.get("target", target)
        if "method" in entry and not entry["path"].startswith(ON_PURPOSE):
            found = contract.validate_request(entry["method"], entry["path"], entry["query"], entry["body"])
            flaws += [f"{target}: {flaw}" for flaw in found]
    return list(dict.fromkeys(flaws))
