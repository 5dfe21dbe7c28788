# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The export of pipelines: their stages as a task describes them, without IDs.

Lists of devices and of collections differ from tenant to tenant, so they are left out.
"""

from __future__ import annotations

import typing as t

from ..base.row import Row
from ..engine.exporter import Exporter, without_plain_secrets
from ..engine.lookup import lookup_of
from ..http.parallel import in_parallel
from ..model.kind import Kind
from .content import CONTENT
from .enterprise_policy import ENTERPRISE_POLICY
from .pipeline_lookup import PipelineLookup
from .pipeline_operations import TYPES
from .pipeline_result import Shown
from .pipeline_tree import DEVICES, GROUPS

# Maximum number of pipelines that are read at the same time. Each of them takes parallel requests.
_PIPELINES = 4
_APP_ARGS = ("app_version", "package_name", "version_name", "version_code", "application_name")
# The key of the stages in a row.
_TREE = "tree"


class PipelineExporter(Exporter):
    """Exports pipelines with their stages."""

    def complete(self, rows: list[Row]) -> list[Row]:
        """Return pipelines with their stages."""
        return list(in_parallel(self.view.client, self._with_tree, rows, _PIPELINES))

    def _with_tree(self, row: Row) -> Row:
        reader = PipelineLookup(self.view, self.kind).tree_reader(row)
        tree = reader.read(has_unattached=False)
        reader.read_members([each for each in tree.target_lists if each.get("target_list_type") == GROUPS])
        return {**row, _TREE: tree}

    def options_of(self, row: Row, omitted: list[str]) -> Row:
        """Return the options for a pipeline that complete() returned."""
        raw = row[_TREE].stages
        stages = [
            self._stage(stage, each, f"stages[{index}]", omitted)
            for index, (stage, each) in enumerate(zip(Shown(self.view).stages(raw), raw, strict=True))
        ]
        # A time of 0 is not set.
        row = {**row, "timeout_seconds": row.get("timeout_seconds") or None}
        return {**super().options_of(row, omitted), "stages": stages}

    def _stage(self, stage: Row, raw: Row, path: str, lost: list[str]) -> Row:
        values = _set_values({key: stage[key] for key in ("name", "description", "timeout_seconds")})
        lists = []
        for index, each in enumerate(stage["target_lists"]):
            if each["type"] == GROUPS:
                lists.append({"name": each["name"], "groups": each["groups"]})
            else:
                # Devices and collections differ from tenant to tenant.
                lost.append(f"{path}.target_lists[{index}].{'devices' if each['type'] == DEVICES else 'collections'}")
        operation_lists = []
        for index, each in enumerate(raw["operation_lists"]):
            list_path = f"{path}.operation_lists[{index}]"
            about = {key: each[key] for key in ("name", "description") if each.get(key)}
            if any(operation.get("operation_type") not in TYPES for operation in each["operations"]):
                # A task replaces the list as a whole.
                lost.append(f"{list_path}.operations")
                operation_lists.append(about)
                continue
            operations = [
                self._operation(operation, f"{list_path}.operations[{number}]", lost)
                for number, operation in enumerate(each["operations"])
            ]
            operation_lists.append({**about, "operations": operations})
        return {**values, "target_lists": lists, "operation_lists": operation_lists}

    def _operation(self, operation: Row, path: str, lost: list[str]) -> Row:
        kind, args = operation.get("operation_type"), dict(operation["args"] or {})
        result: Row = {"type": kind}
        if operation["args"] is None:
            lost.append(f"{path}.args")
        if kind == "INSTALL" and args.get("package_name") and (args.get("version_name") or args.get("version_code")):
            terms = {key: args.get(key) for key in ("package_name", "version_name", "version_code")}
            result["app"] = {key: value for key, value in terms.items() if value is not None}
            args = {key: value for key, value in args.items() if key not in _APP_ARGS}
        if kind == "SYNC_CONTENT" and (name := self._name_of(CONTENT, args.get("content_id"))):
            result["content"] = name
            del args["content_id"]
        if kind == "SET_NEW_POLICY" and (name := self._name_of(ENTERPRISE_POLICY, _last_part(args.get("policy_url")))):
            result["policy"] = name
            del args["policy_url"]
        args = {key: without_plain_secrets(key, value, f"{path}.args.{key}") for key, value in args.items()}
        return {**result, "args": args} if args else result

    def _name_of(self, kind: Kind, identifier: t.Any) -> str:
        """Return the name of an object of another kind, "" if it does not exist."""
        if not identifier:
            return ""
        return lookup_of(self.view, kind).names_of([str(identifier)]).get(str(identifier), "")


def _set_values(values: Row) -> Row:
    """Return the values that are set. A time of 0 is not."""
    return {
        key: value for key, value in values.items() if value not in (None, "") and (key != "timeout_seconds" or value)
    }


def _last_part(url: t.Any) -> str:
    return url.rstrip("/").rpartition("/")[2] if isinstance(url, str) else ""
