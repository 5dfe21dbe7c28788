# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Create device groups with the standard library only: python bare_client.py FILE, which has the tenant and the groups.

No client can do less: it sends the same bodies as the module, each after that of its parent group, over a fixed number
of connections. It compares nothing, retries nothing and handles no errors.
"""

from __future__ import annotations

import http.client
import json
import sys
import threading
from collections import defaultdict
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit


def main() -> None:
    """Create the groups of the file."""
    job = json.loads(Path(sys.argv[1]).read_text())
    url = urlsplit(job["url"])
    headers = {"Authorization": f"Bearer {job['key']}", "Content-Type": "application/json"}
    path = f"{url.path}/enterprise/{job['enterprise']}/devicegroup/"
    children = defaultdict(list)
    for group in job["groups"]:
        children[group.rpartition("/")[0]].append(group)
    local = threading.local()
    done = threading.Semaphore(0)

    def create(group: str, parent: str) -> str:
        if not hasattr(local, "connection"):
            local.connection = http.client.HTTPConnection(url.hostname or "", url.port)
        body = {"name": group.rpartition("/")[2], "parent": parent}
        local.connection.request("POST", path, json.dumps(body), headers)
        answer: dict[str, Any] = json.loads(local.connection.getresponse().read())
        return str(answer["id"])

    with ThreadPoolExecutor(job["connections"]) as pool:

        def start(group: str, parent: str) -> None:
            pool.submit(create, group, parent).add_done_callback(lambda created: finish(group, created))

        def finish(group: str, created: Future[str]) -> None:
            for child in children[group]:
                start(child, created.result())
            done.release()

        for group in children[""]:
            start(group, job["root"])
        for _group in job["groups"]:
            done.acquire()


if __name__ == "__main__":
    main()
