# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The export of Foundry builds and device models, which Esper creates: their settings."""

from __future__ import annotations

from ..base.row import Row
from ..engine.exporter import Exporter
from .foundry_build_lookup import is_withdrawn, labels_of
from .foundry_model_lookup import DEVICE_MODELS


class BuildExporter(Exporter):
    """Exports the builds that are approved."""

    def preload(self) -> None:
        super().preload()
        self.view.list_objects(DEVICE_MODELS)

    def rows(self) -> list[Row]:
        rows, models = self.existing(), self.view.list_objects(DEVICE_MODELS)
        labels, names = labels_of(rows), {str(row["device_model_id"]): DEVICE_MODELS.name_of(row) for row in models}
        return [
            {**row, "model_name": names.get(str(row.get("device_model_id"))), "label": labels[str(row["build_id"])]}
            for row in rows
            if row.get("approved")
        ]

    def options_of(self, row: Row, omitted: list[str]) -> Row:
        if not row["model_name"] or not row.get("version"):
            return {}
        types = {"build_type": row.get("build_type"), "arch": row.get("build_arch")}
        own = {} if row["label"] == row["version"] else {name: value for name, value in types.items() if value}
        # Otherwise no other tenant could get the approval, nor this one get it back.
        force = {"force": True} if is_withdrawn(row) else {}
        return {"device_model": row["model_name"], "version": row["version"], **own, "approved": True, **force}


class DeviceModelExporter(Exporter):
    """Exports the updates of device models. Esper chooses the build of a model that always has the latest one."""

    def options_of(self, row: Row, omitted: list[str]) -> Row:
        options = {"name": row.get("name"), **super().options_of(row, omitted)}
        if not options["name"]:
            return {}
        if not options.get("auto_update"):
            return {name: value for name, value in options.items() if name in ("name", "auto_update")}
        if options.get("latest"):
            options.pop("locked_build", None)
        return options
