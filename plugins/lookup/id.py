# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: id
short_description: IDs of Esper objects by name
version_added: 0.1.0
author: esper.cloud contributors (@ansible-collections)
description:
  - Returns the IDs of objects by their names, for example for M(esper.cloud.api).
  - Modules of this collection take names, so they do not need this plugin.
  - An object that does not exist is an error that suggests the closest names. If several objects have the name, it is
    an error too.
  - The connection is that of the host, as for tasks of this collection - its inventory file, its variables, or
    environment variables.
  - Names are found in the same way as in modules, so several terms take few requests. Each evaluation of a template
    with this plugin sends requests. To look up names once, set a fact.
extends_documentation_fragment:
  - esper.cloud.connection.plugin
options:
  _terms:
    description:
      - Names of the objects, case-sensitive. An ID of an existing object returns the same ID.
      - Device groups can have paths. Devices can have aliases and serial numbers. Apps have package names, and users
        email addresses.
    type: list
    elements: str
    required: true
  kind:
    description:
      - Kind of the objects, by the name of the module for it without C(_info), such as V(device_group), V(blueprint),
        V(tag), V(role), V(app) and V(user). V(device) also works.
      - The objects of the kind must have names and IDs.
    type: str
    required: true
seealso:
  - module: esper.cloud.api
  - plugin: esper.cloud.devices
    plugin_type: inventory
"""

EXAMPLES = r"""
- name: Read a device group with the API
  esper.cloud.api:
    path: "/enterprise/{enterprise_id}/devicegroup/{{ lookup('esper.cloud.id', 'Stores', kind='device_group') }}/"

- name: Read the IDs of several blueprints
  ansible.builtin.set_fact:
    blueprint_ids: "{{ query('esper.cloud.id', 'Point of Sale', 'Signage (Linux)', kind='blueprint') }}"
"""

RETURN = r"""
_raw:
  description: IDs of the objects, in the order of the terms. IDs that are numbers in the Esper API are integers.
  type: list
  elements: raw
"""

import os
import typing as t

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase
from ansible.release import __version__ as core_version
from ansible.utils.display import Display
from ansible_collections.esper.cloud.plugins.module_utils.base.errors import EsperError, InvalidParameter
from ansible_collections.esper.cloud.plugins.module_utils.base.redaction import Redaction
from ansible_collections.esper.cloud.plugins.module_utils.base.text import printable
from ansible_collections.esper.cloud.plugins.module_utils.catalog import kind_of
from ansible_collections.esper.cloud.plugins.module_utils.engine.lookup import lookup_of
from ansible_collections.esper.cloud.plugins.module_utils.engine.tenant_view import TenantView
from ansible_collections.esper.cloud.plugins.module_utils.http.client import Client
from ansible_collections.esper.cloud.plugins.module_utils.http.connection import OPTIONS, Connection
from ansible_collections.esper.cloud.plugins.module_utils.model.kind import Kind
from ansible_collections.esper.cloud.plugins.plugin_utils.inventory_connections import missing_options

display = Display()


class LookupModule(LookupBase):
    def run(self, terms: list[t.Any], variables: t.Any = None, **kwargs: t.Any) -> list[t.Any]:
        own = {each.name: kwargs[each.name] for each in OPTIONS if each.name in kwargs}
        keys = [kwargs.get("api_key"), *(os.environ.get(name) for each in OPTIONS if each.secret for name in each.env)]
        try:
            found = missing_options(
                own, variables or {}, self._templar.template if self._templar else _plain, os.environ
            )
            # Ansible reads environment variables, and converts all values.
            self.set_options(direct={**kwargs, **found})
            options = {option.name: _plain(self.get_option(option.name)) for option in OPTIONS}
            keys.append(options["api_key"])
            kind, names = kind_of(str(self.get_option("kind")).strip()), _texts(terms)
            redaction = Redaction([str(key).strip() for key in keys if key])
            return self._find(kind, names, Connection.from_options(options), redaction)
        except EsperError as error:
            # It can suggest names of objects, and somebody can name an object like the key.
            text = Redaction([str(key).strip() for key in keys if key]).text(str(error))
            raise AnsibleLookupError(printable(text)) from None

    def _find(self, kind: Kind, names: list[str], connection: Connection, redaction: Redaction) -> list[t.Any]:
        """Return the IDs of objects."""
        with Client(
            connection, user_agent=f"ansible-core/{core_version}", log=display.vvv, redaction=redaction
        ) as client:
            for warning in client.warnings:
                display.warning(printable(warning))
            lookup = lookup_of(TenantView(client), kind)
            lookup.prefetch(names)
            return [row[kind.id_key] for row in lookup.resolve_all(names)]


def _texts(terms: list[t.Any]) -> list[str]:
    """Return the names in the terms. A term can be a list of names. Raise InvalidParameter for anything else."""
    names = [name for term in terms for name in (term if isinstance(term, (list, tuple)) else [term])]
    for index, name in enumerate(names):
        if isinstance(name, bool) or not isinstance(name, (str, int)):
            raise InvalidParameter(f"Name {index + 1} must be a text, not {type(name).__name__}.")
        if not str(name).strip():
            raise InvalidParameter(f"Name {index + 1} is empty. Set a name or an ID.")
    return [str(name) for name in names]


def _plain(value: t.Any) -> t.Any:
    # str() decrypts a vaulted value.
    return value if value is None or isinstance(value, (bool, int, float)) else str(value)
