# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Content: /v0/enterprise/{enterprise_id}/content/ (v0.yaml), the files for devices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from exchange import Answer, Behavior, Call, Refusal, enterprise_url, found, legacy_list, refuse
from storage import File
from tenant import Tenant

Content = dict[str, Any]

_BUCKET = "REMOTE_FILE_MANAGER"
_REMOTE_LIMIT = 50 * 1024**2
_DAY_IN_MINUTES = 24 * 60

# Name, content type, bytes, tags, description.
_FILES: Sequence[tuple[str, str | None, bytes, list[str], str | None]] = (
    ("menu.png", "image/png", b"\x89PNG summer", ["menu", "summer"], "Summer menu"),
    ("menu.png", "image/png", b"\x89PNG winter", ["menu", "winter"], "Winter menu"),
    ("Preisliste Köln.pdf", "application/pdf", b"%PDF-1.7 prices", [], None),
    ("config.json", "application/json", b'{"volume": 5}', ["kiosk"], "Settings of the kiosk app"),
    ("Config.json", "application/json", b'{"volume": 7}', ["kiosk"], ""),
    ("player.bin", None, bytes(range(256)) * 64, ["signage"], "Firmware of the player"),
)


def seed(tenant: Tenant) -> None:
    """A few files; two have the same name, and two differ only in case."""
    for name, kind, data, tags, description in _FILES:
        _add(tenant, File.of(name, kind, data)).update(tags=tags, description=description)


def list_content(tenant: Tenant, call: Call) -> Answer:
    """GET .../content/: `search` finds any part of a tag or the description, in any case."""
    search = call.query.get("search", "").lower()
    contents = [
        content
        for content in tenant.objects["content"].values()
        if any(search in text.lower() for text in (*content["tags"], content["description"] or ""))
    ]
    return legacy_list(call, contents, show=lambda content: _shown(tenant, call, content))


def get_content(tenant: Tenant, call: Call) -> Answer:
    """GET .../content/{content_id}/."""
    return Answer(_shown(tenant, call, found(tenant.objects["content"], call.values["content_id"])))


def upload_content(tenant: Tenant, call: Call) -> Answer:
    """POST .../content/upload/: always another content file. It returns HTTP 200."""
    return Answer(_shown(tenant, call, _add(tenant, call.body["key"])))


def update_content(tenant: Tenant, call: Call) -> Answer:
    """PATCH .../content/{content_id}/."""
    content = found(tenant.objects["content"], call.values["content_id"])
    content.update(call.body, modified=tenant.now())
    return Answer(_shown(tenant, call, content))


def delete_content(tenant: Tenant, call: Call) -> Answer:
    """DELETE .../content/{content_id}/."""
    content = found(tenant.objects["content"], call.values["content_id"])
    tenant.storage.remove(content["key"])
    del tenant.objects["content"][call.values["content_id"]]
    return Answer(status=204)


def upload_remote_file(tenant: Tenant, call: Call) -> Answer:
    """POST .../content/remote-file/."""
    file: File = call.body["file"]
    if file.size > _REMOTE_LIMIT:
        raise Refusal(413, ["file: File too large. "])
    key = f"remote/{tenant.new_id()}"
    tenant.storage.put(key, file)
    return Answer(
        {
            "file_key": key,
            "bucket": _BUCKET,
            "file_size": file.size,
            "content_type": call.body.get("content_type") or file.kind or "application/octet-stream",
            "auto_delete_after_minutes": _DAY_IN_MINUTES,
            "download_url": tenant.storage.link(call.host, key),
            "download_expires_in": 3600,
        },
        status=201,
    )


def link_remote_file(tenant: Tenant, call: Call) -> Answer:
    """POST .../content/remote-file/generate_download_url/."""
    key, seconds = call.body["file_key"], call.body.get("expires_in", 3600)
    if not key.startswith("remote/") or tenant.storage.get(key) is None:
        raise refuse("file_key", "No such file.")
    return Answer(
        {"file_key": key, "download_url": tenant.storage.link(call.host, key, seconds), "expires_in": seconds}
    )


def _add(tenant: Tenant, file: File) -> Content:
    number, key, now = tenant.new_number(), f"content/{tenant.new_id()}", tenant.now()
    tenant.storage.put(key, file)
    content = {
        "id": number,
        "name": file.name,
        "key": key,
        "is_dir": False,
        "kind": file.kind,
        "hash": file.md5,
        "size": str(file.size),
        "path": f"/{file.name}",
        "permissions": "rw-r--r--",
        "tags": [],
        "description": None,
        "created": now,
        "modified": now,
        "owner": {"id": 1, "username": "automation"},
    }
    tenant.objects["content"][str(number)] = content
    return content


def _shown(tenant: Tenant, call: Call, content: Content) -> Content:
    link = tenant.storage.link(call.host, content["key"])
    return content | {"download_url": link, "enterprise": enterprise_url(tenant)}


OPERATIONS: dict[str, Behavior] = {
    "GET /v0/enterprise/{enterprise_id}/content/": list_content,
    "GET /v0/enterprise/{enterprise_id}/content/{content_id}/": get_content,
    "PATCH /v0/enterprise/{enterprise_id}/content/{content_id}/": update_content,
    "DELETE /v0/enterprise/{enterprise_id}/content/{content_id}/": delete_content,
    "POST /v0/enterprise/{enterprise_id}/content/upload/": upload_content,
    "POST /v0/enterprise/{enterprise_id}/content/remote-file/": upload_remote_file,
    "POST /v0/enterprise/{enterprise_id}/content/remote-file/generate_download_url/": link_remote_file,
}
