# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Push certificates of Apple, in PEM or DER format.

They are read with the library cryptography, which ansible-core requires. A module that runs on another machine than the
controller can lack it, so it is imported when a task has a certificate.
"""

from __future__ import annotations

import sys
import typing as t
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from .errors import ConfigurationError, InvalidParameter
from .small_file import read_small_file

if t.TYPE_CHECKING:
    from cryptography import x509

_PEM = b"-----BEGIN CERTIFICATE-----"
_PRIVATE_KEY = b"PRIVATE KEY-----"


@dataclass(frozen=True)
class PushCertificate:
    """The properties of a push certificate. ``topic`` is the user ID of its subject."""

    topic: str
    issued: datetime
    expires: datetime


def read_push_certificate(path: Path) -> PushCertificate:
    """Return the properties of a push certificate. Raise InvalidParameter if the file is not one, or if it has a
    private key, and ConfigurationError if the library is missing."""
    data = read_small_file(path)
    if _PRIVATE_KEY in data:
        raise InvalidParameter(
            f"The file '{path}' has a private key. Set src to the certificate from Apple, which has none."
        )
    certificate = _load(data, path)
    topic = _topic_of(certificate)
    if not topic:
        raise InvalidParameter(
            f"The certificate '{path}' is not a push certificate, because its subject has no user ID (UID). Download"
            " the certificate from https://identity.apple.com."
        )
    return PushCertificate(topic, _in_utc(certificate, "not_valid_before"), _in_utc(certificate, "not_valid_after"))


def _load(data: bytes, path: Path) -> x509.Certificate:
    try:
        from cryptography import x509
    except ImportError:
        raise ConfigurationError(
            f"The Python library cryptography is missing for {sys.executable}, so the module cannot read the"
            f" certificate '{path}'. Install it (pip install cryptography), or run the task with the Python of"
            " ansible-core."
        ) from None
    load = x509.load_pem_x509_certificate if _PEM in data else x509.load_der_x509_certificate
    try:
        return load(data)
    except Exception:  # noqa: BLE001 - the classes differ between versions of the library
        raise InvalidParameter(f"The file '{path}' is not a certificate in PEM or DER format.") from None


def _topic_of(certificate: x509.Certificate) -> str:
    from cryptography.x509.oid import NameOID

    try:
        values = [each.value for each in certificate.subject.get_attributes_for_oid(NameOID.USER_ID)]
    except ValueError:
        # The subject is read late, and can be invalid.
        return ""
    return values[0] if values and isinstance(values[0], str) else ""


def _in_utc(certificate: x509.Certificate, name: str) -> datetime:
    """Return a time of a certificate. Versions of the library before 42 return it without time zone."""
    time: datetime = getattr(certificate, f"{name}_utc", None) or getattr(certificate, name)
    return time.astimezone(timezone.utc) if time.tzinfo else time.replace(tzinfo=timezone.utc)
