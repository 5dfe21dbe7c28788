# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Use the built collection like AWX: installed alone, run by ansible-runner, configured by the environment only."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryDirectory

from importer import build
from simulated import Simulator, variables
from stage import CHECKOUT

TOKEN = {"name": "jobs", "expires": "never", "renew": "always", "return_token": True}
PERSON = {"email": "anna@example.com", "role": "Viewer"}
# As in docs/users-roles-tokens.md: a job rotates a token and uses its value.
SECRETS = [
    {
        "hosts": "localhost",
        "gather_facts": False,
        "tasks": [
            {
                "esper.cloud.enterprise_policy": {
                    "name": "Counter",
                    "settings": {"settings_app_password": "{{ password }}"},
                }
            },
            {"esper.cloud.personal_access_token": TOKEN, "no_log": True, "register": "renewed"},
            {"esper.cloud.token_info": {"api_key": "{{ renewed.token }}"}},
            {"esper.cloud.user": PERSON},
        ],
    }
]


def main() -> int:
    """Return 0 if inventory, quickstart and tasks with secrets work, and leave no key, password, token or link."""
    # A key that is in no file of the collection, unlike the default key of the simulator.
    key, password = token_hex(), token_hex()
    with TemporaryDirectory() as folder, Simulator(devices=50, groups=8, api_key=key) as simulator:
        venv, home, private = (Path(folder) / name for name in ("venv", "home", "private"))
        collection = home / "collections" / "ansible_collections" / "esper" / "cloud"
        environment = variables(simulator, ANSIBLE_HOME=home)
        for name in ("ANSIBLE_COLLECTIONS_PATH", "PYTHONPATH"):
            environment.pop(name, None)

        def run(program: str, *arguments: str | Path) -> str:
            command = [venv / "bin" / program, *arguments]
            process = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
            if process.returncode:
                sys.exit(f"{process.stdout}{process.stderr}\n{program} failed with exit code {process.returncode}.")
            return process.stdout

        artifact = build(Path(folder))
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        environment["PATH"] = f"{venv / 'bin'}:{environment['PATH']}"
        run("pip", "install", "--quiet", f"ansible-core=={version('ansible-core')}", "ansible-runner")
        run("ansible-galaxy", "collection", "install", "--offline", artifact)
        run("pip", "install", "--quiet", "--requirement", collection / "requirements.txt")

        inventory = private / "inventory" / "demo.esper.yml"
        inventory.parent.mkdir(parents=True)
        shutil.copy(CHECKOUT / inventory.name, inventory)
        hosts = json.loads(run("ansible-inventory", "-i", inventory, "--list"))["_meta"]["hostvars"]
        output = run("ansible-runner", "run", private, "--playbook", collection / "playbooks" / "quickstart.yml")

        for name, content in (("env/extravars", {"password": password}), ("project/secrets.yml", SECRETS)):
            (private / name).parent.mkdir(exist_ok=True)
            (private / name).write_text(json.dumps(content))
        output += run("ansible-runner", "run", private, "--playbook", "secrets.yml", "--cmdline=-vvvv --diff")
        if password not in json.dumps(simulator.journal()):
            sys.exit(f"{output}\nThe password was not sent.")
        secrets = [key, password, *simulator.state()["issued"]]
        if len(secrets) != 4:
            sys.exit(f"{output}\nThe simulator did not return a token and a link.")

        # ansible-runner always writes the whole environment of the job to the file "command", and the variables of the
        # job are in "extravars".
        left = (path for folder in (home, private) for path in folder.rglob("*"))
        files = [path for path in left if path.is_file() and path.name not in ("command", "extravars")]
        leaks = [path for path in files if any(each.encode() in path.read_bytes() for each in secrets)]
        sys.stdout.write(f"{output}\n{len(hosts)} hosts, {len(files)} files, {len(leaks)} with a secret in them\n")
        sys.stdout.writelines(f"{path}\n" for path in leaks)
        return 1 if leaks or not hosts or any(each in output for each in secrets) else 0


if __name__ == "__main__":
    sys.exit(main())
