# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Print a digest of what ansible-inventory listed in a file, without the order in which hosts and groups came.

A process of its own: a child starts with the peak of memory of its parent, so that who measures children stays small.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any


def main() -> None:
    """Read the file that the command line names."""
    listing = json.loads(Path(sys.argv[1]).read_text(), object_hook=_plain)
    for content in listing.values():
        content.update({key: sorted(value) for key, value in content.items() if isinstance(value, list)})
    print(hashlib.sha256(json.dumps(listing, sort_keys=True).encode()).hexdigest())


def _plain(value: dict[str, Any]) -> Any:
    """Without the form in which ansible-core writes a text that it does not trust."""
    return value.get("__ansible_unsafe", value)


if __name__ == "__main__":
    main()
