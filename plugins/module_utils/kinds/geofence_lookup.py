# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lookup of geofences in both generations of the API."""

from __future__ import annotations

import typing as t

from ..base.errors import ApiError, NotFound
from ..base.ids import is_uuid, normal_id
from ..base.row import Params, Row
from ..base.text import composed, unicode_forms
from ..engine.lookup import Lookup
from ..engine.tenant_view import TenantView
from ..http.client import Query
from ..model.kind import Kind
from .geofence_forms import V0, V0_OBJECT

_NO_V1 = "geofence: v1 is not available"
_UNAVAILABLE = (401, 403, 404)


class GeofenceLookup(Lookup):
    """Finds geofences in v1, and in v0 those that v1 does not have."""

    def __init__(self, view: TenantView, kind: Kind) -> None:
        super().__init__(view, kind)
        self._generation = "auto"

    def find(self, params: Params) -> Row | None:
        self._generation = params.get("generation") or "auto"
        return super().find(params)

    def find_by_id(self, identifier: str) -> Row | None:
        identifier = normal_id(identifier)
        rows = self._list_v1({"ids": identifier}) if is_uuid(identifier) else []
        if rows or self._generation == "v1":
            return next((row for row in rows if normal_id(row["id"]) == identifier), None)
        purpose = f"Reading the geofence {identifier}"
        row = self.view.find_at(V0_OBJECT, {"id": identifier}, kind=self.kind, purpose=purpose)
        if row is None and (self._generation == "v0" or not self.has_v1):
            # If the tenant or the URL is wrong, the list does not exist either, and this request fails.
            self.view.client.get(V0, query={"limit": 1}, purpose=self.kind.purpose_of_list)
        return row

    def find_by_name(self, name: str) -> list[Row]:
        name = name.strip()
        rows = self._from_v1(lambda: super(GeofenceLookup, self).find_by_name(name))
        if rows or not name or self._generation == "v1":
            return rows
        for query in [{}] if self.view.is_preloaded(self.kind) else [{"search": form} for form in unicode_forms(name)]:
            existing = self._list_v0(query)
            planned = {str(row["id"]): row for row in self.view.planned(self.kind)}
            rows = [
                row
                for row in existing
                if str(row["id"]) not in planned and not self.view.is_deleted(self.kind, row["id"])
            ]
            rows = [
                row
                for row in (*rows, *planned.values())
                if composed(str(row.get("name") or "")).strip() == composed(name)
            ]
            if rows:
                break
        return rows

    def list_existing(self) -> list[Row]:
        return self.list_all("auto")

    def list_all(self, generation: str, query: Query | None = None) -> list[Row]:
        """Return all existing geofences that match a query of both generations, those of v1 first."""
        self._generation = generation
        rows = self._list_v1(query)
        known = {str(row["id"]) for row in rows}
        return rows + [row for row in self._list_v0(query) if str(row["id"]) not in known]

    def resolve(self, name: str) -> Row:
        row = self.find({"id": name} if is_uuid(name) else {"name": name})
        if row is None:
            raise NotFound(self.kind.title, name, map(self.kind.name_of, self.list_all("auto")))
        return row

    def is_in_v1(self, identifier: str) -> bool:
        """Return whether v1 lists the geofence with an ID."""
        return bool(self._list_v1({"ids": identifier}))

    @property
    def has_v1(self) -> bool:
        """True unless Esper did not accept a request of this task for v1."""
        return not self.view.facts.get(_NO_V1)

    def _list_v1(self, query: Query | None) -> list[Row]:
        return self._from_v1(lambda: self.view.list_objects(self.kind, query))

    def _list_v0(self, query: Query | None) -> list[Row]:
        if self._generation == "v1":
            return []
        return self.view.list_at(V0, query or None, kind=self.kind, purpose=self.kind.purpose_of_list)

    def _from_v1(self, read: t.Callable[[], list[Row]]) -> list[Row]:
        """Return what a function reads from v1, nothing if the task uses v0."""
        if self._generation == "v0" or (self._generation == "auto" and not self.has_v1):
            return []
        try:
            return read()
        except ApiError as error:
            if self._generation == "v1" or error.status not in _UNAVAILABLE:
                raise
            # If Esper does not accept the API key for v0 either, the next request fails.
            self.view.facts[_NO_V1] = True
            return []
