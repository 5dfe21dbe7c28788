# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare the requests of integration targets with the snapshots in tests/snapshots/journals, or rewrite the snapshots.

The simulator writes the requests to the file in the environment variable SIMULATOR_JOURNAL. Only the targets in this
file are compared. A snapshot contains each different request of a target, and how often the target sends it. IDs,
times, addresses and temporary paths are replaced by placeholders.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import Counter
from itertools import groupby
from pathlib import Path
from typing import Any
from urllib.parse import quote

from snapshots import SNAPSHOTS, compare_or_write

JOURNALS = SNAPSHOTS / "journals"

# Targets with requests that differ between two runs of the same code, and the reason.
LEFT_OUT: dict[str, str] = {
    "in_process": "it compares the requests of both ways to run a task itself",
    "playbook_apple_renewals": "the files that it uploads expire some days after the run",
    "inventory_devices": "its requests depend on the time that pages and retries take",
}
UNCOUNTED: dict[str, str] = {}

PLACEHOLDERS = (
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "{uuid}"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?"), "{time}"),
    (re.compile(r"https?://(127\.0\.0\.1|localhost):\d+"), "{server}"),
    (re.compile(r"/(var/)?tmp/[\w./-]+"), "{path}"),
    # The name of a command ends in random digits.
    (re.compile(r"(?<= )[0-9a-f]{8}$"), "{random}"),
)
# Keys with numbers that depend on the order of parallel requests.
KEYS_OF_NUMBERS = ("alert_channels",)
NUMBER_IN_PATH = re.compile(r"(?<=/)\d+(?=/|$)")
REPEATED = re.compile(r"\{uuid\}(,\{uuid\})+")


def main() -> int:
    """Return 1 if the requests of a target differ from its snapshot."""
    parser = argparse.ArgumentParser(prog="python tools/journals.py", description=__doc__)
    parser.add_argument("raw", type=Path, metavar="RAW", help="the file that the simulator wrote")
    parser.add_argument("--write", action="store_true", help="rewrite the snapshots of the targets in RAW")
    options = parser.parse_args()
    same = True
    for target, requests in sorted(read_requests(options.raw).items()):
        if target in LEFT_OUT:
            print(f"{target}: not compared, {LEFT_OUT[target]}")
            continue
        same &= compare_or_write(JOURNALS / f"{target}.json", snapshot(target, requests), options.write)
    return 0 if same else 1


def read_requests(raw: Path) -> dict[str, Counter[str]]:
    """Return how often each target in a journal sends each request, with the request as normalized JSON."""
    targets: dict[str, Counter[str]] = {}
    requests: Counter[str] = Counter()
    with raw.open(encoding="utf-8") as file:
        for line in file:
            entry = json.loads(line)
            if "target" in entry:
                requests = targets.setdefault(entry["target"], Counter())
            else:
                requests[json.dumps(normalized_request(entry), sort_keys=True)] += 1
    return targets


def normalized_request(entry: dict[str, Any]) -> dict[str, Any]:
    """Return the parts of a journal entry that are the same in each run."""
    path = NUMBER_IN_PATH.sub("{id}", normalized_text(entry["path"]))
    query = "&".join(f"{key}={quoted(value)}" for key, value in sorted(entry["query"].items()))
    request = {
        "request": f"{entry['method']} {path}{'?' if query else ''}{query}",
        "status": entry["status"],
    }
    if entry["body"] is not None:
        request["body"] = normalized(entry["body"])
    if entry["fault"] is not None:
        request["fault"] = entry["fault"]
    return request


def quoted(value: str) -> str:
    """Return a query value in a form that is easy to read."""
    return quote(normalized_text(value), safe="{},: */@")


def normalized(value: Any) -> Any:
    """Return a value with placeholders, and lists of equal placeholders in short form."""
    if isinstance(value, dict):
        return {
            normalized_text(key): ["{id}" for _each in each]
            if key in KEYS_OF_NUMBERS and isinstance(each, list)
            else normalized(each)
            for key, each in value.items()
        }
    if isinstance(value, list):
        result = []
        for each, group in groupby(normalized(each) for each in value):
            count = len(list(group))
            result.append(f"{each} * {count}" if each == "{uuid}" and count > 1 else [each] * count)
        return [each for part in result for each in (part if isinstance(part, list) else [part])]
    return normalized_text(value) if isinstance(value, str) else value


def normalized_text(text: str) -> str:
    """Return a text with placeholders for the parts that differ between runs."""
    for pattern, placeholder in PLACEHOLDERS:
        text = pattern.sub(placeholder, text)
    return REPEATED.sub(lambda found: f"{{uuid}} * {found[0].count('{')}", text)


def snapshot(target: str, requests: Counter[str]) -> str:
    """Return the snapshot of a target."""
    rows = [json.loads(request) for request in requests]
    if target not in UNCOUNTED:
        for row, count in zip(rows, requests.values(), strict=True):
            row["count"] = count
    rows.sort(key=lambda row: (row["request"].partition(" ")[::-1], json.dumps(row, sort_keys=True)))
    return json.dumps(rows, ensure_ascii=False, indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    sys.exit(main())
