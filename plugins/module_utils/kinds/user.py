# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Users, and the invitations of people who have not joined yet.

Based on /user/ and /user_info/ of the contract (legacy.yaml), on the invitations and users of authn2.yaml, and on
/authz2/v1/users/ (authz2.yaml). The list of users has most properties. The role and the groups of a user have a route
of their own, whose PUT replaces all of them. An invitation cannot be changed, so one that differs is withdrawn and sent
again.

Choice: a user has the ID of /user/, which is a number, and a UUID, which other paths need. If the list lacks the UUID,
the module reads it from /authn2/v1/users/.
Choice: email addresses are not case-sensitive, and two users with one address are ambiguous.
Choice: an invitation that is listed is pending, even if it has expired.
Choice: the ID of the role in a profile decides which role a user has, unless it is the ID of a fixed role.
Choice: PUT can reset the properties that it omits, so it has the current values of all of them.
Choice: an invitation cannot have access to all groups, so it has the root group instead, which includes all others.
Choice: the deprecated PATCH of /user/ is the only way to change the names of another user, and to deactivate a user.
Choice: a response to PUT lacks access to all groups, so the module returns the value that it sent.
"""

from __future__ import annotations

import typing as t

from ..base.row import Row
from ..base.validators import email, length
from ..model.field import Field
from ..model.kind import Guard, Kind, Tenant
from ..model.module_spec import NO_DIFF, READS_ONLY, ModuleSpec, Option, state_option, writable
from .role import INVITATION_ROLES, USER_ROLES
from .user_exporter import UserExporter
from .user_list import TOKENS, USER_ROUTES, is_own_user
from .user_lookup import GROUPS, INVITED, ROLES, UserLookup, normal_email
from .user_planner import UserPlanner
from .user_reader import UserReader


def _own_key(view: t.Any, row: Row) -> list[str]:
    """Return the API key of the task if it belongs to a user, as part of a sentence."""
    return ["the API key of this task"] if row["status"] != INVITED and is_own_user(view, row) else []


def _values(roles: t.Iterable[str]) -> str:
    return ", ".join(f"V({role})" for role in roles)


_FIELDS = (
    Field(
        "id",
        "ID of the user, a number. While the person has not joined, ID of the invitation, a UUID.",
        writable=False,
        sample="42",
    ),
    Field(
        "user_id",
        "UUID of the user. Null while the person has not joined.",
        api="profile.authn_user_id",
        writable=False,
        sample="0d3f2c1e-8a44-4c0e-9a53-5a3c1b8a2f11",
    ),
    Field(
        "invite_id",
        "UUID of the invitation. Null for a user who has joined.",
        writable=False,
        sample="7c1f5a0e-2b44-4f0e-8a53-1a3c1b8a2f55",
    ),
    Field(
        "email",
        "Email address of the user. Compared, sent and returned in lower case.",
        identifier=True,
        normalize=normal_email,
        validator=email,
        returns="Email address, in lower case.",
        sample="anna@example.com",
    ),
    Field(
        "status",
        "V(active), V(inactive), or V(invited) while the person has not joined.",
        writable=False,
        sample="active",
    ),
    Field(
        "role",
        (
            "Role of the user: a fixed role, or a custom role by name or ID. Required to invite or create a user.",
            f"Esper accepts these fixed roles for a user: {_values(USER_ROLES)}. For an invitation, it accepts"
            f" {_values(INVITATION_ROLES)}.",
        ),
        api="profile.role",
        names=ROLES,
        returns="Name of the fixed or custom role.",
        sample="Field technician",
    ),
    Field(
        "role_id",
        "ID of the custom role. Null for a fixed role.",
        api="profile.authz_role_id",
        writable=False,
        sample="1d9b4a70-0b47-4a0e-9a53-5a3c1b8a2f11",
    ),
    Field(
        "groups",
        (
            "Device groups of the user: paths, IDs, or names that only one group has. Compared without order.",
            "Access to a group includes the groups below it. Required for V(Group Admin) and V(Group Viewer), and for a"
            " custom role unless O(all_groups=true).",
        ),
        api="profile.groups",
        type="list",
        elements="str",
        list_type="set",
        names=GROUPS,
        returns="Paths of the device groups.",
        sample=["All devices/Stores/Berlin"],
    ),
    Field(
        "all_groups",
        (
            "If V(true), a user with a custom role has access to all device groups. Only valid for custom roles.",
            "An invitation has the root group instead. After the person has joined, the next run of the task sets it.",
        ),
        api="profile.has_all_group_access",
        type="bool",
        returns="True if a user with a custom role has access to all device groups. Null for fixed roles.",
        sample=False,
    ),
    Field(
        "can_factory_reset",
        "If V(true), the user can factory reset devices. Set after the person has joined.",
        api="profile.can_factory_reset",
        type="bool",
        returns="True if the user can factory reset devices.",
        sample=False,
    ),
    Field(
        "first_name",
        "First name. Set after the person has joined. Esper marks the request as deprecated, except for the first name"
        " of the user of the API key.",
        returns="First name.",
        sample="Anna",
    ),
    Field(
        "last_name",
        "Last name. Set after the person has joined, by a request that Esper marks as deprecated.",
        returns="Last name.",
        sample="Bo",
    ),
    Field("full_name", "Full name.", writable=False, sample="Anna Bo"),
    Field(
        "active",
        "If V(false), the user cannot sign in. The module sets it by a request that Esper marks as deprecated. V(false)"
        " is an error if the person has neither joined nor an invitation, unless O(onboarding=direct). An invitation"
        " is not changed, and the module warns.",
        api="is_active",
        type="bool",
        returns="False if the user cannot sign in. Null while the person has not joined.",
        sample=True,
    ),
    Field(
        "username",
        "Name of a new user. Defaults to O(email). Only used with O(onboarding=direct). It cannot be changed.",
        validator=length(1),
        returns="Name of the user.",
        sample="anna@example.com",
    ),
    Field(
        "password",
        "Password of a new user. Only used with O(onboarding=direct). It is neither compared nor changed later.",
        secret=True,
    ),
    Field(
        "connection_id",
        "ID of the SSO connection of the user or of the invitation.",
        api="profile.authn_connection_id",
        writable=False,
        sample="3f0c7d2b-8e64-4c5e-9a51-0b525e9d1a7c",
    ),
    Field("last_login", "Time of the last login.", writable=False, sample="2026-03-01T09:30:00Z"),
    Field(
        "invitation_url",
        "Link of the invitation. Null unless the task sent the invitation and C(show_invitation_url) is V(true).",
        writable=False,
        sample="https://example.com/invitation?ticket=...",
    ),
    *TOKENS,
)

USER = Kind(
    name="user",
    title="user",
    plural="users",
    routes=USER_ROUTES,
    fields=_FIELDS,
    name_key="email",
    guards=(Guard(users=_own_key, advice="Use the API key of another user"),),
    lookup=UserLookup,
    planner=UserPlanner,
    reader=UserReader,
    exporter=UserExporter,
    tenant=Tenant(
        export="on_request",
        reason="Users are people, who often are not the same in each tenant. Esper invites those whom a tree adds.",
    ),
    module=ModuleSpec(
        short_description="Manage Esper users",
        description=(
            "Invites people, sets the role and device groups of users, and removes users and invitations.",
            "If nobody has the email address, Esper sends an invitation. After the person has joined, the same task"
            " manages the user.",
            "Esper cannot change an invitation. If one differs, the module withdraws it and sends another.",
            "The API keys of a user stop working when the user is removed. Use an API key of a dedicated user.",
            "Options you omit are not changed.",
        ),
        options=(
            state_option("user"),
            Option(
                "id",
                "ID of the user: its number or UUID, or the ID of an invitation. It must exist unless O(state=absent).",
                identifier=True,
            ),
            *writable(_FIELDS),
            Option(
                "connection",
                "SSO connection with which the invited person signs in: a name or an ID. Only used for invitations.",
                identifier=True,
            ),
            Option(
                "onboarding",
                (
                    "V(invite) sends an invitation to an email address without a user.",
                    "V(direct) creates the user at once, by a request that Esper marks as deprecated. It does not"
                    " support custom roles. A person who has an invitation keeps it, and the module warns.",
                ),
                choices=("invite", "direct"),
                default="invite",
            ),
            Option(
                "reinvite",
                "If V(true), the module withdraws an existing invitation and sends another, in each run of the task."
                " Users who have joined are not changed.",
                type="bool",
                default=False,
            ),
            Option(
                "show_invitation_url",
                "If V(true), RV(user.invitation_url) has the link of an invitation that the task sends. Everybody with"
                " the link can join, so set C(no_log) in the task.",
                type="bool",
                default=False,
            ),
            Option(
                "force",
                "If V(true), the task can remove the user of the API key, deactivate it, or change its role. If"
                " V(false), the task fails instead.",
                type="bool",
                default=False,
            ),
        ),
        rules={"required_one_of": [("id", "email")], "mutually_exclusive": [("id", "email")]},
        seealso=("user_info", "role"),
    ),
    info_module=ModuleSpec(
        short_description="Get information about Esper users",
        description=(
            "Returns one user by email address or ID, or all users of the tenant, with the invitations of people who"
            " have not joined yet.",
            "If the user does not exist, the list is empty.",
        ),
        options=(
            Option("id", "ID of the user: its number or UUID, or the ID of an invitation.", identifier=True),
            Option("email", "Email address of the user, not case-sensitive.", identifier=True),
            Option("role", "Only users with this role: a fixed role, or a custom role by name or ID.", identifier=True),
            Option("invites", "If V(true), invitations are also returned.", type="bool", default=True),
            Option(
                "subgroups",
                "If V(true), RV(users[].groups) also has the groups below the groups of a user. This takes one request"
                " for each user.",
                type="bool",
                default=False,
            ),
            Option(
                "system",
                "If V(true), the accounts of devices and of Google are also returned. Large tenants have thousands.",
                type="bool",
                default=False,
            ),
        ),
        rules={"mutually_exclusive": [("id", "email")]},
        check_mode=READS_ONLY,
        diff_mode=NO_DIFF,
        seealso=("user",),
    ),
)
