# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts of scripts.

Choice: whitespace at the end of a script does not count, because Esper can store it in another way.
"""

from __future__ import annotations

from ..base.validators import Validator


def script_text(text: str) -> str:
    """Return a script in the form in which scripts are compared and sent: with one line end as its end."""
    return f"{text.rstrip()}\n"


not_blank = Validator(lambda text: "" if text.strip() else "must not be empty", "")
"""The validator of a script. The text of an option does not say that it must not be empty."""
