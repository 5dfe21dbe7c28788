# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The only file that knows AnsibleModule: connection options, run a resource, exit or fail."""

from __future__ import annotations

import os
import typing as t

from ansible.module_utils.ansible_release import __version__ as core_version
from ansible.module_utils.basic import AnsibleFallbackNotFound, AnsibleModule

from .call import OPTIONS, RULES, call
from .client import Client
from .connection import OPTIONS as CONNECTION_OPTIONS
from .connection import Connection
from .engine import ensure_all
from .errors import EsperError
from .paging import Row
from .references import References
from .resource import Resource

_SHOWS_REQUESTS = 3


def connection_spec() -> dict[str, dict[str, t.Any]]:
    """The connection options in the form of an argument spec."""
    spec: dict[str, dict[str, t.Any]] = {}
    for option in CONNECTION_OPTIONS:
        spec[option.name] = {"type": option.type, "fallback": (_from_environment, list(option.env))}
        if option.default is not None:
            spec[option.name]["default"] = option.default
        if option.secret:
            spec[option.name]["no_log"] = True
    return spec


def _from_environment(*names: str) -> str:
    """The first of some environment variables that says something. Ansible's own env_fallback takes an empty one, too,
    which would hide the variables after it."""
    for name in names:
        if value := os.environ.get(name):
            return value
    raise AnsibleFallbackNotFound


def run(resource: Resource) -> None:
    """The whole of a module that manages one object of a kind, or several that one task stands for."""

    def work(references: References, module: AnsibleModule) -> Row:
        several = resource.expand(module.params)
        each_params = [module.params] if several is None else several
        done = ensure_all(resource, references, each_params, check_mode=module.check_mode)
        for warning in [sentence for each in done for sentence in each.warnings]:
            module.warn(warning)
        result: Row = {"changed": any(each.changed for each in done)}
        records = [each.record for each in done if each.record is not None]
        if several is not None:
            result[resource.plural] = records
        elif records:
            result[resource.kind] = records[0]
        for name, rows in [related for each in done for related in each.related.items()]:
            known = result.setdefault(name, [])
            known += [row for row in rows if row not in known]
        if module._diff:
            result["diff"] = [
                {"before_header": each.title, "after_header": each.title, "before": each.before, "after": each.after}
                for one in done
                for each in one.changes
            ]
        return result

    _run(resource.options, resource.rules, work)


def run_info(resource: Resource) -> None:
    """The whole of a module that reads objects of a kind."""

    def work(references: References, module: AnsibleModule) -> Row:
        information = resource.information(references, module.params)
        fetched = resource.fetch(references, module.params, check_mode=module.check_mode)
        return {"changed": False, **information, **fetched}

    _run(resource.info_options, resource.info_rules, work)


def run_call() -> None:
    """The whole of the module that sends any request."""

    def work(references: References, module: AnsibleModule) -> Row:
        return call(references.client, module.params, check_mode=module.check_mode)

    _run(OPTIONS, RULES, work)


def _run(
    options: dict[str, dict[str, t.Any]], rules: dict[str, t.Any], work: t.Callable[[References, AnsibleModule], Row]
) -> None:
    module = AnsibleModule(argument_spec={**connection_spec(), **options}, supports_check_mode=True, **rules)
    for names in rules.get("required_one_of", ()):
        # Ansible lets null pass for given.
        if all(module.params[name] is None for name in names):
            module.fail_json(msg=f"one of the following is required: {', '.join(names)}")
    requests: list[str] = []
    # A module's output reaches the user only with its result.
    extra = {"requests": requests} if module._verbosity >= _SHOWS_REQUESTS else {}
    try:
        connection = Connection.from_options(module.params)
        if connection.sends_key_in_clear:
            module.warn("The API key is sent unencrypted, since api_url is no https URL.")
        with Client(connection, user_agent=f"ansible-core/{core_version}", log=requests.append) as client:
            result = work(References(client), module)
    except EsperError as error:
        module.fail_json(msg=str(error), **error.details(), **extra)
    else:
        module.exit_json(**result, **extra)
