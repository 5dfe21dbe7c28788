# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values from the Esper API, marked so that Ansible never evaluates a text in them as a template."""

from __future__ import annotations

import functools
import re
import typing as t

from ansible.utils.unsafe_proxy import wrap_var

try:
    from ansible.template import trust_as_template
except ImportError:
    trust_as_template = None

# Since ansible-core 2.19, only a text that is marked as trusted is a template.
HAS_TRUST = trust_as_template is not None

# A text without these is neither a template nor a part of one. The header `#jinja2:` changes the syntax of templates.
# It can be divided among texts, of which the first is a `#` and at most a part of the word.
_TEMPLATE = re.compile(r"[{}]|jinja2:|\A#(?:j(?:i(?:n(?:j(?:a2?)?)?)?)?)?\Z")
_TEMPLATE_START = re.compile(r"\{(?=[{%#])")


def has_no_template(text: str) -> bool:
    """Return whether a text can be neither a template nor a part of one."""
    return _TEMPLATE.search(text) is None


def as_template(text: str) -> str:
    """Return a text in a form that is evaluated as a template."""
    return text if trust_as_template is None else t.cast(str, trust_as_template(text))


@functools.lru_cache(maxsize=1 << 17)
def as_text(value: str) -> str:
    """Return a text from the API in a form that is never evaluated as a template.

    ``ansible-inventory`` prints untrusted texts in a longer form. Texts without template characters are marked as
    trusted to avoid that. Lone surrogates, which cannot be printed, become question marks. The cache keeps one object
    for all hosts that share a text.
    """
    if not value.isascii():
        value = value.encode(errors="replace").decode()
    is_harmless = has_no_template(value)
    if not HAS_TRUST:
        return value if is_harmless else t.cast(str, wrap_var(value))
    return as_template(value) if is_harmless else value


def _as_key(key: t.Any) -> t.Any:
    """Return a key of a dict in a form that is never evaluated as a template.

    Before 2.19, ansible-core forgets that a key is data when it turns the dict into a text. So a space separates the
    two characters that start a template.
    """
    if HAS_TRUST or not isinstance(key, str) or has_no_template(key):
        return key
    return as_text(_TEMPLATE_START.sub("{ ", key))


def as_data(value: t.Any) -> t.Any:
    """Return a value from the API with each text in it as as_text() returns it. Lists and dicts are copied."""
    if isinstance(value, str):
        return as_text(value)
    if isinstance(value, list):
        return [as_data(item) for item in value]
    if isinstance(value, dict):
        return {_as_key(key): as_data(item) for key, item in value.items()}
    return value
