# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The return values of the module pipeline_info: the trees and runs of pipelines, and their export."""

from __future__ import annotations

import typing as t

from ..base.errors import InvalidParameter
from ..base.row import Params, Row
from ..base.secret_keys import is_secret_key, secret_values
from ..engine.lookup import lookup_of
from ..engine.reader import Reader
from ..engine.tenant_view import TenantView
from ..http.parallel import in_parallel
from ..model.kind import Kind
from .content import CONTENT
from .enterprise_policy import ENTERPRISE_POLICY
from .pipeline_lookup import PipelineLookup
from .pipeline_result import Shown
from .pipeline_tree import DEVICES, GROUPS, TreeReader

# Maximum number of pipelines that are read at the same time. Each of them takes parallel requests.
_PIPELINES = 4
_APP_ARGS = ("app_version", "package_name", "version_name", "version_code", "application_name")


def _reader_of(view: TenantView, row: Row) -> TreeReader:
    return TreeReader(view, row, f"pipeline '{row.get('name') or row['id']}'")


def read_unattached(view: TenantView, row: Row, _params: Params) -> list[Row]:
    """Return the target lists of a pipeline that no stage has, with their members."""
    reader = _reader_of(view, row)
    lists = reader.read(has_operations=False).unattached
    reader.read_members(lists)
    return Shown(view).target_lists(lists)


def read_runs(view: TenantView, row: Row, params: Params) -> list[Row]:
    """Return the latest runs of a pipeline."""
    return _reader_of(view, row).last_runs(params["runs"])


class PipelineReader(Reader):
    """Reads pipelines."""

    def get_info(self, params: Params) -> Row:
        """Return the pipelines that the options select, or their export."""
        if params["runs"] < 0:
            raise InvalidParameter(f"The option runs is {params['runs']}; the minimum is 0.")
        if not params["export"]:
            return super().get_info(params)
        omitted: list[Row] = []
        return {
            self.kind.plural: [self._exported(row, omitted) for row in self.read_rows(params)],
            "omitted": omitted,
        }

    def complete(self, rows: list[Row], params: Params) -> list[Row]:
        """Return pipelines with their stages, if the task asks for them."""
        if not params["tree"]:
            return rows
        return list(in_parallel(self.view.client, lambda row: self._with_stages(row, params), rows, _PIPELINES))

    def _with_stages(self, row: Row, params: Params) -> Row:
        reader = _reader_of(self.view, row)
        tree = reader.read(has_unattached=False)
        reader.read_members(tree.target_lists)
        if params["members"]:
            reader.read_devices([each for each in tree.target_lists if each.get("target_list_type") == GROUPS])
        return {**row, "stages": Shown(self.view).stages(tree.stages)}

    def _exported(self, row: Row, omitted: list[Row]) -> Row:
        """Return a pipeline as options of the module for another tenant. Append what it omits to ``omitted``."""
        reader = PipelineLookup(self.view, self.kind).tree_reader(row)
        tree = reader.read(has_unattached=False)
        reader.read_members([each for each in tree.target_lists if each.get("target_list_type") == GROUPS])
        record, lost = self.kind.to_result(row), list[str]()
        stages = [
            self._exported_stage(stage, raw, f"stages[{index}]", lost)
            for index, (stage, raw) in enumerate(zip(Shown(self.view).stages(tree.stages), tree.stages, strict=True))
        ]
        omitted += [{"pipeline": self.kind.name_of(row), "path": path} for path in lost]
        own = {field.name: record[field.name] for field in self.kind.fields if field.writable}
        return {**_set_values(own), "stages": stages}

    def _exported_stage(self, stage: Row, raw: Row, path: str, lost: list[str]) -> Row:
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
            operations = [
                self._exported_operation(operation, f"{list_path}.operations[{number}]", lost)
                for number, operation in enumerate(each["operations"])
            ]
            about = {key: each[key] for key in ("name", "description") if each.get(key) is not None}
            operation_lists.append({**about, "operations": operations})
        return {**values, "target_lists": lists, "operation_lists": operation_lists}

    def _exported_operation(self, operation: Row, path: str, lost: list[str]) -> Row:
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
        for key in [key for key in args if is_secret_key(key) or any(secret_values({key: args[key]}))]:
            lost.append(f"{path}.args.{key}")
            del args[key]
        return {**result, "args": args} if args else result

    def _name_of(self, kind: Kind, identifier: t.Any) -> str:
        """Return the name of an object of another kind, "" if it does not exist."""
        if not identifier:
            return ""
        return lookup_of(self.view, kind).names_of([str(identifier)]).get(str(identifier), "")


def _set_values(values: Row) -> Row:
    """Return the values that are set. A time of 0 is not."""
    return {key: value for key, value in values.items() if value is not None and (key != "timeout_seconds" or value)}


def _last_part(url: t.Any) -> str:
    return url.rstrip("/").rpartition("/")[2] if isinstance(url, str) else ""
