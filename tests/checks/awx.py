# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the playbook awx_setup with the modules of awx.awx against a server that stores what AWX would get.

The modules validate their options and send the requests. The server is no AWX: it does not validate what it stores.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import typing as t
import zipfile
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryDirectory
from urllib.parse import parse_qsl, urlsplit

from stage import CHECKOUT, COLLECTIONS

# Ansible 14 does not contain awx.awx.
PACKAGE = "ansible==13.8.0"
DOWNLOADS = CHECKOUT / ".ansible" / "awx"
PLAYBOOK = "esper.cloud.awx_setup"
VARIABLES = {
    "awx_project_url": "https://git.example.com/esper.git",
    "awx_image": "registry.example.com/esper-ee:0.1.0",
    "awx_blueprints": ["Point of Sale", "Kiosk"],
    "awx_job_slices": 4,
}
EXPECTED = {
    "credential_types": {"Esper"},
    "credentials": {"Esper"},
    "execution_environments": {"Esper execution environment"},
    "projects": {"Esper"},
    "inventories": {"Esper"},
    "inventory_sources": {"Esper devices"},
    "job_templates": {"Esper app release", "Esper kiosk restart"},
    "workflow_job_templates": {"Esper app release with approval"},
    "workflow_job_template_nodes": {"preview", "approval", "release"},
    "workflow_approval_templates": {"Approve the app release"},
    "schedules": {"Esper devices, each hour", "Esper kiosk restart, each night"},
}
# Runs that fail, by their message.
MISTAKES = {
    "Set the variables awx_project_url": {"esper_api_key": ""},
    "/organizations/": {"awx_organization": "Missing"},
}

Row = dict[str, t.Any]
Parts = tuple[str, ...]
_UNIFIED = ("job_templates", "projects", "inventory_sources", "workflow_job_templates", "workflow_approval_templates")


class Controller:
    """The objects of a controller by their endpoint and ID, their associations, and their surveys."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[int, Row]] = defaultdict(dict)
        self.children: dict[Parts, list[int]] = defaultdict(list)
        self.surveys: dict[Parts, Row] = {}
        self.writes: list[str] = []
        self._create("organizations", {"name": "Default"})

    def names(self, endpoint: str) -> set[str]:
        """Return the names of the objects of an endpoint."""
        return {str(row.get("name") or row.get("identifier")) for row in self.objects[endpoint].values()}

    def answer(self, method: str, path: Parts, query: Row, body: Row) -> tuple[int, t.Any]:
        """Return the status and the body of the response."""
        if method != "GET":
            self.writes.append(f"{method} {'/'.join(path)}")
        match path:
            case (endpoint,) if method == "GET":
                return 200, self._page(self._find(endpoint, query))
            case (endpoint,):
                return 201, self._shown(endpoint, self._create(endpoint, body))
            case (endpoint, _, "survey_spec"):
                if method == "POST":
                    self.surveys[path] = body
                return 200, self.surveys.get(path, {})
            case (_, number, "create_approval_template"):
                known: Row = {name: body[name] for name in ("name", "description", "timeout") if name in body}
                row = self._create("workflow_approval_templates", known)
                self.objects[path[0]][int(number)]["unified_job_template"] = row["id"]
                return 201, self._shown("workflow_approval_templates", row)
            case (_, _, _) if method == "POST":
                self.children[path].append(body["id"])
                return 204, None
            case (_, _, _):
                return 200, self._page([{"id": each} for each in self.children[path]])
            case (endpoint, number):
                row = self.objects[endpoint][int(number)]
                if method == "PATCH":
                    row.update((name, value) for name, value in body.items() if name in row)
                return 200, self._shown(endpoint, row)
        raise ValueError(path)

    def _create(self, endpoint: str, body: Row) -> Row:
        # Job templates, projects and inventory sources share their IDs.
        number = 1 + sum(map(len, self.objects.values()))
        row = self.objects[endpoint][number] = {**body, "id": number}
        return row

    def _find(self, endpoint: str, query: Row) -> list[Row]:
        endpoints = _UNIFIED if endpoint == "unified_job_templates" else (endpoint,)
        wanted = {name: value for name, value in query.items() if name != "type"}
        return [
            self._shown(each, row)
            for each in endpoints
            for row in self.objects[each].values()
            if each.removesuffix("s") == query.get("type", each.removesuffix("s"))
            and all(str(row.get(name, "")) == value for name, value in wanted.items())
        ]

    def _shown(self, endpoint: str, row: Row) -> Row:
        """Return an object as AWX returns it: without its secrets, with its URL and the URLs of related objects."""
        url = f"/api/v2/{endpoint}/{row['id']}/"
        related = {"survey_spec": f"{url}survey_spec/"} if endpoint.endswith("job_templates") else {}
        if endpoint == "workflow_job_template_nodes" and "unified_job_template" in row:
            related["unified_job_template"] = self._url_of_template(row["unified_job_template"])
        shown = {**row, "url": url, "type": endpoint.removesuffix("s"), "related": related, "summary_fields": {}}
        if endpoint == "credentials":
            shown["inputs"] = {**row["inputs"], "api_key": "$encrypted$"}
        return {**shown, "scm_revision": ""} if endpoint == "projects" else shown

    def _url_of_template(self, number: int) -> str:
        endpoint = next(each for each in _UNIFIED if number in self.objects[each])
        return f"/api/v2/{endpoint}/{number}/"

    @staticmethod
    def _page(rows: list[Row]) -> Row:
        return {"count": len(rows), "next": None, "results": rows}


def serve(controller: Controller) -> ThreadingHTTPServer:
    """Return a running server for the objects of a controller."""

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            url = urlsplit(self.path)
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
            path = tuple(url.path.removeprefix("/api/v2/").strip("/").split("/"))
            status, content = controller.answer(self.command, path, dict(parse_qsl(url.query)), body)
            data = b"" if content is None else json.dumps(content).encode()
            self.send_response_only(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = _answer  # noqa: N815 (names of the base class)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def collections() -> Path:
    """Return a directory with the collection awx.awx, and with a copy of the name ansible.controller."""
    target = DOWNLOADS / PACKAGE
    copy = target / "ansible_collections" / "ansible" / "controller"
    if not copy.exists():
        with TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
            # The wheel is for any Python, but requires that of its ansible-core.
            command += ["--python-version", "3.13", "--dest", folder, PACKAGE]
            subprocess.run(command, check=True)
            (wheel,) = Path(folder).glob("*.whl")
            with zipfile.ZipFile(wheel) as archive:
                names = [name for name in archive.namelist() if name.startswith("ansible_collections/awx/awx/")]
                archive.extractall(target, names)
        copy.parent.mkdir(parents=True)
        copy.symlink_to(target / "ansible_collections" / "awx" / "awx")
    return target


def main() -> int:
    """Return 0 if the first run creates all objects, and the second run, with the other collection, changes none.

    Runs with a wrong variable must show what is wrong.
    """
    key, controller = token_hex(), Controller()
    server = serve(controller)
    problems = []
    with TemporaryDirectory() as folder:
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("ESPER_", "ANSIBLE_"))}
        environment |= {
            "ANSIBLE_COLLECTIONS_PATH": f"{os.environ.get('ANSIBLE_COLLECTIONS_PATH', COLLECTIONS)}:{collections()}",
            "ANSIBLE_HOME": folder,
            "ANSIBLE_LOCALHOST_WARNING": "false",
            "ANSIBLE_NOCOLOR": "1",
            "CONTROLLER_HOST": f"http://127.0.0.1:{server.server_port}",
            "CONTROLLER_OAUTH_TOKEN": "token",
            "ESPER_API_KEY": key,
            "ESPER_TENANT": "acme",
            "ESPER_VALIDATE_CERTS": "no",
            "no_proxy": "127.0.0.1",
        }

        def run(expected: int, **variables: str) -> str:
            command = ["ansible-playbook", PLAYBOOK, "-vvv", "-e", json.dumps({**VARIABLES, **variables})]
            done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
            sys.stdout.write(f"{done.stdout}{done.stderr}\n")
            if done.returncode != expected or key in done.stdout + done.stderr:
                sys.exit(f"The playbook ended with exit code {done.returncode}, or showed the API key.")
            return done.stdout

        for message, variables in MISTAKES.items():
            # ansible-core 2.19 and later show a message in addition to the result, even if the task hides it.
            if message not in "".join(re.findall(r"^fatal: .*?^}$", run(2, **variables), re.M | re.S)):
                problems.append(f"The run with {variables} hides its message.")
        run(0, awx_collection="awx.awx")
        created = {name: controller.names(name) for name in EXPECTED}
        credential = next(iter(controller.objects["credentials"].values()))
        controller.writes.clear()
        recap = run(0, awx_collection="ansible.controller")
    problems += [f"{name}: {created[name]}" for name in EXPECTED if created[name] != EXPECTED[name]]
    if credential["inputs"] != {"tenant": "acme", "api_key": key, "validate_certs": "false"}:
        problems.append("The credential does not contain the tenant, the API key and validate_certs only.")
    if not re.search(r"changed=0 ", recap):
        problems.append(f"The second run changed objects: {', '.join(controller.writes)}")
    sys.stdout.writelines(f"{problem}\n" for problem in problems)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
