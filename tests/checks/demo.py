# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the demo on a simulated tenant, and check that a second run of the playbook sends no write requests."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import zipfile

from simulated import Simulator, variables
from stage import CHECKOUT, COLLECTIONS, stage

INVENTORY = "demo.esper.yml"
PLAYBOOK = "playbooks/quickstart.yml"
SHOWN = 120

# The simulated tenant reads package name and version from the file name if it cannot read the manifest.
APP = {"package_name": "com.example.retail", "version_name": "1.0.0"}
PACKAGE = CHECKOUT / ".ansible" / "demo" / "com.example.retail-1.0.0-100.apk"

OWN_TENANT = f"""\
export ESPER_TENANT=your-tenant  # the first part of your-tenant.esper.cloud
export ESPER_API_KEY=...         # from the console: API Key Management
.venv/bin/ansible-playbook -i {INVENTORY} {PLAYBOOK}
"""


def main() -> int:
    """Return 0 if the first run sends write requests, and the second does not."""
    stage()
    with Simulator(devices=300, groups=24) as simulator:
        environment = variables(
            simulator,
            ANSIBLE_CONFIG=CHECKOUT / "ansible.cfg",
            ANSIBLE_COLLECTIONS_PATH=COLLECTIONS,
            ANSIBLE_REMOTE_TMP=CHECKOUT / ".ansible" / "tmp",
        )

        def run(*command: str) -> str:
            _say(f"\n$ {shlex.join(command)}")
            process = subprocess.run(command, cwd=CHECKOUT, env=environment, stdout=subprocess.PIPE, check=False)
            output = process.stdout.decode()
            lines = output.splitlines()
            hidden = [f"... and {len(lines) - SHOWN} more lines"] if len(lines) > SHOWN else []
            _say("\n".join(lines[:SHOWN] + hidden))
            if process.returncode:
                sys.exit(f"{command[0]} failed with exit code {process.returncode}.")
            return output

        PACKAGE.parent.mkdir(exist_ok=True)
        with zipfile.ZipFile(PACKAGE, "w") as archive:
            archive.writestr("AndroidManifest.xml", "Not a manifest, but enough for a simulated tenant.")
        filters = {"platform": "ANDROID", "state": "online"}
        variables_of_play = json.dumps({"move_filters": filters, "kiosk_app": {"src": str(PACKAGE), **APP}})
        play = ("ansible-playbook", "-i", INVENTORY, PLAYBOOK, "-e", variables_of_play)
        _say(f"A simulated tenant with 300 devices runs at {simulator.url}.")
        run("ansible-inventory", "-i", INVENTORY, "--graph")
        run(*play)
        first = len(simulator.writes())
        simulator.clear_journal()
        recap = run(*play)
        second = simulator.writes()

    changed = sum(map(int, re.findall(r"changed=(\d+)", recap)))
    _say(f"\nWrite requests: {first} by the first run, {len(second)} by the second, which reported {changed} changes.")
    if not first or second or changed:
        sys.exit("The first run must send write requests, and the second must not.")
    _say("\nThe same for your own tenant:\n" + OWN_TENANT.rstrip())
    return 0


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
