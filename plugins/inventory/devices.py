# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: devices
short_description: The devices of an Esper tenant as hosts
version_added: 0.1.0
author: esper.cloud contributors (@ansible-collections)
description:
  - Each device that Esper manages, whatever its platform, is a host.
  - Hosts are grouped by device group (nested as in Esper), tag, platform, state and blueprint. See O(group_by).
  - Nobody logs in to a device. All hosts are in the group C(esper), which sets C(ansible_connection=local) and the
    controller's own interpreter, so that modules of this collection run for a device without further ado.
  - The source is a YAML file whose name ends in C(.esper.yml) or C(.esper.yaml).
extends_documentation_fragment:
  - esper.cloud.connection.plugin
  - constructed
  - inventory_cache
notes:
  - The connection options may be templates, such as a lookup of a secret, or vaulted values.
  - What the API says is data. It is never evaluated as a template.
  - Nothing that the cache stores holds the API key.
  - The names of tags come from an endpoint that Esper does not publish. Where it is refused, the inventory goes on with
    the ids of the tags, and warns.
options:
  plugin:
    description: Marks the file as one for this plugin.
    type: str
    required: true
    choices: [esper.cloud.devices]
  deadline:
    default: 1800.0
  filters:
    description:
      - Which devices to fetch, chosen by the service. The keys are the query parameters of C(/v2/devices/).
      - Text - V(serial), V(udid), V(search) (name, serial, IMEI, model and others), V(android_version),
        V(android_version_exact), V(ios_version), V(ipados_version), V(tvos_version), V(windows_version),
        V(active_connection), V(current_blueprint_version_id), V(current_blueprint_version_id_net),
        V(foundation_device_model_id), V(foundation_version), V(airwave_tenant_model_id), V(airwave_build_id),
        V(esper_agent_version_name), V(global_device_id).
      - Whole numbers - V(battery_level_gte), V(battery_level_lte), V(foundation_major_version),
        V(foundation_minor_version), V(foundation_build_number), V(airwave_build_number).
      - True or false - V(is_gms), V(is_locked_down).
      - One of several words - V(state) (as in C(esper_state)), V(os) (V(Android), V(iOS), V(iPadOS), V(tvOS), V(Linux),
        V(Windows)), V(managed_by) (V(BLUEPRINT), V(TEMPLATE)).
      - One or a list - V(platform) (V(ANDROID), V(APPLE), V(LINUX), V(WINDOWS)), V(device_source) (V(ABM),
        V(NON_ABM)), V(template_multi), V(policy_multi).
      - One or a list, by name or id - V(group_multi) (groups by path, with all below them), V(group_multi_immediate)
        (without), V(tags) (devices that have any of them).
      - By name or id - V(assigned_blueprint_id), V(current_blueprint_id).
    type: dict
    default: {}
  include_disabled:
    description:
      - Whether devices in the state V(disabled) are hosts too. Those were wiped, or removed from the console.
      - They are also included when O(filters) asks for that state.
    type: bool
    default: false
  hostnames:
    description:
      - What a host is named after, in the order of preference. V(name), V(alias), V(serial), V(id), or a Jinja
        expression on the host variables, such as C(esper_alias ~ '.' ~ esper_platform).
      - A name that is empty, or that several devices would have, is given to none of them; each gets its next one, in
        the end its id. So the names do not depend on the order in which the service lists devices.
      - Neither is a name that a group has, or that cannot be part of a path, or that means the controller.
    type: list
    elements: str
    default: [name, serial, id]
  vars_prefix:
    description: What the names of the host variables begin with.
    type: str
    default: esper_
  group_by:
    description:
      - Which groups to make of the devices. Their names are lower case, other characters than letters, digits and
        underscores become underscores, and where two names come to the same, the start of the id is appended to each.
      - V(group) makes C(group_stores_berlin) for the device group C(All devices/Stores/Berlin), a child of
        C(group_stores), and C(group_all_devices) at the top.
      - V(tag) makes C(tag_kiosk), V(platform) makes C(platform_android), V(state) makes C(state_online), and
        V(blueprint) makes C(blueprint_point_of_sale) for the blueprint that is assigned to a device.
    type: list
    elements: str
    choices: [group, tag, platform, state, blueprint]
    default: [group, tag, platform, state, blueprint]
  concurrency:
    description:
      - How many pages of devices are fetched at a time, at most. It starts with one, and backs off when the service
        asks for fewer requests.
    type: int
    default: 4
"""

EXAMPLES = r"""
# fmt: code
# fleet.esper.yml: the tenant and the key come from ESPER_TENANT and ESPER_API_KEY.
plugin: esper.cloud.devices

---
# Only the kiosks of two cities, named by alias, with the key from the vault.
plugin: esper.cloud.devices
tenant: acme
api_key: "{{ lookup('ansible.builtin.unvault', 'acme.key') | trim }}"
filters:
  group_multi: [Stores/Berlin, Stores/Hamburg]
  tags: kiosk
hostnames: [alias, name]

---
# Groups and variables of one's own, beside those for device groups and tags. The answer is kept for ten minutes.
plugin: esper.cloud.devices
group_by: [group, tag]
compose:
  store: esper_group.split('/') | last
groups:
  low_battery: (esper_battery_level | default(100, true)) < 20
keyed_groups:
  - key: esper_hardware.model
    prefix: model
cache: true
cache_plugin: ansible.builtin.jsonfile
cache_connection: ~/.cache/esper
cache_timeout: 600
"""

import functools
import hashlib
import json
import re
import typing as t
from collections import Counter

from ansible.errors import AnsibleParserError
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable, to_safe_group_name
from ansible.release import __version__ as core_version
from ansible.utils.unsafe_proxy import wrap_var
from ansible_collections.esper.cloud.plugins.module_utils.client import Client
from ansible_collections.esper.cloud.plugins.module_utils.connection import OPTIONS, Connection, api_url_of
from ansible_collections.esper.cloud.plugins.module_utils.errors import ApiError, EsperError, InvalidParameter
from ansible_collections.esper.cloud.plugins.module_utils.ids import last_uuid
from ansible_collections.esper.cloud.plugins.module_utils.names import group_names, unique_hostnames
from ansible_collections.esper.cloud.plugins.module_utils.paging import Row
from ansible_collections.esper.cloud.plugins.module_utils.references import References
from ansible_collections.esper.cloud.plugins.module_utils.resources.blueprint_list import BLUEPRINTS
from ansible_collections.esper.cloud.plugins.module_utils.resources.device import (
    DISABLED,
    as_host,
    check_filters,
    resolve_filters,
)
from ansible_collections.esper.cloud.plugins.module_utils.resources.device_group import DEVICE_GROUP, path_of
from ansible_collections.esper.cloud.plugins.module_utils.resources.device_list import list_devices
from ansible_collections.esper.cloud.plugins.module_utils.resources.tag import TAG

try:
    # Since ansible-core 2.19 a text is data unless it is trusted.
    from ansible.template import trust_as_template
except ImportError:
    trust_as_template = None

# Without these a text is no template, nor the half of one, nor a header that changes what a template begins with.
_TEMPLATE_CHARACTERS = frozenset("{}#")


@functools.lru_cache(maxsize=1 << 17)
def _text(value: str) -> str:
    """A text from the API, such that nothing in it is ever evaluated as a template.

    ansible-inventory writes what is data in a form that is hard to read; so a text in which there is nothing to
    evaluate is left to pass for a template.
    """
    is_harmless = _TEMPLATE_CHARACTERS.isdisjoint(value)
    if trust_as_template is None:
        return value if is_harmless else t.cast(str, wrap_var(value))
    return t.cast(str, trust_as_template(value)) if is_harmless else value


def _data(value: t.Any) -> t.Any:
    """A value from the API, each text in it as by _text()."""
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, list):
        return [_data(item) for item in value]
    if isinstance(value, dict):
        return {key: _data(item) for key, item in value.items()}
    return value


# Raised when what is cached changes its form, so that an older cache is not misread.
_CACHE_FORMAT = 1
_TOP = "esper"
_NAMED_BY = ("name", "alias", "serial", "id")
# A tenant that does not have the unpublished list of tags, or does not give it to this user, will not tomorrow either.
_REFUSALS = frozenset({400, 403, 404, 405, 410, 501})


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):
    NAME = "esper.cloud.devices"

    def verify_file(self, path: str) -> bool:
        return path.endswith((".esper.yml", ".esper.yaml")) and super().verify_file(path)

    def parse(self, inventory: t.Any, loader: t.Any, path: str, cache: bool = True) -> None:
        super().parse(inventory, loader, path)
        self._read_config_data(path)
        try:
            fleet = self._fleet(path, cache)
            self._populate(fleet)
        except EsperError as error:
            raise AnsibleParserError(str(error)) from None

    # --- the tenant's data ------------------------------------------------------------------------------------------

    def _fleet(self, path: str, cache: bool) -> Row:
        """What the tenant says, from the cache where it may come from there.

        It is plain JSON data: ``devices`` (see as_host), ``groups`` (id to path and parent), ``tags`` and
        ``blueprints`` (id to name).
        """
        options = {option.name: self._connection_option(option.name) for option in OPTIONS}
        filters = check_filters(self._templated(self.get_option("filters")))
        caches = self.get_option("cache")
        identity = json.dumps([_CACHE_FORMAT, api_url_of(options), filters], sort_keys=True)
        key = f"{self.get_cache_key(path)}_{hashlib.sha256(identity.encode()).hexdigest()[:16]}"
        if caches and cache:
            try:
                return t.cast(Row, self._cache[key])
            except KeyError:
                pass
        connection = Connection.from_options(options)
        if connection.sends_key_in_clear:
            self.display.warning("The API key is sent unencrypted, since api_url is no https URL.")
        with Client(connection, user_agent=f"ansible-core/{core_version}", log=self.display.vvv) as client:
            fleet = self._fetch(References(client), filters)
        if caches:
            self._cache[key] = fleet
        return fleet

    def _connection_option(self, name: str) -> t.Any:
        value = self._templated(self.get_option(name))
        if value is None or isinstance(value, (bool, int, float)):
            return value
        # A vaulted value is decrypted when it is made a string.
        return str(value)

    def _templated(self, value: t.Any) -> t.Any:
        """An option's value, with the templates in it evaluated."""
        if isinstance(value, dict):
            return {key: self._templated(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._templated(item) for item in value]
        return self.templar.template(value) if isinstance(value, str) and self.templar.is_template(value) else value

    def _fetch(self, references: References, filters: Row) -> Row:
        query = resolve_filters(references, filters)
        rows = list_devices(
            references.client,
            query,
            concurrency=max(int(self.get_option("concurrency")), 1),
            on_progress=self._show_progress,
        )
        devices = [as_host(row) for row in rows]
        groups = {
            row["id"]: {"path": path_of(row), "parent": last_uuid(row.get("parent"))}
            for row in references.rows(DEVICE_GROUP, {})
        }
        blueprints: dict[str, str] = {}
        if any(device["blueprint_id"] or device["current_blueprint_id"] for device in devices):
            blueprints = {row["id"]: row["name"] for row in references.rows(BLUEPRINTS, {})}
        tags = self._tag_names(references) if any(device["tag_ids"] for device in devices) else {}
        return {"devices": devices, "groups": groups, "blueprints": blueprints, "tags": tags}

    def _tag_names(self, references: References) -> dict[str, str]:
        try:
            return {row["id"]: row.get("tag") or row["id"] for row in references.rows(TAG, {})}
        except ApiError as error:
            if error.status not in _REFUSALS:
                raise
            self.display.warning(
                "Tags go by their ids, since this tenant does not tell their names"
                f" ({error.method} {error.path} answered {error.status})."
            )
            return {}

    def _show_progress(self, read: int, count: int | None) -> None:
        self.display.v(f"esper.cloud.devices: {read} of {'an unknown number of' if count is None else count} devices")

    # --- hosts and groups -------------------------------------------------------------------------------------------

    def _populate(self, fleet: Row) -> None:
        shows_disabled = self.get_option("include_disabled") or "state" in self.get_option("filters")
        devices = [each for each in fleet["devices"] if shows_disabled or each["state_code"] != DISABLED]
        self.inventory.add_group(_TOP)
        interpreter = "{{ ansible_playbook_python }}"
        self.inventory.set_variable(_TOP, "ansible_connection", _data("local"))
        if trust_as_template is not None:
            interpreter = trust_as_template(interpreter)
        self.inventory.set_variable(_TOP, "ansible_python_interpreter", interpreter)

        prefix = self.get_option("vars_prefix")
        if not re.fullmatch(r"[A-Za-z_]\w*", prefix, re.ASCII):
            raise InvalidParameter(f"The vars_prefix '{prefix}' cannot begin the name of a variable.")
        all_variables = [self._variables(device, fleet, prefix) for device in devices]
        grouping = self._native_groups(fleet, devices)
        strict, compose = self.get_option("strict"), self.get_option("compose")
        groups, keyed_groups = self.get_option("groups"), self.get_option("keyed_groups")
        failures: Counter[str] = Counter()
        hostnames = unique_hostnames(
            [self._hostname_candidates(*each, strict, failures) for each in zip(devices, all_variables, strict=True)],
            [device["id"] for device in devices],
            taken=self._taken_names(f"{prefix}id", devices),
        )
        for preference in (each for each, count in failures.items() if count == len(devices)):
            self.display.warning(f"The host name expression '{preference}' cannot be evaluated for any device.")
        for device, variables, name in zip(devices, all_variables, hostnames, strict=True):
            host = _data(name)
            self.inventory.add_host(host, _TOP if device["group_id"] not in grouping["group"] else None)
            for variable, value in variables.items():
                self.inventory.set_variable(host, variable, value)
            for group in self._groups_of(device, grouping):
                self.inventory.add_child(group, host)
            if compose:
                self._set_composite_vars(compose, variables, host, strict=strict)
            if groups:
                self._add_host_to_composed_groups(groups, variables, host, strict=strict)
            if keyed_groups:
                self._add_host_to_keyed_groups(keyed_groups, variables, host, strict=strict)

    def _taken_names(self, id_variable: str, devices: list[Row]) -> set[str]:
        """The names that a device would share with a group, which Ansible cannot tell from a host, or with a device of
        another tenant. A host of the same name in another source is meant to be the same host."""
        ids = {device["id"] for device in devices}
        others = {
            name
            for name, host in self.inventory.hosts.items()
            if host.vars.get(id_variable) is not None and host.vars[id_variable] not in ids
        }
        return {*self.inventory.groups, *others}

    def _variables(self, device: Row, fleet: Row, prefix: str) -> Row:
        """The host variables of a device: what the API says of it, with names beside the ids."""
        group = fleet["groups"].get(device["group_id"])
        named = {
            **device,
            "group": group["path"] if group else None,
            "tags": [fleet["tags"].get(tag, tag) for tag in device["tag_ids"]],
            "blueprint": fleet["blueprints"].get(device["blueprint_id"]),
            "current_blueprint": fleet["blueprints"].get(device["current_blueprint_id"]),
        }
        return {f"{prefix}{name}": _data(value) for name, value in named.items()}

    def _compose(self, template: str, variables: Row) -> t.Any:
        """What an expression of the user's comes to; it may well be what the API says."""
        return _data(super()._compose(template, variables))

    def _hostname_candidates(
        self, device: Row, variables: Row, strict: bool, failures: Counter[str]
    ) -> list[str | None]:
        """The names that a device may have, in the order of preference. Counts the expressions that failed."""
        candidates: list[str | None] = []
        for preference in self.get_option("hostnames"):
            if preference in _NAMED_BY:
                candidates.append(device[preference])
                continue
            try:
                value = self._compose(preference, variables)
            except Exception as error:  # whatever an expression of the user's raises
                if strict:
                    raise AnsibleParserError(
                        f"The host name expression '{preference}' cannot be evaluated for the device"
                        f" {device['id']}: {error}"
                    ) from error
                failures[preference] += 1
                continue
            candidates.append(None if value is None else str(value))
        return candidates

    def _native_groups(self, fleet: Row, devices: list[Row]) -> dict[str, dict[t.Any, str]]:
        """Ansible's groups by what they stand for, such as a tag's id, for each sort of O(group_by). Groups of devices
        are all there, the others where a device belongs to them."""
        used_tags = {tag for device in devices for tag in device["tag_ids"]}
        sorts: dict[str, dict[str, str]] = {
            # The root is named in full, and left out of the names below it.
            "group": {key: each["path"].partition("/")[2] or each["path"] for key, each in fleet["groups"].items()},
            "tag": {tag: fleet["tags"].get(tag, tag) for tag in used_tags},
            "platform": {each["platform"]: each["platform"] for each in devices if each["platform"]},
            "state": {each["state"]: each["state"] for each in devices},
            "blueprint": {
                each["blueprint_id"]: fleet["blueprints"].get(each["blueprint_id"], each["blueprint_id"])
                for each in devices
                if each["blueprint_id"]
            },
        }
        chosen = self.get_option("group_by")
        grouping: dict[str, dict[t.Any, str]] = {sort: {} for sort in sorts}
        for sort in (each for each in sorts if each in chosen):
            names, clashes = group_names(sort, sorts[sort], to_safe_group_name)
            for name, originals in clashes:
                self.display.warning(
                    f"The inventory group {name} would be the name of several: {', '.join(originals)}."
                    " The start of the id is appended to the name of each."
                )
            grouping[sort] = {key: self.inventory.add_group(name) for key, name in names.items()}
        for key, name in grouping["group"].items():
            self.inventory.add_child(grouping["group"].get(fleet["groups"][key]["parent"], _TOP), name)
        return grouping

    def _groups_of(self, device: Row, grouping: dict[str, dict[t.Any, str]]) -> t.Iterator[str]:
        keys = (
            ("group", device["group_id"]),
            ("platform", device["platform"]),
            ("state", device["state"]),
            ("blueprint", device["blueprint_id"]),
            *(("tag", tag) for tag in device["tag_ids"]),
        )
        for sort, key in keys:
            if (group := grouping[sort].get(key)) is not None:
                yield group
