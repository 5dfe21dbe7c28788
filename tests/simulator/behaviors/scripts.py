# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Background scripts and custom actions (v2.yaml). Both kinds are derived, with these exceptions.

Options of custom actions have the texts of their scripts in bodies, and the IDs of the scripts in responses.
"""

from __future__ import annotations

from typing import Any

from derived import Shown
from exchange import Answer, Behavior, Call, Check, Refusal, found, refuse
from tenant import Tenant

BACKGROUND_SCRIPTS = "/v2/background-scripts"
CUSTOM_ACTIONS = "/v2/custom-actions"
_SCRIPTS = "/v2/scripts"

_Row = dict[str, Any]


def seed(tenant: Tenant) -> None:
    """No background script and no custom action."""


# --- background scripts -----------------------------------------------------------------------------------------------


def _check_background_script(tenant: Tenant, call: Call) -> None:
    body = call.body
    _check_name(tenant, BACKGROUND_SCRIPTS, body)
    if body["always_run"] == (body.get("frequency_in_mins") is not None):
        raise refuse("frequency_in_mins", "Required if always_run is false, and null if it is true.")


# --- custom actions ---------------------------------------------------------------------------------------------------


def create_action(tenant: Tenant, call: Call) -> Answer:
    """POST /v2/custom-actions/: 409 if the name is taken."""
    _check_name(tenant, CUSTOM_ACTIONS, call.body)
    now, action_id = tenant.now(), tenant.new_id()
    about = {"created_at": now, "created_by": 1, "updated_at": now, "updated_by": 1}
    action = {"id": action_id, **call.body, "options": _stored(tenant, call.body["options"]), **about}
    tenant.objects[CUSTOM_ACTIONS][action_id] = action
    return Answer({"content": action, "message": "Custom action created", "code": 201}, status=201)


def update_action(tenant: Tenant, call: Call) -> Answer:
    """PUT /v2/custom-actions/{custom_action_id}/: each property in the body is replaced as a whole."""
    action = found(tenant.objects[CUSTOM_ACTIONS], call.values["custom_action_id"])
    _check_name(tenant, CUSTOM_ACTIONS, call.body, action)
    if call.body.get("state") == "draft" and action["state"] != "draft":
        raise Refusal(400, [f"state: {action['state']} cannot become draft. "])
    options = {"options": _stored(tenant, call.body["options"])} if "options" in call.body else {}
    action.update({**call.body, **options, "updated_at": tenant.now()})
    return Answer({"content": action, "message": "Custom action updated", "code": 200})


def delete_action(tenant: Tenant, call: Call) -> Answer:
    """DELETE /v2/custom-actions/{custom_action_id}/: an active one is rejected, and the answer has no object."""
    action = found(tenant.objects[CUSTOM_ACTIONS], call.values["custom_action_id"])
    if action["state"] == "active":
        raise Refusal(400, ["An active custom action cannot be deleted. "])
    del tenant.objects[CUSTOM_ACTIONS][action["id"]]
    return Answer({"message": "Custom action deleted", "code": 200})


def get_script(tenant: Tenant, call: Call) -> Answer:
    """GET /v2/scripts/{script_id}/."""
    script = found(tenant.objects[_SCRIPTS], call.values["script_id"])
    return Answer({"content": script, "message": "Script details", "code": 200})


def _stored(tenant: Tenant, options: list[_Row]) -> list[_Row]:
    """Store the scripts of options, each under a new ID, without the whitespace at their ends."""
    keys = [option["key"] for option in options]
    if len(set(keys)) < len(keys):
        raise refuse("options", "Keys must be unique.")
    stored = []
    for option in options:
        script_id, script = tenant.new_id(), option["scripts"]["linux"]
        tenant.objects[_SCRIPTS][script_id] = {
            "script": script["script"].rstrip(),
            "interpreter": script.get("interpreter") or "bash",
        }
        stored.append({**option, "scripts": {"linux": {"script_id": script_id}}})
    return stored


def _check_name(tenant: Tenant, table: str, body: _Row, own: _Row | None = None) -> None:
    """Reject a name that another object has."""
    name = body.get("name")
    if any(row["name"] == name for row in tenant.objects[table].values() if row is not own):
        raise Refusal(409, [f"{name} already exists. "])


SHOWN: dict[str, Shown] = {}

CHECKS: dict[str, Check] = {"POST /v2/background-scripts/": _check_background_script}

OPERATIONS: dict[str, Behavior] = {
    "POST /v2/custom-actions/": create_action,
    "PUT /v2/custom-actions/{custom_action_id}/": update_action,
    "DELETE /v2/custom-actions/{custom_action_id}/": delete_action,
    "GET /v2/scripts/{script_id}/": get_script,
}
