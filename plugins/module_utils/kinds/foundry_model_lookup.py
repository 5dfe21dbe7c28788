# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Device models of Foundry by name, for other kinds too: /v1/foundry/device-models/ of the contract (foundry.yaml).

Choice: a tenant has few device models, and the contract does not say whether the filters of the list are exact. So the
whole list is read, and names are compared here, case-sensitive.
Choice: a device model without display name is called by its manufacturer, model, profile name and profile variant.
"""

from __future__ import annotations

import typing as t

from ..base.errors import Ambiguous
from ..base.ids import is_uuid, normal_id
from ..base.row import Params, Row
from ..base.text import composed
from ..engine.lookup import Lookup
from ..model.field import Field
from ..model.kind import Kind, Routes, Shape

_PARTS = ("manufacturer", "model", "profile_name", "profile_variant")


def with_name(row: Row) -> Row:
    """Return a device model with its name: its display name, or else its other names."""
    parts = " ".join(str(row[key]) for key in _PARTS if row.get(key))
    return {**row, "name": row.get("model_display_name") or parts or None}


class DeviceModelLookup(Lookup):
    """Finds device models by display name, by manufacturer and model, or by ID."""

    def task_key(self, params: Params) -> str:
        if params.get("id") is not None:
            return str(normal_id(params["id"]))
        parts = (params.get(key) for key in ("name", *_PARTS))
        return " ".join(composed(part).strip() for part in parts if part is not None)

    def find(self, params: Params) -> Row | None:
        if params.get("id") is not None:
            return self.find_by_id(str(params["id"]))
        rows = self.find_all(params)
        name = (params.get("name") or "").strip()
        if not rows and is_uuid(name):
            return self.find_by_id(name)
        if len(rows) > 1:
            labels = [f"{self._full_name(row)} (ID {row[self.kind.id_key]})" for row in rows]
            advice = "Set id, or also the manufacturer, model, profile_name and profile_variant."
            raise Ambiguous(self.kind.title, self.task_key(params), labels, advice)
        return rows[0] if rows else None

    def find_by_name(self, name: str) -> list[Row]:
        return self.find_all({"name": name})

    def find_all(self, params: Params) -> list[Row]:
        """Return the device models that have all names in the options of a task."""
        wanted = {key: composed(params[key]).strip() for key in ("name", *_PARTS) if params.get(key) is not None}
        return [row for row in self.view.list_objects(self.kind) if self._has_names(row, wanted)]

    @staticmethod
    def _has_names(row: Row, wanted: t.Mapping[str, str]) -> bool:
        return all(composed(str(row.get(key) or "")).strip() == text for key, text in wanted.items())

    @staticmethod
    def _full_name(row: Row) -> str:
        names = (row.get(key) for key in ("model_display_name", *_PARTS))
        return " ".join(str(name) for name in names if name)


DEVICE_MODEL_ROUTES = Routes(
    list="/v1/foundry/device-models/",
    object="/v1/foundry/device-models/{id}/",
    update="PUT",
    page_size=100,
    name_filter="",
    has_object_get=False,
)
DEVICE_MODELS = Kind(
    name="foundry_device_model",
    title="Foundry device model",
    plural="foundry_device_models",
    routes=DEVICE_MODEL_ROUTES,
    shape=Shape.READ_ONLY,
    id_key="device_model_id",
    adapt=with_name,
    lookup=DeviceModelLookup,
    fields=(
        Field("id", api="device_model_id", writable=False),
        *(Field(name, writable=False) for name in ("name", *_PARTS)),
        Field("auto_update", type="bool", writable=False),
        Field("latest", type="bool", writable=False),
        Field("locked_build_id", writable=False),
    ),
)
"""Device models by ID and name, for other kinds. The kind with all fields is FOUNDRY_DEVICE_MODEL."""
