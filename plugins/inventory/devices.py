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
  - Creates a host for each device of an Esper tenant, on all platforms.
  - Groups the hosts by device group (nested as in Esper), tag, platform, state and blueprint. See O(group_by).
  - Ansible does not log in to devices. The inventory group C(esper) contains all hosts. It sets the connection
    P(esper.cloud.device#connection) and the Python interpreter of the controller. So modules of this collection run
    for a device without further settings, and tasks that need a login fail instead of running on the controller.
  - The name of the source file must end in C(.esper.yml) or C(.esper.yaml).
  - The hosts use the connection of the source file for their tasks, see the notes.
extends_documentation_fragment:
  - esper.cloud.connection.plugin
  - constructed
  - inventory_cache
notes:
  - The order of precedence of a connection option is the source file, extra variables, variables of the group C(all),
    environment variables. The variables of the group C(all) are those in C(group_vars) next to the source file and in
    sources that are read before. The first of these that sets O(tenant) or O(api_url) sets both.
  - Each host has the variable C(esper_api_url), so its tasks are for its own tenant. They also use the O(api_key),
    O(enterprise_id), O(validate_certs) and O(ca_path) of the source file, which are not variables. A program that reads
    the output of C(ansible-inventory), such as AWX, does not have them. Set them as variables there.
  - Connection options can be templates, such as a lookup of a secret, or vaulted values.
  - Values from the Esper API are data. Ansible never evaluates templates in them. If a playbook uses such a value as an
    expression, as in a C(when) with the text C({{ esper_alias }}), Ansible evaluates a text without braces. Write
    expressions without braces.
  - The cache never contains the API key. The owner of its files is the only one who can read them (mode 0600).
  - Esper does not document the request for the names of tags. If Esper rejects it, the plugin uses the IDs of the tags,
    and warns.
options:
  plugin:
    description: Name of this plugin. Marks the file as a source for it.
    type: str
    required: true
    choices: [esper.cloud.devices]
  deadline:
    default: 1800.0
  filters:
    description:
      - Filters that Esper applies to the list of devices. The keys are the query parameters of C(/v2/devices/).
      - A device must match all filters. A filter with a list matches devices with any of its values. By default, there
        are no filters. Lists that are too long for one request are split into several requests.
      - Text - V(serial), V(udid), V(search) (name, serial, IMEI, model and others), V(android_version),
        V(android_version_exact), V(ios_version), V(ipados_version), V(tvos_version), V(windows_version),
        V(active_connection), V(current_blueprint_version_id), V(current_blueprint_version_id_net),
        V(foundation_device_model_id), V(foundation_version), V(airwave_tenant_model_id), V(airwave_build_id),
        V(esper_agent_version_name), V(global_device_id).
      - Integers - V(battery_level_gte) and V(battery_level_lte) (percent), V(foundation_major_version),
        V(foundation_minor_version), V(foundation_build_number), V(airwave_build_number).
      - Booleans - V(is_gms), V(is_locked_down).
      - Choices - V(state) (a value of C(esper_state)), V(os) (V(Android), V(iOS), V(iPadOS), V(tvOS), V(Linux),
        V(Windows)), V(managed_by) (V(BLUEPRINT), V(TEMPLATE)).
      - One or a list - V(platform) (V(ANDROID), V(APPLE), V(LINUX), V(WINDOWS)), V(device_source) (V(ABM),
        V(NON_ABM)), V(template_multi) and V(policy_multi) (names of templates and policies, without commas).
      - One or a list of names or IDs - V(group_multi) (device groups by path, including the groups below them),
        V(group_multi_immediate) (excluding the groups below them), V(tags).
      - A name or an ID - V(assigned_blueprint_id), V(current_blueprint_id).
    type: dict
    default: {}
  exclude_filters:
    description:
      - Filters for devices that are not hosts, as a list of dictionaries with the keys and values of O(filters).
      - A device is excluded if it matches all filters of one dictionary. An empty dictionary is an error.
      - Each dictionary costs one more request for each 1000 devices that match it.
    type: list
    elements: dict
    default: []
  include_disabled:
    description:
      - If V(true), devices in the state V(disabled) are hosts too. Somebody wiped them, or removed them from the
        console.
      - A V(state) in O(filters) also includes them.
    type: bool
    default: false
  hostnames:
    description:
      - Sources of the host name, in the order of preference. V(name), V(alias), V(serial), V(id), or a Jinja expression
        on the host variables, such as C(esper_alias ~ '.' ~ esper_platform).
      - If a name is empty, or if several devices have it, none of them gets it. Each device then gets its next name,
        and finally its ID. So the names do not depend on the order in which Esper lists the devices. If several devices
        have a name, the plugin warns.
      - The value of an expression is not a name if it contains the text of a null value, such as V(None.ANDROID).
      - Every name must be valid. Names with whitespace, colons, commas, slashes or wildcards are not used, unless
        O(clean_hostnames=true). Neither are names that start with V(!), V(&), V(~) or V(@).
      - Names such as V(all) or V(localhost), and names of more than 512 characters, are never used. An ID is only used
        if it is a UUID. The inventory omits a device without a valid name, and the plugin warns.
      - If a host or a group of another inventory source already has the name, the device gets its next name, and the
        plugin warns. To add variables to the host of a device from another source that is read first, set C(esper_id)
        to the ID of the device there.
    type: list
    elements: str
    default: [name, serial, id]
  clean_hostnames:
    description:
      - If V(true), characters that are not valid in a name become underscores, so V(Till 1) becomes V(Till_1).
      - If V(false), a device with such a name gets its next name.
    type: bool
    default: false
  vars_prefix:
    description:
      - Prefix of the names of the host variables.
      - It must start with a letter or an underscore, and contain only letters, digits and underscores.
    type: str
    default: esper_
  group_by:
    description:
      - Inventory groups to create. Their names are lower case. Characters other than letters, digits and underscores
        become underscores.
      - If several objects share a group name, such as the tags V(VIP) and V(vip), that group contains the devices of
        all of them. Each object also has a child group whose name ends in the start of its ID, and the plugin warns.
      - A name with more than 512 characters, which AWX would cut, is shortened and ends in a digest. The plugin warns.
      - V(group) creates C(group_stores_berlin) for the device group C(All devices/Stores/Berlin), a child of
        C(group_stores), and C(group_all_devices) at the top.
      - V(tag) creates C(tag_kiosk), V(platform) creates C(platform_android), V(state) creates C(state_online), and
        V(blueprint) creates C(blueprint_point_of_sale) for the blueprint that is assigned to a device.
    type: list
    elements: str
    choices: [group, tag, platform, state, blueprint]
    default: [group, tag, platform, state, blueprint]
  include_empty_groups:
    description:
      - If V(true), each device group of the tenant is an inventory group.
      - If V(false), only device groups with hosts in them or in their subgroups are inventory groups. Ansible warns if
        a pattern contains another group.
    type: bool
    default: true
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
      - Amount of detail in the host variables. Lower levels need less time and memory, and a smaller cache.
      - V(minimal) sets the variables that hosts and groups need - C(esper_id), C(esper_name), C(esper_alias),
        C(esper_serial), C(esper_platform), C(esper_state), C(esper_state_code), C(esper_enterprise_id),
        C(esper_group_id), C(esper_tag_ids) and C(esper_blueprint_id). The plugin reads names only for the groups in
        O(group_by).
      - V(standard) adds C(esper_group), C(esper_tags), C(esper_blueprint), C(esper_current_blueprint) and its IDs,
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
      - Maximum number of pages of devices that the plugin reads at the same time, after the first page. Values above 8
        are the same as 8.
      - Also the maximum number of lists of names that it reads at the same time. For each list, it reads at most 20
        pages at a time.
      - If Esper returns HTTP 429 or 503, the plugin halves the number of pages, and adds one with each response.
      - Values below 1 are the same as 1.
    type: int
    default: 4
  paging:
    description:
      - Method to read the pages of devices. With both methods, the inventory contains the devices that the list had at
        one moment while the plugin read it. If devices were removed at the same time, the plugin reads the list again,
        at most four times, and then fails.
      - V(offset) reads at most O(concurrency) pages at a time.
      - V(cursor) reads one page after another. It only compares the number of devices, so it does not notice if as many
        devices were added as removed.
    type: str
    choices: [offset, cursor]
    default: offset
  on_error:
    description:
      - Action if the Esper API is unreachable, returns a server error, or rejects requests because of a rate limit.
      - V(fail) fails with the error, and the inventory is empty.
      - V(cached) uses the last inventory in the cache, regardless of its age, and warns. It requires O(cache=true), and
        a cache plugin that keeps expired entries, such as those that write files. If the cache has no inventory for
        the same options, it is the same as V(fail).
      - An invalid API key and an invalid option are always errors. The cache only contains complete inventories.
    type: str
    choices: [fail, cached]
    default: fail
"""

EXAMPLES = r"""
# fmt: code
# fleet.esper.yml: ESPER_TENANT and ESPER_API_KEY set the tenant and the API key.
plugin: esper.cloud.devices

---
# Only the kiosks in two cities, named by alias. The API key is in a vault.
plugin: esper.cloud.devices
tenant: acme
api_key: "{{ lookup('ansible.builtin.unvault', 'acme.key') | trim }}"
filters:
  group_multi: [Stores/Berlin, Stores/Hamburg]
  tags: kiosk
hostnames: [alias, name]

---
# All devices except those that are offline in the lab, or have the tag retired. Only groups with hosts.
plugin: esper.cloud.devices
exclude_filters:
  - group_multi: Lab
    state: offline
  - tags: retired
include_empty_groups: false

---
# Own variables and groups, in addition to those for device groups and tags. The cache is valid for ten minutes.
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
# A large fleet with few variables and groups. During an outage, the plugin uses the last inventory in the cache.
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
import difflib
import hashlib
import json
import os
import re
import typing as t
from collections import Counter
from pathlib import Path

from ansible.constants import config as ansible_config
from ansible.errors import AnsibleParserError
from ansible.inventory.host import Host
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable, to_safe_group_name
from ansible.release import __version__ as core_version
from ansible.vars.plugins import get_vars_from_inventory_sources
from ansible_collections.esper.cloud.plugins.module_utils.base.errors import EsperError, InvalidParameter, RequestFailed
from ansible_collections.esper.cloud.plugins.module_utils.base.names import unique_hostnames
from ansible_collections.esper.cloud.plugins.module_utils.base.redaction import Redaction
from ansible_collections.esper.cloud.plugins.module_utils.base.row import Row
from ansible_collections.esper.cloud.plugins.module_utils.base.text import counted, listed, printable
from ansible_collections.esper.cloud.plugins.module_utils.engine.tenant_view import TenantView
from ansible_collections.esper.cloud.plugins.module_utils.http.client import Client
from ansible_collections.esper.cloud.plugins.module_utils.http.connection import (
    OPTIONS,
    Connection,
    Place,
    api_url_of,
    combine,
    values_in_environment,
)
from ansible_collections.esper.cloud.plugins.module_utils.kinds.device import DISABLED, MINIMAL, check_filters
from ansible_collections.esper.cloud.plugins.module_utils.tasks.fleet import CACHE_FORMAT, KINDS, Fleet, read_fleet
from ansible_collections.esper.cloud.plugins.plugin_utils import inventory_connections
from ansible_collections.esper.cloud.plugins.plugin_utils.api_values import (
    HAS_TRUST,
    as_data,
    as_template,
    as_text,
    has_no_template,
)
from ansible_collections.esper.cloud.plugins.plugin_utils.device_groups import ROOT_GROUP, DeviceGroups
from ansible_collections.esper.cloud.plugins.plugin_utils.garbage import without_collections
from ansible_collections.esper.cloud.plugins.plugin_utils.host_variables import HostVariables, VariableBuilder

# The connection plugins by the values of the option.
_CONNECTIONS = {"device": "esper.cloud.device", "local": "local"}
_HOSTNAME_FIELDS = ("name", "alias", "serial", "id")
_NAMES_PLUGIN = re.compile(r"^[\"']?plugin[\"']?\s*:\s*[\"']?esper\.cloud\.devices\b", re.MULTILINE)
_LARGEST_FILE = 100_000
# Stands for a null value in an expression. No name contains it.
_NULL = "\ue000"
_DOTTED_NAME = re.compile(r"[a-z_]\w*(\.[a-z_]\w*)*", re.ASCII | re.IGNORECASE)


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):
    NAME = "esper.cloud.devices"
    _vars: Row | None

    def verify_file(self, path: str) -> bool:
        is_readable = super().verify_file(path)
        if path.endswith((".esper.yml", ".esper.yaml")):
            return bool(is_readable)
        if is_readable and _names_plugin(path):
            self._warn(
                f"{path} is not read, although it names the plugin {self.NAME}. Rename it, so that its name ends in"
                " .esper.yml."
            )
        return False

    def parse(self, inventory: t.Any, loader: t.Any, path: str, cache: bool = True) -> None:
        super().parse(inventory, loader, path)
        self._keys: list[str] = []
        try:
            options = self._read_options(path)
            with without_collections(inventory):
                fleet = self._load_fleet(path, cache, options)
                self._populate(fleet, api_url_of(options))
        except EsperError as error:
            # It can suggest names of objects, and somebody can name an object like the key.
            raise AnsibleParserError(printable(Redaction(self._keys).text(str(error)))) from None

    # --- the options ------------------------------------------------------------------------------------------------

    def _read_options(self, path: str) -> Row:
        """Read the source file, and return the connection options."""
        extra: Row = self._vars or {}
        variables = {**self._variables_of_all(path), **extra}
        self._vars = variables
        try:
            config = self._read_config_data(path)
        finally:
            self._vars = extra
        self._check_keys(config)
        if variables:
            # A variable can be a template with others, such as those in a vault.
            self.templar.available_variables = variables
        try:
            return self._connection_options(path, config, variables)
        finally:
            if variables:
                self.templar.available_variables = {}

    def _variables_of_all(self, path: str) -> Row:
        """Return the variables of the group all: those of sources that were read before, and of the files next to the
        source."""
        group = self.inventory.groups["all"]
        return {**group.get_vars(), **get_vars_from_inventory_sources(self.loader, [path], [group], "all")}

    def _check_keys(self, config: t.Mapping[str, t.Any]) -> None:
        known = [*ansible_config.get_configuration_definitions("inventory", self._load_name), "plugin"]
        for key in config:
            if key not in known:
                near = difflib.get_close_matches(str(key), known, n=1)
                hint = f"Did you mean '{near[0]}'?" if near else f"Valid options: {', '.join(sorted(set(known)))}."
                raise InvalidParameter(f"Unknown option '{key}' in the inventory file. {hint}")
        for name in ("filters", "exclude_filters"):
            # Otherwise, the inventory would have all devices.
            if name in config and config[name] is None:
                raise InvalidParameter(f"The option {name} is null. Set a value, or omit it.")

    def _connection_options(self, path: str, config: t.Mapping[str, t.Any], variables: Row) -> Row:
        file = {each.name: self._plain(config[each.name]) for each in OPTIONS if config.get(each.name) is not None}
        in_variables = {
            each.name: value
            for each in OPTIONS
            if (value := self._plain(variables.get(each.variable))) is not None and str(value).strip()
        }
        places = (
            Place("the inventory file", file),
            Place("the variables", in_variables, is_mixed=True),
            Place("the environment variables", values_in_environment(os.environ)),
        )
        self._keys = [str(place.values["api_key"]) for place in places if place.values.get("api_key")]
        combined = {name: value for name, (_index, value) in combine(places).items()}
        # The places of texts are those above. Ansible also converts the values of the other options.
        texts = ("tenant", "api_url", "api_key", "enterprise_id")
        options = {
            each.name: combined.get(each.name) if each.name in texts else self._plain(self.get_option(each.name))
            for each in OPTIONS
        }
        inventory_connections.remember(path, api_url_of(options), file)
        return options

    def update_cache_if_changed(self) -> None:
        super().update_cache_if_changed()
        # ansible-core makes the files of a cache readable for everybody.
        cache = self._cache._plugin
        file_name = getattr(cache, "_get_cache_file_name", None)
        # Since ansible-core 2.19, the names of the files have another key.
        key_of_file = getattr(cache, "_get_key", str)
        for file in {file_name(key_of_file(key)) for key in self._cache} if file_name else ():
            # A file that another user owns can be read, but only the owner can change its mode.
            with contextlib.suppress(FileNotFoundError, PermissionError):
                Path(file).chmod(0o600)

    def _warn(self, text: str) -> None:
        self.display.warning(printable(text))

    # --- the data of the tenant -------------------------------------------------------------------------------------

    def _load_fleet(self, path: str, cache: bool, options: Row) -> Fleet:
        """Return the fleet from the cache if it is enabled and valid, otherwise from the Esper API."""
        filters = check_filters(self._templated(self.get_option("filters")))
        excluded = [check_filters(each or {}) for each in self._templated(self.get_option("exclude_filters"))]
        if {} in excluded:
            raise InvalidParameter("Invalid exclude_filters: an empty dictionary would exclude all devices. Remove it.")
        key = self._cache_key(path, api_url_of(options), filters, excluded)
        is_cache_enabled = self.get_option("cache")
        if is_cache_enabled and cache and (cached := self._cached_fleet(key)):
            return cached
        try:
            fleet = self._read_fleet(Connection.from_options(options), filters, excluded)
        except RequestFailed as error:
            return self._fallback_to_cache(error, key)
        if is_cache_enabled:
            # Only a complete inventory is cached.
            self._cache[key] = fleet.to_cache()
        return fleet

    def _cache_key(self, path: str, api_url: str, filters: Row, excluded: list[Row]) -> str:
        """Return the key of the cache for the tenant and the options that select the data. It does not depend on the
        API key."""
        identity = json.dumps(
            [CACHE_FORMAT, api_url, filters, excluded, self.get_option("detail_level"), self._needed_names()],
            sort_keys=True,
        )
        return f"{self.get_cache_key(path)}_{hashlib.sha256(identity.encode()).hexdigest()[:16]}"

    def _needed_names(self) -> list[str]:
        """Return the kinds of objects whose names variables or groups need."""
        is_minimal, group_by = self.get_option("detail_level") == MINIMAL, self.get_option("group_by")
        return [kind for kind in KINDS if not is_minimal or kind in group_by]

    def _cached_fleet(self, key: str) -> Fleet | None:
        try:
            return Fleet.from_cache(self._cache[key])
        except KeyError:
            return None
        except Exception as error:  # noqa: BLE001 - each cache plugin raises others if its data is damaged
            self._warn(
                f"The cache of the inventory is damaged, so the devices are read again ({type(error).__name__})."
            )
            return None

    def _read_fleet(self, connection: Connection, filters: Row, excluded: list[Row]) -> Fleet:
        with Client(
            connection,
            user_agent=f"ansible-core/{core_version}",
            log=self.display.vvv,
            progress=self._announce,
        ) as client:
            for warning in client.warnings:
                self._warn(warning)
            return read_fleet(
                TenantView(client),
                filters,
                excluded=excluded,
                level=self.get_option("detail_level"),
                kinds=self._needed_names(),
                concurrency=max(int(self.get_option("concurrency")), 1),
                by_cursor=self.get_option("paging") == "cursor",
                on_progress=self._show_progress,
                warn=self._warn,
            )

    def _fallback_to_cache(self, error: RequestFailed, key: str) -> Fleet:
        """Return the last fleet in the cache. Raise the error if the options do not allow that or there is none."""
        if self.get_option("on_error") != "cached" or not error.is_outage:
            raise error
        if not self.get_option("cache"):
            raise EsperError(f"{error} Cannot fall back to the cache: on_error=cached requires cache=true.")
        # For cache plugins, 0 means that entries do not expire.
        self.set_option("cache_timeout", 0)
        self.load_cache_plugin()
        fleet = self._cached_fleet(key)
        if fleet is None:
            raise EsperError(f"{error} Cannot fall back to the cache: it has no inventory for these options.")
        self._warn(f"{error} Using the cached inventory of {fleet.read_at}.")
        return fleet

    def _show_progress(self, read: int, count: int | None) -> None:
        total = "" if count is None else f" of {count}"
        self.display.v(f"esper.cloud.devices: read {read}{total} devices")

    def _announce(self, text: str) -> None:
        # The standard output of ansible-inventory is JSON.
        self.display.display(f"{self.NAME}: {printable(Redaction(self._keys).text(text))}", stderr=True)

    def _plain(self, value: t.Any) -> t.Any:
        """Return the value of a connection option with the templates in it evaluated."""
        value = self._templated(value)
        if value is None or isinstance(value, (bool, int, float)):
            return value
        # str() decrypts a vaulted value.
        return str(value)

    def _templated(self, value: t.Any) -> t.Any:
        """Return the value of an option with the templates in it evaluated."""
        if isinstance(value, dict):
            return {key: self._templated(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._templated(item) for item in value]
        return self.templar.template(value) if isinstance(value, str) and self.templar.is_template(value) else value

    # --- hosts ------------------------------------------------------------------------------------------------------

    def _populate(self, fleet: Fleet, api_url: str = "") -> None:
        prefix = self.get_option("vars_prefix")
        if not re.fullmatch(r"[A-Za-z_]\w*", prefix, re.ASCII):
            raise InvalidParameter(
                f"Invalid vars_prefix '{prefix}': it must start with a letter or an underscore, and contain only"
                " letters, digits and underscores."
            )
        includes_disabled = self.get_option("include_disabled") or "state" in self.get_option("filters")
        devices = [device for device in fleet.devices if includes_disabled or device["state_code"] != DISABLED]
        # _add_hosts() empties the only list that is left.
        fleet.devices = []
        constants = self._add_root_group()
        if api_url:
            constants[inventory_connections.URL_VARIABLE] = as_text(api_url)
        builder = VariableBuilder(fleet, prefix, constants)
        groups = DeviceGroups(self.inventory, fleet, self.get_option("group_by"), self._warn)
        groups.create(devices, with_empty=self.get_option("include_empty_groups"))
        hostnames = self._hostnames(devices, builder, taken=self._taken_names(f"{prefix}id", api_url))
        for host, variables in self._add_hosts(devices, hostnames, builder, groups):
            self._construct(host, variables)

    def _add_root_group(self) -> Row:
        """Add the group of all hosts with its variables. Return those that each host of this source needs, because the
        group has the connection of another source."""
        self.inventory.add_group(ROOT_GROUP)
        interpreter = as_template("{{ ansible_playbook_python }}")
        self.inventory.set_variable(ROOT_GROUP, "ansible_python_interpreter", interpreter)
        option = self.get_option("connection")
        variables: Row = {"ansible_connection": as_data(_CONNECTIONS[option])}
        current = self.inventory.groups[ROOT_GROUP].vars.get("ansible_connection")
        if current in _CONNECTIONS.values() and current != _CONNECTIONS[option]:
            return {**variables, "ansible_facts_modules": [] if option == "device" else ["smart"]}
        if option == "device":
            # Gathering facts does nothing instead of failing.
            variables["ansible_facts_modules"] = []
        for name, value in variables.items():
            self.inventory.set_variable(ROOT_GROUP, name, value)
        return {}

    def _add_hosts(
        self, devices: list[Row], hostnames: list[str | None], builder: VariableBuilder, groups: DeviceGroups
    ) -> list[tuple[str, Row]]:
        """Add the hosts with their variables to their groups. Return those that compose, groups and keyed_groups apply
        to."""
        is_constructed = any(self.get_option(name) for name in ("compose", "groups", "keyed_groups"))
        constructed: list[tuple[str, Row]] = []
        for device, name in zip(_drain(devices), hostnames, strict=True):
            if name is None:
                continue
            is_new = name not in self.inventory.hosts
            host = self._new_host(name, builder) if is_new else self.inventory.hosts[name]
            if is_new and not is_constructed:
                host.vars = HostVariables(builder, device)
            else:
                # What is constructed needs a plain dict.
                variables = builder.build(device)
                if is_new:
                    # Like set_variable(), but faster. Since 2.19 that would also tag each text with the source file.
                    host.vars = {**builder.common, **variables}
                else:
                    for variable, value in variables.items():
                        self.inventory.set_variable(host.name, variable, value)
                if is_constructed:
                    constructed.append((host.name, variables))
            groups.add_device(device, host)
        groups.complete()
        return constructed

    def _new_host(self, name: str, builder: VariableBuilder) -> Host:
        """Add a host. For the first one, ansible-core sets the variables that are the same for all hosts of the
        source. To do so, it reads the file system for each host."""
        # Since 2.19 a host name is never trusted. Before, an untrusted text must be marked.
        text = name if HAS_TRUST else as_text(name)
        hosts = self.inventory.hosts
        if not builder.common:
            host: Host = hosts[self.inventory.add_host(text)]
            builder.common = dict(host.vars)
            return host
        hosts[text] = host = Host(text)
        return host

    def _construct(self, host: str, variables: Row) -> None:
        strict = self.get_option("strict")
        if compose := self.get_option("compose"):
            self._set_composite_vars(compose, variables, host, strict=strict)
        if groups := self.get_option("groups"):
            self._add_host_to_composed_groups(groups, variables, host, strict=strict)
        if keyed_groups := self.get_option("keyed_groups"):
            self._add_host_to_keyed_groups(keyed_groups, variables, host, strict=strict)

    def _compose(self, template: str, variables: Row) -> t.Any:
        """Return the value of an expression as data, because it can contain values from the API."""
        is_found, value = self._lookup_name(template, variables)
        return value if is_found else as_data(super()._compose(template, variables))

    def _lookup_name(self, expression: t.Any, variables: Row) -> tuple[bool, t.Any]:
        """Return whether an expression only names a variable or a part of one, and its value.

        ansible-core compiles the expression again for each host. Before 2.19 it also converts texts to numbers, so this
        is only for later releases.
        """
        if not HAS_TRUST or self.get_option("use_extra_vars"):
            return False, None
        if not isinstance(expression, str) or not _DOTTED_NAME.fullmatch(expression):
            return False, None
        value: t.Any = variables
        for name in expression.split("."):
            # In Jinja, such a name is a method of the dict.
            if not isinstance(value, dict) or name not in value or hasattr(dict, name):
                return False, None
            value = value[name]
        # A variable of another source can be a template.
        is_data = value is None or isinstance(value, (bool, int, float))
        return is_data or (isinstance(value, str) and has_no_template(value)), value

    # --- names ------------------------------------------------------------------------------------------------------

    def _hostnames(self, devices: list[Row], builder: VariableBuilder, taken: Row) -> list[str | None]:
        preferences = self.get_option("hostnames")
        failures: Counter[str] = Counter()
        names, rejected, shared = unique_hostnames(
            [self._hostname_candidates(device, preferences, builder, failures) for device in devices],
            [device["id"] for device in devices],
            taken=taken,
            clean=self.get_option("clean_hostnames"),
        )
        for preference in (preference for preference, count in failures.items() if count == len(devices)):
            self._warn(f"The host name expression '{preference}' cannot be evaluated for any device.")
        if shared:
            doubles = [f"'{name}' ({counted(number)})" for name, number in sorted(shared.items())]
            self._warn(
                "Several devices have the same name. None of them gets it, and each one gets its next name:"
                f" {listed(doubles)}."
            )
        if rejected:
            renamed = [f"{', '.join(taken_names)} (now {names[index]})" for index, taken_names in rejected.items()]
            self._warn(
                "Hosts or groups of other inventory sources already have the names of these devices. Each device gets"
                f" its next name: {listed(renamed)}."
            )
        if unnamed := [device["id"] for device, name in zip(devices, names, strict=True) if name is None]:
            self._warn(
                f"The inventory does not contain these devices, because none of their names is a valid host name:"
                f" {listed([repr(each) for each in unnamed])}. Set a name or an alias that is valid and unique."
            )
        return names

    def _taken_names(self, id_variable: str, api_url: str) -> Row:
        """Return the names of all hosts and groups in the inventory, with the ID of the device that a host is. A host
        of another source is a device only if a variable has the ID of the device, and it is not of another tenant."""
        groups = [*self.inventory.groups, *map(to_safe_group_name, self.get_option("groups") or ())]
        url_variable = inventory_connections.URL_VARIABLE
        hosts = {
            name: host.vars.get(id_variable) if host.vars.get(url_variable, api_url) == api_url else None
            for name, host in self.inventory.hosts.items()
        }
        return {**hosts, **dict.fromkeys(groups)}

    def _hostname_candidates(
        self, device: Row, preferences: list[str], builder: VariableBuilder, failures: Counter[str]
    ) -> list[str | None]:
        """Return the possible names of a device in the order of preference. Count the expressions that fail."""
        candidates: list[str | None] = []
        variables: Row = {}
        for preference in preferences:
            if preference in _HOSTNAME_FIELDS:
                candidates.append(device[preference])
                continue
            variables = variables or builder.build(device)
            try:
                value = self._compose(preference, variables)
            except Exception as error:  # whatever an expression of the user raises
                if self.get_option("strict"):
                    raise AnsibleParserError(
                        f"The host name expression '{preference}' cannot be evaluated for the device"
                        f" {device['id']}: {error}"
                    ) from error
                failures[preference] += 1
                continue
            has_null = value is None or self._shows_null(preference, variables, str(value))
            candidates.append(None if has_null else str(value))
        return candidates

    def _shows_null(self, expression: str, variables: Row, value: str) -> bool:
        """Return whether the value of an expression contains the text of a null value. In Jinja, that is ``None``."""
        if "none" not in value.lower():
            return False
        try:
            # With another text in place of null, that text must be in the same places.
            marked = str(self._compose(expression, t.cast(Row, _with_marked_null(variables))))
        except Exception:  # noqa: BLE001 - whatever an expression of the user raises
            return False
        return _NULL in marked and marked.replace(_NULL, "none").lower() == value.lower()


def _with_marked_null(value: t.Any) -> t.Any:
    if isinstance(value, dict):
        return {key: _with_marked_null(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_marked_null(item) for item in value]
    return as_text(_NULL) if value is None else value


def _names_plugin(path: str) -> bool:
    """Return whether a file is a source of this plugin, except for its name."""
    try:
        file = Path(path)
        if not file.is_file() or file.stat().st_size > _LARGEST_FILE:
            return False
        return bool(_NAMES_PLUGIN.search(file.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return False


def _drain(rows: list[Row]) -> t.Iterator[Row]:
    """Yield the rows in their order, and remove each one from the list to free its memory."""
    rows.reverse()
    while rows:
        yield rows.pop()
