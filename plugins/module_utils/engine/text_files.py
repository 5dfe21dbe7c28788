# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that name a file in place of a text: see Field.file_option."""

from __future__ import annotations

import typing as t

from ..base.row import Params
from ..base.text_file import read_text
from ..model.field import Field


def with_texts(fields: t.Iterable[Field], values: Params) -> Params:
    """Return options in which the texts replace the files that have them. Raise InvalidParameter if a file cannot be
    read."""
    result = dict(values)
    for field in fields:
        value = result.get(field.name)
        if field.file_option and (path := result.pop(field.file_option, None)) is not None:
            result[field.name] = read_text(path)
        elif field.fields and isinstance(value, dict):
            result[field.name] = with_texts(field.fields, value)
        elif field.fields and isinstance(value, list):
            result[field.name] = [with_texts(field.fields, item) for item in value]
    return result
