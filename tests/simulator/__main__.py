# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command line: `python tests/simulator --help`."""

from __future__ import annotations

import argparse
import asyncio
import gc
from pathlib import Path

from process import ENTERPRISE_ID, KEY
from server import Server
from tenant import Settings


def main() -> None:
    """Serve a simulated tenant until the process is stopped."""
    parser = argparse.ArgumentParser(prog="simulator", description="Simulate an Esper tenant for tests.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8899, help="0: any that is free")
    parser.add_argument("--devices", type=int, default=200)
    parser.add_argument("--groups", type=int, default=30, help='below the root, "All devices"')
    parser.add_argument("--tags", type=int, default=12)
    parser.add_argument("--seed", type=int, default=7, help="the same seed makes the same tenant")
    parser.add_argument("--latency-ms", type=float, default=0, help="before each answer")
    parser.add_argument("--journal", type=Path, metavar="FILE", help="append each request as a JSON line")
    parser.add_argument("--api-key", default=KEY)
    parser.add_argument("--enterprise-id", default=ENTERPRISE_ID)
    options = parser.parse_args()
    settings = Settings(
        devices=options.devices,
        groups=options.groups,
        tags=options.tags,
        seed=options.seed,
        api_key=options.api_key,
        enterprise_id=options.enterprise_id,
    )
    # A large fleet is made without reference cycles; looking for them all the time would cost a third of the start.
    gc.set_threshold(100_000)
    server = Server(settings, latency_ms=options.latency_ms, journal=options.journal)
    asyncio.run(server.serve(options.host, options.port))


if __name__ == "__main__":
    main()
