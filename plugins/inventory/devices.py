# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: devices
short_description: Esper devices inventory source
version_added: 0.1.0
author: esper.cloud contributors (@ansible-collections)
description:
  - Each device that Esper manages, whatever its platform, is a host.
  - Hosts are grouped by device group (nested as in Esper), tag, platform, state and blueprint. See O(group_by).
  - Nobody logs in to a device. All hosts are in the group C(esper), which sets the connection
    P(esper.cloud.device#connection) and the controller's own interpreter. So modules of this collection run for a
    device without further settings, and tasks that need a login fail instead of running on the controller.
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
      - If a name is empty, or if several devices have it, none of them gets it. Each device then gets its next name, in
        the end its ID. So the names do not depend on the order in which Esper lists the devices.
      - Every name passes the same check. Names that are part of a path, that contain wildcards, that start with V(!),
        V(&), V(~) or V(@), or that contain a word such as V(all) or V(localhost), are not used. An ID is only used if
        it is a UUID. A device without a valid name is not in the inventory, and the plugin warns.
      - If a host or a group of another inventory source has the name already, the device gets its next name, and the
        plugin warns. To add variables to the host of a device from another source that is read first, set C(esper_id)
        to the ID of the device there.
    type: list
    elements: str
    default: [name, serial, id]
  vars_prefix:
    description: What the names of the host variables begin with.
    type: str
    default: esper_
  group_by:
    description:
      - Inventory groups to create. Their names are lower case. Characters other than letters, digits and underscores
        become underscores.
      - If several objects share a group name, such as the tags V(VIP) and V(vip), that group contains the devices of
        all of them. Each object also has a child group whose name ends in the start of its ID, and the plugin warns.
      - V(group) makes C(group_stores_berlin) for the device group C(All devices/Stores/Berlin), a child of
        C(group_stores), and C(group_all_devices) at the top.
      - V(tag) makes C(tag_kiosk), V(platform) makes C(platform_android), V(state) makes C(state_online), and
        V(blueprint) makes C(blueprint_point_of_sale) for the blueprint that is assigned to a device.
    type: list
    elements: str
    choices: [group, tag, platform, state, blueprint]
    default: [group, tag, platform, state, blueprint]
  connection:
    description:
      - Connection of the hosts.
      - V(device) uses P(esper.cloud.device#connection). Modules of this collection run on the controller, other tasks
        that need a connection fail, and gathering facts does nothing.
      - V(local) runs every task on the controller. Then M(ansible.builtin.reboot) or M(ansible.builtin.command) affects
        the controller, M(ansible.builtin.ping) succeeds for an offline device, and the facts are those of the
        controller.
    type: str
    choices: [device, local]
    default: device
  detail_level:
    description:
      - How much a host knows of its device. What is not told takes neither time nor memory, and is not in the cache.
      - V(minimal) is what hosts and groups are made of - C(esper_id), C(esper_name), C(esper_alias), C(esper_serial),
        C(esper_platform), C(esper_state), C(esper_state_code), C(esper_enterprise_id), C(esper_group_id),
        C(esper_tag_ids) and C(esper_blueprint_id). Names are looked up only for the groups that O(group_by) asks for.
      - V(standard) adds C(esper_group), C(esper_tags), C(esper_blueprint), C(esper_current_blueprint) and its ids,
        C(esper_blueprint_status), C(esper_os), C(esper_os_version), C(esper_agent_version), C(esper_last_seen),
        C(esper_battery_level), C(esper_hardware) and C(esper_network).
      - V(full) adds C(esper_global_device_id), C(esper_udid), C(esper_managed_by), C(esper_template),
        C(esper_device_source), C(esper_is_gms), C(esper_is_supervised), C(esper_is_locked_down),
        C(esper_provisioned_on), C(esper_created_at), C(esper_updated_at), C(esper_software), C(esper_memory) and
        C(esper_location).
    type: str
    choices: [minimal, standard, full]
    default: standard
  concurrency:
    description:
      - How many pages of devices, or afterwards lists of names, are fetched at a time, at most. It starts with one, and
        backs off when the service asks for fewer requests.
    type: int
    default: 4
  paging:
    description:
      - How the pages of devices are asked for. Either way each device comes once, also when others come and go
        meanwhile.
      - V(offset) fetches up to O(concurrency) pages at a time. Where devices moved from one page to another it reads
        the list again, twice at most.
      - V(cursor) fetches one page after another, and needs each only once.
    type: str
    choices: [offset, cursor]
    default: offset
  on_error:
    description:
      - What becomes of the inventory when the service cannot be reached, fails, or turns requests away because there
        are too many.
      - V(fail) says what is the matter. There is no inventory then.
      - V(cached) takes what was read last, however old, and warns. It needs O(cache=true), and a cache plugin that
        keeps what is out of date, as those that write files do. Where nothing is cached, it is as V(fail).
      - A key that is refused, or a mistake in the file, is always an error. The cache holds whole inventories only.
    type: str
    choices: [fail, cached]
    default: fail
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

---
# A large fleet in a few variables and groups. When the service is down, yesterday's will do.
plugin: esper.cloud.devices
detail_level: minimal
group_by: [group, platform]
cache: true
cache_plugin: ansible.builtin.jsonfile
cache_connection: ~/.cache/esper
cache_timeout: 3600
on_error: cached
"""

import contextlib
import functools
import gc
import hashlib
import json
import re
import typing as t
from collections import Counter

from ansible.errors import AnsibleParserError
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable, to_safe_group_name
from ansible.release import __version__ as core_version
from ansible.utils.unsafe_proxy import wrap_var
from ansible_collections.esper.cloud.plugins.module_utils.base.errors import EsperError, InvalidParameter, RequestFailed
from ansible_collections.esper.cloud.plugins.module_utils.base.names import group_names, unique_hostnames
from ansible_collections.esper.cloud.plugins.module_utils.base.row import Row
from ansible_collections.esper.cloud.plugins.module_utils.engine.tenant_view import TenantView
from ansible_collections.esper.cloud.plugins.module_utils.http.client import Client
from ansible_collections.esper.cloud.plugins.module_utils.http.connection import OPTIONS, Connection, api_url_of
from ansible_collections.esper.cloud.plugins.module_utils.kinds.device import DISABLED, MINIMAL, check_filters
from ansible_collections.esper.cloud.plugins.module_utils.kinds.group_path import ROOT, split_path
from ansible_collections.esper.cloud.plugins.module_utils.tasks.fleet import CACHE_FORMAT, KINDS, Fleet, read_fleet

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


_TOP = "esper"
_SHOWN_NAMES = 5
_NAMED_BY = ("name", "alias", "serial", "id")
_DOTTED_NAME = re.compile(r"[a-z_]\w*(\.[a-z_]\w*)*", re.ASCII | re.IGNORECASE)

# Ansible's groups by what they stand for, such as a tag's id, for each sort of O(group_by).
Grouping = dict[str, dict[t.Any, str]]


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):
    NAME = "esper.cloud.devices"

    def verify_file(self, path: str) -> bool:
        return path.endswith((".esper.yml", ".esper.yaml")) and super().verify_file(path)

    def parse(self, inventory: t.Any, loader: t.Any, path: str, cache: bool = True) -> None:
        super().parse(inventory, loader, path)
        self._read_config_data(path)
        try:
            with _no_search_for_garbage():
                self._populate(self._fleet(path, cache))
        except EsperError as error:
            raise AnsibleParserError(str(error)) from None

    # --- the tenant's data ------------------------------------------------------------------------------------------

    def _fleet(self, path: str, cache: bool) -> Fleet:
        """What the tenant says, from the cache where it may come from there."""
        options = {option.name: self._connection_option(option.name) for option in OPTIONS}
        filters = check_filters(self._templated(self.get_option("filters")))
        key = self._cache_key(path, api_url_of(options), filters)
        caches = self.get_option("cache")
        if caches and cache and (cached := self._cached(key)):
            return cached
        try:
            fleet = self._read(Connection.from_options(options), filters)
        except RequestFailed as error:
            return self._instead(error, key)
        if caches:
            # Nothing is written before the whole inventory stands.
            self._cache[key] = fleet.to_cache()
        return fleet

    def _cache_key(self, path: str, api_url: str, filters: Row) -> str:
        """A name for what is asked of whom. The key of the API has no part in it."""
        identity = json.dumps(
            [CACHE_FORMAT, api_url, filters, self.get_option("detail_level"), self._kinds()], sort_keys=True
        )
        return f"{self.get_cache_key(path)}_{hashlib.sha256(identity.encode()).hexdigest()[:16]}"

    def _kinds(self) -> list[str]:
        """What names are needed for: variables, groups, or both."""
        is_minimal, chosen = self.get_option("detail_level") == MINIMAL, self.get_option("group_by")
        return [each for each in KINDS if not is_minimal or each in chosen]

    def _cached(self, key: str) -> Fleet | None:
        try:
            return Fleet.from_cache(self._cache[key])
        except (KeyError, TypeError, ValueError):
            return None

    def _read(self, connection: Connection, filters: Row) -> Fleet:
        if connection.sends_key_in_clear:
            self.display.warning("The API key is sent unencrypted, since api_url is no https URL.")
        with Client(connection, user_agent=f"ansible-core/{core_version}", log=self.display.vvv) as client:
            return read_fleet(
                TenantView(client),
                filters,
                level=self.get_option("detail_level"),
                kinds=self._kinds(),
                concurrency=max(int(self.get_option("concurrency")), 1),
                by_cursor=self.get_option("paging") == "cursor",
                on_progress=self._show_progress,
                warn=self.display.warning,
            )

    def _instead(self, error: RequestFailed, key: str) -> Fleet:
        """What stands in for an inventory that could not be read. Raises the error where nothing does."""
        if self.get_option("on_error") != "cached" or not error.is_outage:
            raise error
        if not self.get_option("cache"):
            raise EsperError(f"{error} Nothing can stand in for it: on_error=cached needs cache=true.")
        # To cache plugins this means that nothing grows too old.
        self.set_option("cache_timeout", 0)
        self.load_cache_plugin()
        fleet = self._cached(key)
        if fleet is None:
            raise EsperError(f"{error} Nothing is cached that could stand in for it.")
        self.display.warning(f"{error} The inventory is as it was at {fleet.read_at}.")
        return fleet

    def _show_progress(self, read: int, count: int | None) -> None:
        self.display.v(f"esper.cloud.devices: {read} of {'an unknown number of' if count is None else count} devices")

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

    # --- hosts and groups -------------------------------------------------------------------------------------------

    def _populate(self, fleet: Fleet) -> None:
        prefix = self.get_option("vars_prefix")
        if not re.fullmatch(r"[A-Za-z_]\w*", prefix, re.ASCII):
            raise InvalidParameter(f"The vars_prefix '{prefix}' cannot begin the name of a variable.")
        shows_disabled = self.get_option("include_disabled") or "state" in self.get_option("filters")
        devices = [each for each in fleet.devices if shows_disabled or each["state_code"] != DISABLED]
        # From here on there is one list of them, which _add_hosts() empties.
        fleet.devices = []
        variables = _Variables(fleet, prefix)
        self._add_top()
        grouping = self._native_groups(fleet, devices)
        hostnames = self._hostnames(devices, variables, taken=self._taken_names(f"{prefix}id"))
        constructed = self._add_hosts(devices, hostnames, variables, grouping)
        # With all hosts in it, since a host that joins a group has all groups above searched.
        self._link_groups(fleet, grouping["group"])
        for host, values in constructed:
            self._construct(host, values)

    def _add_top(self) -> None:
        self.inventory.add_group(_TOP)
        is_device = self.get_option("connection") == "device"
        self.inventory.set_variable(_TOP, "ansible_connection", _data("esper.cloud.device" if is_device else "local"))
        if is_device:
            # So that gathering facts does nothing, instead of failing.
            self.inventory.set_variable(_TOP, "ansible_facts_modules", [])
        interpreter = "{{ ansible_playbook_python }}"
        if trust_as_template is not None:
            interpreter = trust_as_template(interpreter)
        self.inventory.set_variable(_TOP, "ansible_python_interpreter", interpreter)

    def _add_hosts(
        self, devices: list[Row], hostnames: list[str | None], variables: _Variables, grouping: Grouping
    ) -> list[tuple[str, Row]]:
        """Add the hosts with their variables, each to its groups. Gives those that are left to construct from."""
        constructs = any(self.get_option(name) for name in ("compose", "groups", "keyed_groups"))
        constructed: list[tuple[str, Row]] = []
        inventory = self.inventory
        for device, name in zip(_taken_from(devices), hostnames, strict=True):
            if name is None:
                continue
            values = variables.of(device)
            is_new = name not in inventory.hosts
            # Since 2.19 a host's name is never trusted, whatever it is given as.
            host = inventory.add_host(
                name if trust_as_template is not None else _text(name),
                _TOP if device["group_id"] not in grouping["group"] else None,
            )
            if is_new:
                # What set_variable() comes to for a name that is valid and new, in a tenth of its time. It would also
                # note on each text, since 2.19, that it is from this file.
                inventory.hosts[host].vars.update(values)
            else:
                for variable, value in values.items():
                    inventory.set_variable(host, variable, value)
            for group in self._groups_of(device, grouping):
                inventory.add_child(group, host)
            if constructs:
                constructed.append((host, values))
        return constructed

    def _construct(self, host: str, variables: Row) -> None:
        strict = self.get_option("strict")
        if compose := self.get_option("compose"):
            self._set_composite_vars(compose, variables, host, strict=strict)
        if groups := self.get_option("groups"):
            self._add_host_to_composed_groups(groups, variables, host, strict=strict)
        if keyed_groups := self.get_option("keyed_groups"):
            self._add_host_to_keyed_groups(keyed_groups, variables, host, strict=strict)

    def _compose(self, template: str, variables: Row) -> t.Any:
        """What an expression of the user's comes to; it may well be what the API says."""
        known, value = self._value_of(template, variables)
        return value if known else _data(super()._compose(template, variables))

    def _value_of(self, expression: t.Any, variables: Row) -> tuple[bool, t.Any]:
        """Whether an expression only names a variable or a part of one, and its value. ansible-core would compile the
        expression for each host anew; before 2.19 it also makes texts of numbers, which is left to it."""
        if trust_as_template is None or self.get_option("use_extra_vars"):
            return False, None
        if not isinstance(expression, str) or not _DOTTED_NAME.fullmatch(expression):
            return False, None
        value: t.Any = variables
        for name in expression.split("."):
            # To Jinja such a name is a method of the dict.
            if not isinstance(value, dict) or name not in value or hasattr(dict, name):
                return False, None
            value = value[name]
        # Another source may have set a variable to a template.
        is_data = value is None or isinstance(value, (bool, int, float))
        return is_data or (isinstance(value, str) and _TEMPLATE_CHARACTERS.isdisjoint(value)), value

    # --- names ------------------------------------------------------------------------------------------------------

    def _hostnames(self, devices: list[Row], variables: _Variables, taken: Row) -> list[str | None]:
        preferences = self.get_option("hostnames")
        failures: Counter[str] = Counter()
        names, refused = unique_hostnames(
            [self._hostname_candidates(device, preferences, variables, failures) for device in devices],
            [device["id"] for device in devices],
            taken=taken,
        )
        for preference in (each for each, count in failures.items() if count == len(devices)):
            self.display.warning(f"The host name expression '{preference}' cannot be evaluated for any device.")
        if refused:
            renamed = (f"{', '.join(given_up)} (now {names[place]})" for place, given_up in refused.items())
            self.display.warning(
                "Hosts or groups of other inventory sources have the names of these devices, which are therefore named"
                f" otherwise: {_some(renamed)}."
            )
        if unnamed := [device["id"] for device, name in zip(devices, names, strict=True) if name is None]:
            self.display.warning(
                f"The inventory does not contain these devices, because none of their names is a valid host name:"
                f" {_some(map(repr, unnamed))}. Set a name or an alias that is valid and unique."
            )
        return names

    def _taken_names(self, id_variable: str) -> Row:
        """Return the names of all hosts and groups in the inventory, each with the ID of the device that it is, if any.
        A host of another source is a device only if it has the ID of the device in its variables."""
        groups = [*self.inventory.groups, *map(to_safe_group_name, self.get_option("groups") or ())]
        hosts = {name: host.vars.get(id_variable) for name, host in self.inventory.hosts.items()}
        return {**hosts, **dict.fromkeys(groups)}

    def _hostname_candidates(
        self, device: Row, preferences: list[str], variables: _Variables, failures: Counter[str]
    ) -> list[str | None]:
        """The names that a device may have, in the order of preference. Counts the expressions that failed."""
        candidates: list[str | None] = []
        values: Row = {}
        for preference in preferences:
            if preference in _NAMED_BY:
                candidates.append(device[preference])
                continue
            values = values or variables.of(device)
            try:
                value = self._compose(preference, values)
            except Exception as error:  # whatever an expression of the user's raises
                if self.get_option("strict"):
                    raise AnsibleParserError(
                        f"The host name expression '{preference}' cannot be evaluated for the device"
                        f" {device['id']}: {error}"
                    ) from error
                failures[preference] += 1
                continue
            candidates.append(None if value is None else str(value))
        return candidates

    # --- groups -----------------------------------------------------------------------------------------------------

    def _native_groups(self, fleet: Fleet, devices: list[Row]) -> Grouping:
        """Add the groups, without what is in them. Groups of devices are all there, the others where a device belongs
        to them."""
        used_tags = {tag for device in devices for tag in device["tag_ids"]}
        sorts: Grouping = {
            # The root is named in full, and left out of the names below it.
            "group": {key: "/".join(split_path(each["path"])) or ROOT for key, each in fleet.groups.items()},
            "tag": {tag: fleet.tags.get(tag, tag) for tag in used_tags},
            "platform": {each["platform"]: each["platform"] for each in devices if each["platform"]},
            "state": {each["state"]: each["state"] for each in devices},
            "blueprint": {
                each["blueprint_id"]: fleet.blueprints.get(each["blueprint_id"]) or each["blueprint_id"]
                for each in devices
                if each["blueprint_id"]
            },
        }
        chosen = self.get_option("group_by")
        grouping: Grouping = {sort: {} for sort in sorts}
        self._shared: dict[str, list[str]] = {}
        for sort in (each for each in sorts if each in chosen):
            names, shared = group_names(sort, sorts[sort], to_safe_group_name)
            grouping[sort] = {key: self.inventory.add_group(name) for key, name in names.items()}
            for name, keys in shared.items():
                self._add_shared_group(name, {grouping[sort][key]: sorts[sort][key] for key in keys})
        return grouping

    def _add_shared_group(self, name: str, originals: dict[str, str]) -> None:
        """Add the inventory group of a name that several objects share. ``originals`` has their names by the names of
        their own groups, which become children of this one."""
        self._shared[self.inventory.add_group(name)] = list(originals)
        self.display.warning(
            f"The inventory group {name} contains several objects with similar names:"
            f" {', '.join(sorted(originals.values()))}. Each one also has a group of its own: {', '.join(originals)}."
        )

    def _link_groups(self, fleet: Fleet, names: dict[t.Any, str]) -> None:
        """Make each device group a child of the one above it, and each group of a shared name the parent of those that
        share it. The edges are added from the top down, so that each host searches the groups above its own once."""
        keys = {name: key for key, name in names.items()}
        edges = [
            (_depth(fleet, key), names.get(fleet.groups[key]["parent"], _TOP), name) for key, name in names.items()
        ]
        for shared, children in self._shared.items():
            members = [keys[child] for child in children if child in keys]
            depth = 0
            if members:
                # As deep in the tree as its members allow, so that its variables take precedence over those above it.
                above = _common_ancestor(fleet, members)
                depth = 0 if above is None else _depth(fleet, above) + 1
                edges.append((depth, _TOP if above is None else names[above], shared))
            edges += [(depth, shared, child) for child in children]
        for _order, parent, child in sorted(edges, key=lambda edge: edge[0]):
            self.inventory.add_child(parent, child)

    def _groups_of(self, device: Row, grouping: Grouping) -> t.Iterator[str]:
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


def _some(texts: t.Iterable[str]) -> str:
    """Return a few texts in one line, and the number of the others."""
    all_texts = list(texts)
    more = len(all_texts) - _SHOWN_NAMES
    return ", ".join(all_texts[:_SHOWN_NAMES]) + (f" and {more} more" if more > 0 else "")


def _depth(fleet: Fleet, key: str) -> int:
    return len(split_path(fleet.groups[key]["path"]))


def _common_ancestor(fleet: Fleet, keys: list[str]) -> str | None:
    """Return the ID of the lowest device group that is above all of some device groups, None if there is none."""
    lines = [_ancestors(fleet, key) for key in keys]
    return next((each for each in lines[0] if all(each in line for line in lines)), None)


def _ancestors(fleet: Fleet, key: str) -> list[str]:
    """Return the IDs of the device groups above one, from the bottom up."""
    found: list[str] = []
    parent = fleet.groups[key]["parent"]
    while parent in fleet.groups and parent not in found:
        found.append(parent)
        parent = fleet.groups[parent]["parent"]
    return found


class _Variables:
    """What the hosts of a fleet know of their devices: what the API says, with names beside the ids."""

    def __init__(self, fleet: Fleet, prefix: str) -> None:
        self._fleet = fleet
        # Of each name there is one text, however many hosts have it.
        self._names = _Prefixed(prefix)

    def of(self, device: Row) -> Row:
        """The variables of one device's host."""
        names = self._names
        values: Row = {names[name]: _data(value) for name, value in device.items()}
        # The least that can be told has nothing that would have to be looked up.
        if "current_blueprint_id" in device:
            fleet = self._fleet
            group = fleet.groups.get(device["group_id"])
            values[names["group"]] = _data(group["path"]) if group else None
            values[names["tags"]] = [_text(fleet.tags.get(tag, tag)) for tag in device["tag_ids"]]
            values[names["blueprint"]] = _data(fleet.blueprints.get(device["blueprint_id"]))
            values[names["current_blueprint"]] = _data(fleet.blueprints.get(device["current_blueprint_id"]))
        return values


class _Prefixed(dict[str, str]):
    """Names of variables by their names without the prefix."""

    def __init__(self, prefix: str) -> None:
        super().__init__()
        self._prefix = prefix

    def __missing__(self, name: str) -> str:
        self[name] = f"{self._prefix}{name}"
        return self[name]


def _taken_from(rows: list[Row]) -> t.Iterator[Row]:
    """The rows in their order. Each leaves the list, so that its memory is free for what it is made into."""
    rows.reverse()
    while rows:
        yield rows.pop()


@contextlib.contextmanager
def _no_search_for_garbage() -> t.Iterator[None]:
    """Python searches all objects for cycles that nobody needs whenever there are a quarter more of them. A fleet is a
    great many, and none of them is garbage."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
