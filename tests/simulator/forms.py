# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Forms with files: read as they come in, so that a file of any size takes no more memory than a small one."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import md5, sha256
from pathlib import PurePosixPath

from aiohttp import BodyPartReader, web
from storage import KEPT, File

KIND = "multipart/form-data"

Form = Mapping[str, "str | File"]


async def received(request: web.Request) -> bytes | Form:
    """The body of a request; a form that cannot be read is an empty body."""
    if request.content_type != KIND:
        return await request.read()
    form: dict[str, str | File] = {}
    try:
        parts = await request.multipart()
        while part := await parts.next():
            if isinstance(part, BodyPartReader) and part.name is not None:
                if part.filename is None:
                    form[part.name] = await part.text()
                elif name := PurePosixPath(part.filename).name:
                    form[part.name] = await _file(part, name)
    except ValueError:
        return b""
    return form


async def _file(part: BodyPartReader, name: str) -> File:
    size, digests, kept = 0, (md5(), sha256()), bytearray()
    while chunk := await part.read_chunk(KEPT // 16):
        data = part.decode(chunk)
        size += len(data)
        for digest in digests:
            digest.update(data)
        if size <= KEPT:
            kept += data
    content = bytes(kept) if size <= KEPT else None
    return File(name, part.headers.get("Content-Type"), size, digests[0].hexdigest(), digests[1].hexdigest(), content)
