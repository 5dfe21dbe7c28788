# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lookup of app versions by app and version name, version code or ID.

A version is read from the legacy family first, then from v1: app_list.py explains both. A task with many versions reads
them from the list of all apps in the legacy family, and asks for one app only if the list lacks it.
"""

from __future__ import annotations

import functools
import typing as t

from ..base.errors import ApiError, InvalidParameter
from ..base.row import Params, Row
from ..http.parallel import together
from .app_list import APPS, LEGACY, LEGACY_APPS, app_of, version_code, versions_of, with_app
from .app_package import with_package
from .app_version_lookup import VersionLookup
from .blueprint_usage import Usage, is_same_id, usage_of


class AppVersionLookup(VersionLookup):
    """Finds versions of Android apps, and the blueprints that use them."""

    apps = APPS

    def with_file(self, params: Params) -> Params:
        """Return the options, completed from the APK file. Raise InvalidParameter if the file is invalid."""
        return with_package(params)

    def with_app(self, app: Row, version: Row) -> Row:
        """Return a version with the properties of its app."""
        return with_app(app, version)

    def app_of(self, version: Row) -> Row:
        """Return the app of a version that has its properties."""
        return app_of(version)

    def rank_of(self, version: Row) -> t.Any:
        """Return the version code, None if it is no number."""
        return version_code(version)

    def rank_label(self, version: Row) -> str:
        """Return the version code for messages."""
        return str(version.get("build_number"))

    # --- finding ------------------------------------------------------------------------------------------------------

    def versions_of(self, app: Row) -> list[Row]:
        """Return all versions of an app as Esper has them, which v1 lists."""
        return versions_of(self.view, app, kind=self.kind)

    def whole_versions_of(self, app: Row) -> list[Row]:
        """Return all versions of an app with all of their properties."""
        return self._versions_in_legacy(app, {}) or self.versions_of(app)

    def list_existing(self) -> list[Row]:
        """Return the versions of all apps: those of an app that the legacy family lists with one request for all."""
        self.view.preload(self.kind)
        apps, _legacy_apps = together(
            self.view.client,
            lambda: self.view.list_objects(self.apps),
            lambda: self.view.list_objects(LEGACY_APPS),
        )
        listed = [self._listed_versions(app) for app in apps]
        reads = [
            functools.partial(self.versions_of, app) for app, rows in zip(apps, listed, strict=True) if rows is None
        ]
        unlisted = iter(together(self.view.client, *reads))
        return [row for rows in listed for row in (next(unlisted) if rows is None else rows)]

    def find_existing(self, app: Row, target: Params) -> list[Row]:
        """Return the versions of an app that match the options of a task.

        Raise InvalidParameter if the version code belongs to a version with another name.
        """
        # A version code is unique in its app, so the lookup by code also finds a contradiction.
        code, name = target["version_code"], target["version_name"]
        query = {"version_code": name} if code is None else {"build_number": code}
        listed = self._listed_versions(app)
        rows = self._versions_in_legacy(app, query) if listed is None else listed
        # Only v1 has some versions. An upload that finds one of them adopts it.
        if not any(self.matches(row, target) for row in rows) and (listed is None or not target["src"]):
            rows += self._versions_in_v1(app, query)
        matching = [row for row in rows if self.matches(row, target)]
        if not matching:
            _check_name_of_code(app, rows, target)
        return matching

    def _listed_versions(self, app: Row) -> list[Row] | None:
        """Return the versions of an app from the list of all apps. None if the task has few versions, so that the list
        is not read, or if the list lacks the app."""
        if not self.view.is_preloaded(self.kind):
            return None
        self.view.preload(LEGACY_APPS)
        listed = (self.view.objects_by_id(LEGACY_APPS) or {}).get(str(app["id"]).lower(), {})
        versions = listed.get("versions")
        if versions is None:
            return None
        return [with_app(app, row) for version in versions if (row := self.view.typed(self.kind, version))]

    def _versions_in_legacy(self, app: Row, query: Row) -> list[Row]:
        """Return versions of an app in the legacy family, which lacks some apps."""
        try:
            rows = versions_of(self.view, app, query, family=LEGACY, kind=self.kind)
        except ApiError as error:
            if error.status != 404:
                raise
            return []
        self.view.derived(self.kind).update((str(row["id"]), True) for row in rows)
        return rows

    def _versions_in_v1(self, app: Row, query: Row) -> list[Row]:
        """Return versions of an app in v1, after the legacy family was asked for them."""
        rows, is_in_legacy = versions_of(self.view, app, query, kind=self.kind), self.view.derived(self.kind)
        for row in rows:
            is_in_legacy.setdefault(str(row["id"]), False)
        return rows

    def check_app_of(self, target: Params) -> None:
        """Raise InvalidParameter if the version ID of a task is that of a version of another app. Only the legacy
        family lists all apps with their versions."""
        for app in self.view.list_objects(LEGACY_APPS):
            for row in app.get("versions") or []:
                if is_same_id(row.get("id"), target["version_id"]):
                    raise InvalidParameter(
                        f"Invalid parameters for the app '{target['package_name'] or target['id']}': version_id"
                        f" {target['version_id']} belongs to the app '{APPS.name_of(app)}'."
                    )

    # --- more about a version that was found --------------------------------------------------------------------------

    def is_in_legacy(self, version: Row) -> bool:
        """Return whether the legacy family has a version that was found."""
        known: bool | None = self.view.derived(self.kind).get(str(version["id"]))
        return self._read_again(version) is not None if known is None else known

    def read_whole(self, version: Row) -> Row:
        """Return a version that was found with all of its properties. The list of all apps has some of them only."""
        if not self.view.is_preloaded(self.kind) or "installed_count" in version:
            return version
        return self._read_again(version) or version

    def _read_again(self, version: Row) -> Row | None:
        """Return a version as the legacy family has it, None if that lacks its app."""
        rows = self._versions_in_legacy(app_of(version), {"version_code": version["version_code"]})
        return next((row for row in rows if is_same_id(row["id"], version["id"])), None)

    # --- usage --------------------------------------------------------------------------------------------------------

    def usage_of_app(self, app: Row) -> Usage:
        """Return the usage of an app with all of its versions."""
        return self._usage({"app_id": app["id"]}, "app_id", app["id"])

    def usage_of_version(self, version: Row, *, shared: bool = False) -> Usage:
        """Return the usage of a version. With ``shared``, one request serves all versions of its app."""
        key = "app_id" if shared else "app_version_id"
        return self._usage({key: version["app_id" if shared else "id"]}, "app_version_id", version["id"])

    def _usage(self, candidates: Row, key: str, identifier: object) -> Usage:
        query = {f"settings__android__{name}": value for name, value in candidates.items()}
        return usage_of(self.view, identifier, [f"android.apps.{key}"], query)


def _check_name_of_code(app: Row, rows: list[Row], target: Params) -> None:
    """Raise InvalidParameter if the version code of a task belongs to a version with another name."""
    code, name = target["version_code"], target["version_name"]
    if code is None or name is None:
        return
    other = next((row for row in rows if str(row.get("build_number")) == str(code)), None)
    if other and other.get("version_code") != name:
        raise InvalidParameter(
            f"Invalid parameters for the app '{APPS.name_of(app)}': version_code {code} belongs to version_name"
            f" {other['version_code']}, not {name}. Set only one of them."
        )
