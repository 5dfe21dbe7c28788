# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kinds whose objects are pictures, as data. Esper returns no name and no checksum of a picture, and cannot change one.

So a picture is found by the end of its link and by its bytes: see picture_lookup.py.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ..base.row import Row
from ..model.kind import Kind


def accept(_row: Row) -> bool:
    """Return true for each object. This is the default of PictureKind.is_own."""
    return True


@dataclass(frozen=True, kw_only=True, eq=False)
class PictureKind(Kind):
    """A kind of pictures.

    ``link_key`` is the API's key for the link to the picture. ``scope`` are the names of the fields that identify a
    picture, together with its file name if ``has_file_name``. ``is_own`` returns whether a picture belongs to the
    tenant, and not to Esper. A picture with other bytes is replaced, but only with the option ``replace_option``, if
    that is set.
    """

    link_key: str
    scope: tuple[str, ...] = ()
    has_file_name: bool = True
    is_own: t.Callable[[Row], bool] = accept
    replace_option: str = ""
