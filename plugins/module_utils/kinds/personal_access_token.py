# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Personal access tokens: API keys of the user to whom the API key of the connection belongs.

Based on /authn2/v0/personal-access-token/ of the contract (authn2.yaml), which returns the value of a token if it is
created or renewed.
Choice: the value in the list is not used, because it can be masked.
Choice: a renewal changes the value, so the module stores the value in the response.
Choice: times are in seconds since 1970, and in milliseconds if a token of the list has a value above 10^11.
Choice: names are unique, so two tokens of one name are ambiguous.
"""

from __future__ import annotations

import typing as t

from ..base.errors import EsperError
from ..base.row import Row
from ..base.validators import length
from ..model.field import Field
from ..model.kind import Guard, Kind, Routes, not_in_tenant
from ..model.module_spec import NO_DIFF, READS_ONLY, ModuleSpec, Option, Value, state_option, writable
from .personal_access_token_planner import PersonalAccessTokenPlanner
from .personal_access_token_reader import PersonalAccessTokenReader
from .token_expiry import expiry_error, to_expiry


def _is_own(view: t.Any, token: Row) -> list[str]:
    """Return a phrase if a token is the API key of the task. Raise EsperError if that cannot be determined."""
    key, prefix = view.client.connection.api_key, token.get("prefix")
    if token.get("token") != key and not prefix:
        raise EsperError(
            f"Esper returned no prefix of the {PERSONAL_ACCESS_TOKEN.phrase(token)}, so the module cannot determine"
            " whether it is the API key of this task. If it is not, set force=true."
        )
    return ["the API key of this task"] if token.get("token") == key or key.startswith(prefix) else []


_FIELDS = (
    Field("id", "ID of the token.", writable=False, sample="0c6a5dd2-7b1c-4c0e-8a86-1d0b7a1f3c55"),
    Field(
        "name",
        "Name of the token, case-sensitive. Esper cannot change it.",
        identifier=True,
        normalize=str.strip,
        validator=length(1),
        returns="Name of the token.",
        sample="nightly-report",
    ),
    Field(
        "description",
        "Description of the token. Esper cannot change it. Defaults to an empty text on creation.",
        create_default="",
        returns="Description of the token.",
        sample="Reads devices for the report",
    ),
    Field(
        "expires",
        (
            "Time at which the token expires, in ISO 8601 or in seconds since 1970, or V(never). A time without time"
            " zone is in UTC.",
            "Also required to renew the token. Another time does not change an existing token: see O(renew).",
        ),
        api="expiry_at",
        normalize=to_expiry,
        validator=expiry_error,
        required_by_api=True,
        returns="Time at which the token expires, in ISO 8601 and UTC, or V(never).",
        sample="2027-03-31T00:00:00Z",
    ),
    Field("prefix", "Start of the value of the token.", writable=False, sample="x7Kd2mPq"),
    Field("created_at", "Time of the creation.", writable=False, sample="2026-11-27T16:00:00Z"),
    Field("updated_at", "Time of the last change.", writable=False, sample="2026-11-27T16:00:00Z"),
    Field("token", writable=False, secret=True),
)

PERSONAL_ACCESS_TOKEN = Kind(
    name="personal_access_token",
    title="personal access token",
    plural="personal_access_tokens",
    routes=Routes(
        list="/authn2/v0/personal-access-token/",
        object="/authn2/v0/personal-access-token/{id}",
        update="PUT",
        page_size=None,
        name_filter="",
        has_object_get=False,
    ),
    fields=_FIELDS,
    guards=(Guard(users=_is_own, advice="Use another API key", also_update=True, reads=("prefix",)),),
    on_lost_create="fail",
    tenant=not_in_tenant("Esper returns the value of a token only when it is created."),
    planner=PersonalAccessTokenPlanner,
    reader=PersonalAccessTokenReader,
    module=ModuleSpec(
        short_description="Manage Esper personal access tokens",
        description=(
            "Creates, renews and deletes personal access tokens, which are API keys of a user.",
            "The tokens are those of the user to whom the API key of the connection belongs.",
            "Esper returns the value of a token only if it is created or renewed. O(dest) or O(return_token) is"
            " required then.",
        ),
        options=(
            state_option("personal access token"),
            Option("id", "ID of the token. The token must exist unless O(state=absent).", identifier=True),
            *writable(_FIELDS),
            Option(
                "renew",
                (
                    "When to renew an existing token. The token gets a new value, and expires at O(expires).",
                    "V(never) does not renew it.",
                    "V(expiring) renews it if it is expired, if it expires within O(renew_within) days, or if O(dest)"
                    " does not have its value.",
                    "V(always) renews it in each run, so the task always reports a change.",
                ),
                choices=("never", "expiring", "always"),
                default="never",
            ),
            Option(
                "renew_within",
                "Number of days before O(expires) from which O(renew=expiring) renews the token.",
                type="int",
                default=14,
            ),
            Option(
                "dest",
                (
                    "Path of the file for the value of the token, on the machine where the task runs. The file has the"
                    " mode 0600 and no line break at its end. Missing directories are created.",
                    "If the token exists, the file must start with RV(personal_access_token.prefix). Otherwise, the"
                    " module renews the token, or fails if O(renew=never).",
                    "O(state=absent) does not delete the file.",
                ),
                type="path",
            ),
            Option(
                "return_token",
                "If V(true), RV(token) is the value of the token. Set C(no_log=true) for the task, otherwise Ansible"
                " shows and logs the value.",
                type="bool",
                default=False,
            ),
            Option(
                "force",
                "If V(true), also renews or deletes the token that is the API key of the connection. Its value can"
                " become invalid at once. If V(false), the task fails instead.",
                type="bool",
                default=False,
            ),
        ),
        rules={"required_one_of": [("id", "name")]},
        returns=(
            Value(
                "token",
                "Value of the token. Null if the task does not create or renew the token, and in check mode.",
                returned="if O(return_token=true) and the token exists after the task",
            ),
        ),
        seealso=("personal_access_token_info", "token_info"),
    ),
    info_module=ModuleSpec(
        short_description="Get information about Esper access tokens",
        description=(
            "Returns personal access tokens of the user to whom the API key of the connection belongs.",
            "If no token matches, the list is empty. The values of tokens are not returned.",
        ),
        options=(
            Option("id", "ID of the token.", identifier=True),
            Option("name", "Name of the token, case-sensitive.", identifier=True),
            Option(
                "expiring_within",
                "Returns only tokens that are expired or expire within this number of days.",
                type="int",
            ),
        ),
        rules={"mutually_exclusive": [("id", "name")]},
        check_mode=READS_ONLY,
        diff_mode=NO_DIFF,
        seealso=("personal_access_token",),
    ),
)
