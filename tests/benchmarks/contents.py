# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Print a checksum of the output of ansible-inventory in a file. The order of hosts and groups does not matter.

It has its own process, because a child starts with the peak memory of its parent, so the measuring process stays small.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any


def main() -> None:
    """Read the file of the command line."""
    listing = json.loads(Path(sys.argv[1]).read_text(), object_hook=_plain)
    for content in listing.values():
        content.update({key: sorted(value) for key, value in content.items() if isinstance(value, list)})
    print(hashlib.sha256(json.dumps(listing, sort_keys=True).encode()).hexdigest())


def _plain(value: dict[str, Any]) -> Any:
    """Return an untrusted text of ansible-core as a plain one."""
    return value.get("__ansible_unsafe", value)


if __name__ == "__main__":
    main()
