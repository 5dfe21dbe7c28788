# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Use the built collection like AWX: installed alone, run by ansible-runner, configured by the credential type only.

With an argument, the tenant has that number of devices: python tests/checks/artifact.py 10000
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import typing as t
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryDirectory

import jq
import yaml
from importer import build
from jinja2.sandbox import ImmutableSandboxedEnvironment
from simulated import Simulator, variables
from stage import CHECKOUT

Row = dict[str, t.Any]

DEVICES = 50
TOKEN = {"name": "jobs", "expires": "never", "renew": "always", "return_token": True}
PERSON = {"email": "anna@example.com", "role": "Viewer"}
TAGGED = {"devices": ["OUW-MDJ-00001"], "add_tags": ["counted"]}


def play(*tasks: Row) -> list[Row]:
    """Return a playbook with tasks for the tenant."""
    return [{"hosts": "localhost", "gather_facts": False, "tasks": list(tasks)}]


# The job rotates a token and uses its value, as in docs/users-roles-tokens.md.
SECRETS = play(
    {"esper.cloud.enterprise_policy": {"name": "Counter", "settings": {"settings_app_password": "{{ password }}"}}},
    {"esper.cloud.personal_access_token": TOKEN, "no_log": True, "register": "renewed"},
    {"esper.cloud.token_info": {"api_key": "{{ renewed.token }}"}},
    {"esper.cloud.user": PERSON},
    {"esper.cloud.device": TAGGED},
)
FAILING = play({"esper.cloud.device_group": {"path": "Stores", "api_key": "{{ password }}"}})

# AWX starts ansible-inventory with ansible-runner, too, and reads a file. Each line of another output is an event.
READ_INVENTORY = """
import json, sys
import ansible_runner
private, source, output = sys.argv[1:]
_, errors = ansible_runner.get_inventory(
    "list", [source], private_data_dir=private, quiet=True, export=True, output_file=output
)
with open(output) as file:
    print(json.dumps({"hosts": len(json.load(file)["_meta"]["hostvars"]), "errors": errors}))
"""


@dataclass
class Job:
    """Programs of the environment that contains the built collection, ansible-core and ansible-runner only."""

    folder: Path
    environment: dict[str, str]

    @property
    def private(self) -> Path:
        """Return the directory of ansible-runner."""
        return self.folder / "private"

    @property
    def collection(self) -> Path:
        """Return the directory of the installed collection."""
        return self.folder / "home" / "collections" / "ansible_collections" / "esper" / "cloud"

    def run(self, program: str, *arguments: str | Path, expected: int = 0) -> str:
        """Return the output of a program. Fail if it does not end with the expected exit code."""
        command = [self.folder / "venv" / "bin" / program, *arguments]
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        )
        if done.returncode != expected:
            sys.exit(f"{done.stdout}{done.stderr}\n{program} ended with exit code {done.returncode}.")
        return done.stdout + done.stderr

    def play(self, playbook: str | Path, *options: str, expected: int = 0) -> str:
        """Return the output of a playbook that ansible-runner runs."""
        return self.run("ansible-runner", "run", self.private, "--playbook", playbook, *options, expected=expected)

    def events(self) -> list[Row]:
        """Return the data of the events of all jobs."""
        files = self.private.glob("artifacts/*/job_events/*.json")
        return [json.loads(file.read_text(encoding="utf-8")).get("event_data", {}) for file in files]


def injected(collection: Path, **inputs: str) -> dict[str, str]:
    """Return the environment variables of a credential, as AWX renders them. AWX renders omitted inputs, too."""
    text = (collection / "playbooks" / "files" / "awx_credential_type.yml").read_text(encoding="utf-8")
    templates = yaml.safe_load(text)["injectors"]["env"]
    jinja = ImmutableSandboxedEnvironment()
    return {name: jinja.from_string(template).render(inputs) for name, template in templates.items()}


def main() -> int:
    """Return 0 if inventory, quickstart and other jobs work, and leave no key, password, token or link."""
    devices = int(sys.argv[1]) if sys.argv[1:] else DEVICES
    # A key that is in no file of the collection, unlike the default key of the simulator.
    key, password = token_hex(), token_hex()
    with TemporaryDirectory() as name, Simulator(devices=devices, groups=8, api_key=key) as simulator:
        folder = Path(name)
        job = install(folder, variables(simulator, ANSIBLE_HOME=folder / "home"))
        job.environment |= injected(job.collection, api_url=simulator.url, api_key=key)
        output = read_inventory(job, simulator, devices)

        output += job.play(job.collection / "playbooks" / "quickstart.yml")
        simulator.clear_journal()
        again = job.play(job.collection / "playbooks" / "quickstart.yml")
        if simulator.writes() or not re.search(r"\bchanged=0\b", again):
            sys.exit(f"{again}\nThe second run changed the tenant.")

        for path, content in (
            ("env/extravars", {"password": password}),
            ("project/secrets.yml", SECRETS),
            ("project/failing.yml", FAILING),
        ):
            (job.private / path).parent.mkdir(exist_ok=True)
            (job.private / path).write_text(json.dumps(content))
        output += again + job.play("secrets.yml", "--cmdline=-vvvv --diff")
        if password not in json.dumps(simulator.journal()):
            sys.exit(f"{output}\nThe password was not sent.")
        failed = job.play("failing.yml", "--cmdline=-vvvv", expected=2)
        if "HTTP 401" not in failed:
            sys.exit(f"{failed}\nThe job does not show why it failed.")
        secrets = [key, password, *simulator.state()["issued"]]
        if len(secrets) != 4:
            sys.exit(f"{output}\nThe simulator did not return a token and a link.")
        leaks = leaks_of(job, secrets)
        counted = counted_devices(job)

    output += failed
    sys.stdout.write(f"{output}\n{len(leaks)} files with a secret, {len(counted)} devices counted\n")
    sys.stdout.writelines(f"{path}\n" for path in leaks)
    is_shown = any(secret in output for secret in secrets)
    return 1 if leaks or is_shown or "OUW-MDJ-00001" not in str(counted) else 0


def install(folder: Path, environment: dict[str, str]) -> Job:
    """Build the collection and install it alone."""
    for name in ("ANSIBLE_COLLECTIONS_PATH", "PYTHONPATH", "ESPER_API_URL", "ESPER_API_KEY"):
        environment.pop(name, None)
    environment["PATH"] = f"{folder / 'venv' / 'bin'}:{environment['PATH']}"
    job = Job(folder, environment)
    artifact = build(folder)
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
    job.run("pip", "install", "--quiet", f"ansible-core=={version('ansible-core')}", "ansible-runner")
    job.run("ansible-galaxy", "collection", "install", "--offline", artifact)
    job.run("pip", "install", "--quiet", "--requirement", job.collection / "requirements.txt")
    return job


def read_inventory(job: Job, simulator: Simulator, devices: int) -> str:
    """Read the inventory of a project that cannot be written, without a home, two times with a cache."""
    project, cache = job.private / "inventory", job.folder / "cache"
    project.mkdir(parents=True)
    source = project / "demo.esper.yml"
    text = (CHECKOUT / source.name).read_text(encoding="utf-8")
    settings = {"cache": True, "cache_plugin": "ansible.builtin.jsonfile", "cache_connection": str(cache)}
    source.write_text(yaml.safe_dump({**yaml.safe_load(text), **settings}))
    project.chmod(0o555)
    home = job.environment.get("HOME", "")
    # Nobody can create a directory there, not even root.
    job.environment["HOME"] = "/proc/home"
    outputs = []
    for _run in range(2):
        simulator.clear_journal()
        outputs.append(job.run("python", "-c", READ_INVENTORY, job.private, source, job.private / "hosts.json"))
        found = json.loads(outputs[-1].splitlines()[-1])
        # It leaves out devices that are not enrolled.
        if not 0.9 * devices < found["hosts"] <= devices:
            sys.exit(f"{outputs[-1]}\nThe inventory does not have the hosts of {devices} devices.")
    if simulator.journal():
        sys.exit("The second inventory did not use the cache.")
    if [path.name for path in project.iterdir()] != [source.name] or not any(cache.iterdir()):
        sys.exit("The inventory wrote to the directory of the project, or no cache.")
    job.environment["HOME"] = home
    return "".join(outputs)


def leaks_of(job: Job, secrets: list[str]) -> list[Path]:
    """Return the files of the jobs that contain a secret.

    ansible-runner always writes the whole environment of a job to the file "command", and the variables of the job are
    in "extravars".
    """
    left = (path for name in ("home", "private", "cache") for path in (job.folder / name).rglob("*"))
    files = [path for path in left if path.is_file() and path.name not in ("command", "extravars")]
    return [path for path in files if any(secret.encode() in path.read_bytes() for secret in secrets)]


def counted_devices(job: Job) -> list[str]:
    """Return the names of the devices that Automation Platform counts for the events of the jobs."""
    queries = yaml.safe_load((job.collection / "extensions" / "audit" / "event_query.yml").read_text(encoding="utf-8"))
    return [
        row["name"]
        for event in job.events()
        if event.get("resolved_action") in queries and "res" in event
        for row in jq.compile(queries[event["resolved_action"]]["query"]).input_value(event["res"]).all()
    ]


if __name__ == "__main__":
    sys.exit(main())
