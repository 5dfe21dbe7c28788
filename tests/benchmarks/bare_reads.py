# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Send GET requests with the standard library only: python bare_reads.py FILE, which has the tenant and the paths.

No client can do less: it sends the requests of the module over a fixed number of connections, and parses the responses.
``stages`` are lists of paths. Each of them starts after the responses to the one before.
"""

from __future__ import annotations

import http.client
import json
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit


def main() -> None:
    """Send the requests of the file."""
    job = json.loads(Path(sys.argv[1]).read_text())
    url, local = urlsplit(job["url"]), threading.local()
    headers = {"Authorization": f"Bearer {job['key']}"}

    def read(path: str) -> None:
        if not hasattr(local, "connection"):
            local.connection = http.client.HTTPConnection(url.hostname or "", url.port)
        local.connection.request("GET", f"{url.path}{path}", headers=headers)
        response = local.connection.getresponse()
        json.loads(response.read())
        if response.status >= 300:
            raise SystemExit(f"GET {path} returned HTTP {response.status}")

    with ThreadPoolExecutor(job["connections"]) as pool:
        for stage in job["stages"]:
            list(pool.map(read, stage))


if __name__ == "__main__":
    main()
