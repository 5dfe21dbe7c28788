# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans for inviting, changing and removing users."""

from __future__ import annotations

import functools
import typing as t

from ..base.errors import EsperError, InvalidParameter, InvalidValues, NotFound
from ..base.ids import is_uuid, normal_id
from ..base.redaction import Disclosed
from ..base.row import Params, Row
from ..engine.lookup import lookup_of
from ..engine.planner import Planner
from ..model.api_paths import path_of as path_of_field
from ..model.api_paths import with_value
from ..model.compare import missing_error
from ..model.conform import to_row
from ..model.names import NamedObject
from ..model.plan import Effect, ObjectDiff, Plan, Step
from ..model.unknowns import KnownAfterApply
from .device_group import device_groups
from .device_group_lookup import path_of
from .role import INVITATION_ROLES, USER_ROLES
from .sso_connection import SSO_CONNECTION_ROWS
from .user_list import ACCESS, INVITATIONS, is_own_user
from .user_lookup import GROUPS, INVITED, ROLES, UserLookup, normal_email, status_of
from .user_roles import CUSTOM, GROUP_ROLES, is_custom

_INVITATION = f"{INVITATIONS}/{{invite_id}}"
_USER = "/authn2/v0/tenant/{enterprise_id}/user/{user_id}/"
_OWN_USER = "/authn2/v0/user/{user_id}"

# The fields that one request replaces.
_ACCESS_FIELDS = ("role", "groups", "all_groups", "can_factory_reset")
# The fields of an invitation.
_INVITED_FIELDS = ("role", "groups", "connection_id")
_PERSON_FIELDS = ("first_name", "last_name", "active")
# The fields that are neither compared nor shown for a user.
_CREATE_ONLY = ("password", "connection_id")


class UserPlanner(Planner):
    """Plans changes of users and invitations."""

    @property
    def lookup(self) -> UserLookup:
        return UserLookup(self.view, self.kind)

    def desired(self, params: Params) -> Row:
        values = super().desired(params)
        if params.get("connection") is not None:
            values["connection_id"] = self._connection_id(params["connection"])
        return values

    def _connection_id(self, connection: str) -> str:
        """Return the ID of an SSO connection, which can be given by name."""
        if is_uuid(connection.strip()):
            return str(normal_id(connection.strip()))
        return str(lookup_of(self.view, SSO_CONNECTION_ROWS).resolve(connection)["connection_id"])

    def prefetch(self, several: t.Sequence[Params]) -> None:
        super().prefetch(several)
        found = [
            row
            for params in several
            if params.get("groups") is not None or params.get("all_groups") is not None
            if (row := self._find_or_none(params)) is not None and row["status"] != INVITED
        ]
        self.read_each(found, self.lookup.with_access)

    # --- create -------------------------------------------------------------------------------------------------------

    def plan_create(self, params: Params) -> Plan:
        if params.get("id") is not None:
            raise NotFound(self.kind.title, str(params["id"]))
        desired = self.desired(params)
        self.compare({}, desired)
        if params["onboarding"] == "direct":
            return self._plan_account(params, desired)
        if desired.get("active") is False:
            raise InvalidParameter(
                f"{params['email']} has no user, so active=false cannot be set. Omit active, or set state=absent."
            )
        plan = Plan(None)
        self._plan_invitation(plan, params, self._access(desired, {}, INVITATION_ROLES))
        return plan

    def _plan_account(self, params: Params, desired: Row) -> Plan:
        """Return the plan that creates a user who does not have to accept an invitation."""
        access = self._access(desired, {}, USER_ROLES, has_custom=False)
        username = desired.get("username") or desired["email"]
        sent: Row = {name: desired[name] for name in ("first_name", "last_name", "password") if name in desired}
        sent |= {"is_active": desired["active"]} if "active" in desired else {}
        profile: Row = {"role": access["role"].id, "enterprise": self.view.client.enterprise_id}
        profile |= {"groups": _ids(access["groups"])} if access["groups"] else {}
        profile |= {"can_factory_reset": desired["can_factory_reset"]} if "can_factory_reset" in desired else {}
        body = {"username": username, "email": desired["email"], **sent, "profile": profile}
        shown = {name: value for name, value in desired.items() if name not in _CREATE_ONLY}
        planned = self._planned({}, {**shown, "username": username, "active": desired.get("active", True)}, access)
        step = Step(
            purpose=f"Creating the {self.kind.phrase(body)}",
            method="POST",
            path=self.kind.routes.list,
            body=body,
            find_existing=lambda _body: self.lookup.find({"email": desired["email"]}),
            extract_object=functools.partial(self._account_after, planned),
        )
        plan = Plan(None)
        self._complete(plan, step, planned, [*shown, "username"])
        return plan

    def _plan_invitation(self, plan: Plan, params: Params, access: Row, current: Row | None = None) -> None:
        """Add an invitation to a plan. It replaces the current one, if there is one."""
        role, custom = access["role"], is_custom(access["role"])
        email = normal_email(params["email"]) if current is None else current.get("email")
        if not email:
            raise EsperError("Esper returned an invitation without an email address, so the module cannot replace it.")
        # An invitation cannot have access to all groups. That to the root includes all groups below it.
        groups = [self._root()] if access["all_groups"] else access["groups"]
        profile = {"role": CUSTOM if custom else role.id, "enterprise": self.view.client.enterprise_id}
        profile |= {"groups": _ids(groups)} if groups else {}
        profile |= {"authz_role_id": role.id} if custom else {}
        connection_id = access.get("connection_id")
        planned = self._planned(
            {"email": email, "status": INVITED},
            {"email": email, "connection_id": connection_id},
            {**access, "groups": groups, "all_groups": None, "can_factory_reset": None},
        )

        def extract(body: Row) -> Row:
            """Return the invitation in the form of a user. The response is the only one with its link."""
            url = body.get("invitation_url")
            self.view.client.hide(*([url] if isinstance(url, str) else []))
            shown = Disclosed(url) if params["show_invitation_url"] and isinstance(url, str) else None
            return {**planned, "id": body.get("id"), "invite_id": body.get("id"), "invitation_url": shown}

        step = Step(
            purpose=f"Inviting the {self.kind.phrase({'email': email})}",
            method="POST",
            path=INVITATIONS,
            body={
                "email": email,
                "meta": {"email": email, "profile": profile},
                **({"connection_id": connection_id} if connection_id else {}),
            },
            find_existing=lambda _body: self.lookup.find({"email": email}),
            extract_object=extract,
        )
        if current is not None:
            deletion = self._withdrawal(current, str(current["invite_id"]))
            # If the new invitation fails, only this message has the values that the task omits.
            before = self.view.with_names(self.kind, self.kind.to_result(current))
            lost = {name: before[name] for name in ("role", "groups") if params[name] is None and before[name]}
            if lost:
                deletion.purpose += f" with {' and '.join(f'{name} {value!r}' for name, value in lost.items())}"
            plan.steps.append(deletion)
            step.after = (deletion,)
        self._complete(plan, step, planned, ["email", *_INVITED_FIELDS], current)

    def _root(self) -> NamedObject:
        row = device_groups(self.view).find_at([])
        if row is None:
            raise NotFound("device group", "All devices")
        return NamedObject(row["id"], path_of(row))

    def _planned(self, current: Row, values: Row, access: Row) -> Row:
        """Return a user after a plan, in the form of the lookup. ``values`` are properties by field name."""
        row, role = current, access["role"]
        groups = [{"id": each.id, "path": each.label} for each in access["groups"]]
        values = {**values, "groups": groups, "role": {"id": role.id, "name": role.label}}
        values |= {"role_id": role.id if is_custom(role) else access.get("role_id")}
        values |= {"all_groups": access["all_groups"] if is_custom(role) else None}
        if access["can_factory_reset"] is not None:
            values["can_factory_reset"] = access["can_factory_reset"]
        for field in self.kind.fields:
            if field.name in values:
                row = with_value(row, path_of_field(field), values[field.name])
        return {**row, "status": row.get("status") if row.get("status") == INVITED else status_of(row.get("is_active"))}

    def _complete(
        self, plan: Plan, step: Step, planned: Row, names: t.Iterable[str], current: Row | None = None
    ) -> None:
        """Add a step that creates a user or an invitation to a plan, with its effects. ``names`` are the fields in the
        diff."""
        plan.steps.append(step)
        plan.record = self.view.with_names(self.kind, self.kind.to_result(planned))
        identifier = KnownAfterApply(step, self.kind.id_key)
        plan.effects.append(Effect(self.kind, identifier, {**planned, self.kind.id_key: identifier}))
        after = {name: plan.record[name] for name in names if plan.record[name] is not None}
        if current is None:
            plan.changes.append(ObjectDiff(self.kind.header(planned), {}, after))
            return
        plan.effects.append(Effect(self.kind, current[self.kind.id_key], None))
        plan.effects.reverse()
        before = self.view.with_names(self.kind, self.kind.to_result(current))
        changed = [name for name in names if before[name] != plan.record[name]]
        plan.changes.append(
            ObjectDiff(
                self.kind.header(planned),
                {**{name: before[name] for name in changed}, "invitation": "pending"},
                {**{name: plan.record[name] for name in changed}, "invitation": "withdrawn and sent again"},
            )
        )

    # --- access -------------------------------------------------------------------------------------------------------

    def _access(self, desired: Row, current: Row, roles: t.Sequence[str], *, has_custom: bool = True) -> Row:
        """Return the role, the groups and the like of a user after the task, as fields with NamedObjects.

        ``roles`` are the fixed roles that the necessary request accepts. Raise InvalidValues if the values do not fit
        together.
        """
        profile = to_row(current.get("profile"))
        access = {
            "role": next(iter(ROLES.objects(profile.get("role"))), None),
            "groups": GROUPS.objects(profile.get("groups")),
            "all_groups": profile.get("has_all_group_access"),
            "can_factory_reset": profile.get("can_factory_reset"),
            "connection_id": profile.get("authn_connection_id"),
            **{name: desired[name] for name in (*_ACCESS_FIELDS, "connection_id") if name in desired},
        }
        if access["role"] is None:
            field = next(field for field in self.kind.fields if field.name == "role")
            raise InvalidValues([missing_error(field, "role")])
        if errors := list(_access_errors(access, desired, roles, has_custom=has_custom)):
            raise InvalidValues(errors)
        return access

    # --- update -------------------------------------------------------------------------------------------------------

    def plan_update(self, current: Row, params: Params) -> Plan:
        desired = self.desired(params)
        if current["status"] == INVITED:
            return self._plan_invited(current, params, desired)
        desired = {name: value for name, value in desired.items() if name not in _CREATE_ONLY}
        if desired.keys() & {"groups", "all_groups"}:
            current = self.lookup.with_access(current)
        current = self._with_paths(current, desired)
        compared = self.compare(current, desired)
        differing = [name for name, each in compared.items() if each.differs]
        plan = Plan({field.name: compared[field.name].before for field in self.kind.fields if not field.secret})
        if desired.get("groups") and compared["all_groups"].after:
            plan.warnings.append(
                f"The {self.kind.phrase(current)} has access to all device groups, so groups has no effect. Set"
                " all_groups=false to restrict the access."
            )
        if not differing:
            return plan
        if "username" in differing:
            raise InvalidParameter(
                f"Cannot change username of the {self.kind.phrase(current)}, because Esper accepts it only on creation."
                " Omit it."
            )
        if "role" in differing or ("active" in differing and desired["active"] is False):
            self.check_guards(current, params)
        planned = current
        if any(name in differing for name in _ACCESS_FIELDS):
            planned = self._plan_access(plan, current, desired)
        if person := [name for name in differing if name in _PERSON_FIELDS]:
            planned = self._plan_person(plan, current, planned, {name: desired[name] for name in person})
        after = self.view.with_names(self.kind, self.kind.to_result(planned))
        changing = self._changing(differing)
        plan.record = {name: after[name] if name in changing else value for name, value in (plan.record or {}).items()}
        plan.changes.append(
            ObjectDiff(
                self.kind.header(current),
                {name: compared[name].shown_before for name in differing},
                {name: compared[name].shown for name in differing},
            )
        )
        plan.effects.append(Effect(self.kind, current[self.kind.id_key], planned))
        return plan

    @staticmethod
    def _changing(differing: t.Iterable[str]) -> set[str]:
        """Return the fields of a record that change with some fields."""
        names = set(differing)
        names |= {"role_id", "all_groups"} if "role" in names else set()
        names |= {"status"} if "active" in names else set()
        return names | ({"full_name"} if names & {"first_name", "last_name"} else set())

    def _with_paths(self, current: Row, desired: Row) -> Row:
        """Return a user with the paths of the groups that the task does not name."""
        return self.lookup.with_group_paths(current, {each.id for each in desired.get("groups", ())})

    def _plan_access(self, plan: Plan, current: Row, desired: Row) -> Row:
        """Add the request that replaces the role, the groups and the like of a user to a plan. Return the user after
        it. The request has all current values, because Esper resets those that it omits."""
        current = self._with_paths(self.lookup.with_access(current), desired)
        fields = [field for field in self.kind.fields if field.name in (*_ACCESS_FIELDS, "role_id")]
        self._check_mismatches(current, fields, replaces=True)
        access = self._access(desired, current, USER_ROLES)
        profile, role, custom = current["profile"], access["role"], is_custom(access["role"])
        keeps_role = role.id == to_row(profile.get("role")).get("id")
        body: Row = {"role": CUSTOM if custom else role.id, "groups": _ids(access["groups"])}
        if custom or (keeps_role and profile.get("authz_role_id")):
            body["authz_role_id"] = role.id if custom else profile["authz_role_id"]
        has_all = access["all_groups"] if custom else current["has_all_group_access"] if keeps_role else None
        if has_all is not None:
            body["has_all_group_access"] = has_all
        if access["can_factory_reset"] is not None:
            body["can_factory_reset"] = access["can_factory_reset"]
        planned = self._planned(current, {}, {**access, "role_id": body.get("authz_role_id")})
        step = Step(
            purpose=f"Setting the role and groups of the {self.kind.phrase(current)}",
            method="PUT",
            path=ACCESS,
            ids={"user_id": self.lookup.required_user_id(current)},
            body=body,
            extract_object=functools.partial(self._account_after, planned),
        )
        if any(name not in desired for name in _ACCESS_FIELDS if custom or name != "all_groups"):
            step.find_rival = self._find_other_access
        plan.steps.append(step)
        return planned

    def _find_other_access(self, saved: Row) -> Row | None:
        """Return a user whose role, groups and the like another client has set at the same time, otherwise None."""
        ids, purpose = {"id": str(saved["id"])}, f"Reading the {self.kind.phrase(saved)} again"
        row = self.view.find_at(self.kind.routes.object, ids, kind=self.kind, purpose=purpose)
        if row is None:
            return None
        current = self.lookup.account(row)
        return current if _has_other_access(current, saved) else None

    def _plan_person(self, plan: Plan, current: Row, planned: Row, values: Row) -> Row:
        """Add the request that sets the names of a user, or whether it is active, to a plan. Return the user after
        it."""
        names = {name: value for name, value in values.items() if name != "active"}
        status = {"is_active": values["active"], "status": status_of(values["active"])} if "active" in values else {}
        planned = {**planned, **names, **status, **({"full_name": None} if names else {})}
        is_own = values.keys() == {"first_name"} and is_own_user(self.view, current)
        step = Step(
            purpose=f"Updating the {self.kind.phrase(current)}",
            method="PUT" if is_own else "PATCH",
            path=_OWN_USER if is_own else self.kind.routes.object,
            ids={"user_id": self.lookup.required_user_id(current)} if is_own else {"id": str(current["id"])},
            body={"is_active" if name == "active" else name: value for name, value in values.items()},
            extract_object=functools.partial(self._account_after, planned),
        )
        plan.steps.append(step)
        return planned

    def _account_after(self, planned: Row, body: Row) -> Row:
        """Return the user in a response, with the planned values of properties that it lacks."""
        row = {**planned, **{key: value for key, value in body.items() if value is not None}}
        typed = self.view.typed(self.kind, {**row, "profile": to_row(body.get("profile"))}) if "id" in body else None
        if typed is None:
            return {}
        profile = {key: value for key, value in to_row(typed.get("profile")).items() if value is not None}
        own = to_row(planned.get("profile"))
        groups = profile.get("groups") if isinstance(profile.get("groups"), list) else own.get("groups")
        kept = {"role": own.get("role"), "authz_role_id": own.get("authz_role_id"), "groups": groups}
        return self.lookup.account({**typed, "profile": {**own, **profile, **kept}})

    def plan_merge(self, params: Params, rival: Row, step: Step) -> Plan:
        return self.plan(params, rival)

    # --- invitations --------------------------------------------------------------------------------------------------

    def _plan_invited(self, current: Row, params: Params, desired: Row) -> Plan:
        """Return the plan for a person who has an invitation. Esper cannot change it, so one that differs is withdrawn
        and sent again."""
        wanted = {name: value for name, value in desired.items() if name in _INVITED_FIELDS}
        if desired.get("all_groups"):
            wanted["groups"] = [self._root()]
        current = self._with_paths(current, wanted)
        compared = self.compare(current, wanted)
        plan = Plan({field.name: compared[field.name].before for field in self.kind.fields if not field.secret})
        has_meta = current["profile"]["role"] is not None
        if not has_meta and wanted:
            plan.warnings.append(
                f"Esper did not return the role and groups in the invitation of {current['email']}, so they are not"
                " compared. Set reinvite=true to send another invitation."
            )
        if desired.get("active") is False:
            plan.warnings.append(
                f"{current['email']} has an invitation and can still join, so active=false has no effect. To withdraw"
                " the invitation, set state=absent."
            )
        if params["onboarding"] == "direct":
            plan.warnings.append(
                f"{current['email']} has an invitation, so onboarding=direct has no effect. To create the user,"
                " withdraw the invitation first with state=absent."
            )
        if params["reinvite"] or (has_meta and any(compared[name].differs for name in wanted)):
            kept = [
                field for field in self.kind.fields if field.name in ("role", "groups") and field.name not in wanted
            ]
            self._check_mismatches(current, kept, replaces=True)
            self._plan_invitation(plan, params, self._access(desired, current, INVITATION_ROLES), current)
        return plan

    def _withdrawal(self, current: Row, invite_id: str) -> Step:
        return Step(
            purpose=f"Withdrawing the invitation of the {self.kind.phrase(current)}",
            method="DELETE",
            path=_INVITATION,
            ids={"invite_id": invite_id},
        )

    # --- delete -------------------------------------------------------------------------------------------------------

    def plan_delete(self, current: Row, params: Params) -> Plan:
        self.check_guards(current, params)
        steps = [] if current["status"] == INVITED else [self.delete_step(current)]
        if current.get("invite_id"):
            steps.append(self._withdrawal(current, str(current["invite_id"])))
        return Plan(
            None, steps, [self.deletion_diff(current)], effects=[Effect(self.kind, current[self.kind.id_key], None)]
        )

    def delete_step(self, current: Row) -> Step:
        user_id = self.lookup.user_id_of(current)
        return Step(
            purpose=f"Deleting the {self.kind.phrase(current)}",
            method="DELETE",
            path=self.kind.routes.object if user_id is None else _USER,
            ids={"id": str(current["id"])} if user_id is None else {"user_id": user_id},
        )


def _ids(objects: t.Iterable[NamedObject]) -> list[t.Any]:
    return [each.id for each in objects]


def _access_errors(access: Row, desired: Row, roles: t.Sequence[str], *, has_custom: bool) -> t.Iterator[str]:
    """Yield the errors of a role with its groups."""
    role, custom = access["role"], is_custom(access["role"])
    if custom and not has_custom:
        yield f"role is the custom role '{role.shown}', which onboarding=direct does not support"
    elif not custom and role.id not in roles:
        yield f"role is '{role.id}', which is invalid here. Valid values: {', '.join(roles)}, or a custom role"
    if not custom and desired.get("all_groups") is not None:
        yield f"all_groups is set, but '{role.id}' is not a custom role"
    if desired.get("all_groups") and desired.get("groups"):
        yield "groups is set, but all_groups is true"
    if not access["groups"] and (role.id in GROUP_ROLES or (custom and not access["all_groups"])):
        yield f"groups is required for the role '{role.shown}'{' unless all_groups is true' if custom else ''}"


def _has_other_access(one: Row, other: Row) -> bool:
    """Return whether the values that one request replaces differ between two states of a user. A response can lack
    some of them."""
    profiles = [to_row(row.get("profile")) for row in (one, other)]
    roles, groups = (
        [{str(each.id) for each in names.objects(profile.get(key))} for profile in profiles]
        for key, names in (("role", ROLES), ("groups", GROUPS))
    )
    flags = [[profile.get(key) for profile in profiles] for key in ("has_all_group_access", "can_factory_reset")]
    return any(first != second for first, second in (roles, groups)) or any(
        None not in (first, second) and first != second for first, second in flags
    )
