# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How versions of apps are found: by app and version name, version code or ID.

A version is read from the legacy family first, then from v1: app_list.py explains both. A task with many versions reads
them from the list of all apps in the legacy family, and asks for one app only if the list lacks it.
"""

from __future__ import annotations

from ..base.errors import ApiError, InvalidParameter
from ..base.row import Params, Row
from ..engine.lookup import Lookup, lookup_of
from ..model.unknowns import KnownAfterApply
from .app_list import APPS, LEGACY, LEGACY_APPS, app_of, of_app, versions_of
from .app_package import is_wanted, may_be_wanted, names_version, validate, wanted_label, with_package
from .blueprint_usage import Usage, is_same_id, items_in, usage


class AppVersionLookup(Lookup):
    """Finds versions of apps, and the blueprints that use them."""

    def task_key(self, params: Params) -> str:
        """Return the text for the version that the options name."""
        return wanted_label(with_package(params))

    def dependency_ids(self, row: Row) -> set[str]:
        """Return the IDs of the version and of its app."""
        return {str(row["id"]), str(row.get("app_id"))}

    # --- finding ----------------------------------------------------------------------------------------------------

    def find(self, params: Params) -> Row | None:
        """Return the version that the options of a task address, or None. Options without a version address the app.
        Raise Ambiguous or InvalidParameter."""
        validate(params)
        wanted = with_package(params)
        app = self.find_app(wanted)
        if app and not names_version(wanted):
            return app
        found: list[Row] = []
        if app:
            uploads = [row for row in self.uploads_of(app) if may_be_wanted(row, wanted)]
            found = [*self._existing(app, wanted), *uploads]
        if not found and wanted["version_id"] is not None:
            self._check_app_of(wanted)
        return self.one_or_none(found, wanted_label(wanted), "Set version_code too.")

    def find_app(self, wanted: Params) -> Row | None:
        """Return the app that the options name, or None."""
        return lookup_of(self.view, APPS).find({"id": wanted["id"], "name": wanted["package_name"]})

    def uploads_of(self, app: Row) -> list[Row]:
        """Return the versions of an app that the same task uploads."""
        planned = self.view.planned(self.kind)
        return [row for row in planned if isinstance(row["id"], KnownAfterApply) and row["app_id"] == app["id"]]

    def versions_of(self, app: Row) -> list[Row]:
        """Return all versions of an app as Esper has them, which v1 lists."""
        return versions_of(self.view, app, kind=self.kind)

    def _existing(self, app: Row, wanted: Params) -> list[Row]:
        """Return the versions of an app that match the options of a task.

        Raise InvalidParameter if the version code belongs to a version with another name.
        """
        # A version code is unique in its app, so the lookup by code also finds a contradiction.
        code, name = wanted["version_code"], wanted["version_name"]
        query = {"version_code": name} if code is None else {"build_number": code}
        listed = self._listed(app)
        rows = self._in_legacy(app, query) if listed is None else listed
        # Only v1 has some versions. An upload that finds one of them adopts it.
        if not any(is_wanted(row, wanted) for row in rows) and (listed is None or not wanted["src"]):
            rows += self._in_v1(app, query)
        found = [row for row in rows if is_wanted(row, wanted)]
        if not found:
            _check_name_of_code(app, rows, wanted)
        return found

    def _listed(self, app: Row) -> list[Row] | None:
        """Return the versions of an app from the list of all apps. None if the task has few versions, so that the list
        is not read, or if the list lacks the app."""
        if not self.view.is_preloaded(self.kind):
            return None
        self.view.preload(LEGACY_APPS)
        listed = (self.view.whole_by_id(LEGACY_APPS) or {}).get(str(app["id"]).lower(), {})
        versions = listed.get("versions")
        if versions is None:
            return None
        return [of_app(app, row) for version in versions if (row := self.view.typed(self.kind, version))]

    def _in_legacy(self, app: Row, query: Row) -> list[Row]:
        """Return versions of an app in the legacy family, which lacks some apps."""
        try:
            rows = versions_of(self.view, app, query, family=LEGACY, kind=self.kind)
        except ApiError as error:
            if error.status != 404:
                raise
            return []
        self.view.derived(self.kind).update((str(row["id"]), True) for row in rows)
        return rows

    def _in_v1(self, app: Row, query: Row) -> list[Row]:
        """Return versions of an app in v1, after the legacy family was asked for them."""
        rows, is_in_legacy = versions_of(self.view, app, query, kind=self.kind), self.view.derived(self.kind)
        for row in rows:
            is_in_legacy.setdefault(str(row["id"]), False)
        return rows

    def _check_app_of(self, wanted: Params) -> None:
        """Raise InvalidParameter if the version ID of a task is that of a version of another app. Only the legacy
        family lists all apps with their versions."""
        for app in self.view.list_objects(LEGACY_APPS):
            for row in app.get("versions") or []:
                if is_same_id(row.get("id"), wanted["version_id"]):
                    raise InvalidParameter(
                        f"version_id {wanted['version_id']} is a version of the app '{APPS.name_of(app)}', not of"
                        f" '{wanted['package_name'] or wanted['id']}'."
                    )

    # --- more about a version that was found ------------------------------------------------------------------------

    def is_in_legacy(self, version: Row) -> bool:
        """Return whether the legacy family has a version that was found."""
        known: bool | None = self.view.derived(self.kind).get(str(version["id"]))
        return self._read_again(version) is not None if known is None else known

    def whole(self, version: Row) -> Row:
        """Return a version that was found with all of its properties. The list of all apps has some of them only."""
        if not self.view.is_preloaded(self.kind) or "installed_count" in version:
            return version
        return self._read_again(version) or version

    def _read_again(self, version: Row) -> Row | None:
        """Return a version as the legacy family has it, None if that lacks its app."""
        rows = self._in_legacy(app_of(version), {"version_code": version["version_code"]})
        return next((row for row in rows if is_same_id(row["id"], version["id"])), None)

    # --- usage ------------------------------------------------------------------------------------------------------

    def usage_of_app(self, app: Row) -> Usage:
        """Return the usage of an app with all of its versions."""
        return self._usage({"app_id": app["id"]}, "app_id", app["id"])

    def usage_of_version(self, version: Row, *, shared: bool = False) -> Usage:
        """Return the usage of a version. With ``shared``, one request serves all versions of its app."""
        key = "app_id" if shared else "app_version_id"
        return self._usage({key: version["app_id" if shared else "id"]}, "app_version_id", version["id"])

    def _usage(self, candidates: Row, key: str, wanted: object) -> Usage:
        def selects(settings: Row) -> bool:
            return any(is_same_id(item.get(key), wanted) for item in items_in(settings, ("android",), "apps"))

        return usage(self.view, {f"settings__android__{name}": value for name, value in candidates.items()}, selects)


def _check_name_of_code(app: Row, rows: list[Row], wanted: Params) -> None:
    """Raise InvalidParameter if the version code of a task belongs to a version with another name."""
    code, name = wanted["version_code"], wanted["version_name"]
    if code is None or name is None:
        return
    other = next((row for row in rows if str(row.get("build_number")) == str(code)), None)
    if other and other.get("version_code") != name:
        raise InvalidParameter(
            f"version_code {code} of the app '{APPS.name_of(app)}' is version_name {other['version_code']}, not {name}."
        )
