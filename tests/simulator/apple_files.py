# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files that Apple issues: push certificates, and tokens of Apple Business Manager. To make them, and to read them.

A certificate is signed by its own key, which follows from its topic, so its bytes are the same in each run. A DEP token
is readable here, real ones are encrypted.
As a program, this file writes one: `apple_files.py certificate|dep|vpp FILE [DAYS]`.
"""

from __future__ import annotations

import base64
import json
import re
import sys
from datetime import datetime, timedelta, timezone
from hashlib import sha256
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

TOPIC = "com.apple.mgmt.External.8f14e45f-ceea-467f-a0e6-5f0c6b1d2a3b"
LAST = datetime(2099, 6, 1, tzinfo=timezone.utc)

_EXPIRY = re.compile(rb'"access_token_expiry": "([^"]+)"')


def certificate(topic: str = TOPIC, expires: datetime = LAST, *, der: bool = False) -> bytes:
    """A push certificate in PEM or DER format. The topic "" leaves it out of the subject."""
    key = Ed25519PrivateKey.from_private_bytes(sha256(topic.encode()).digest())
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, f"APSP:{topic.rpartition('.')[2]}")]
    if topic:
        attributes.insert(0, x509.NameAttribute(NameOID.USER_ID, topic))
    name = x509.Name(attributes)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(expires - timedelta(days=365))
    made = builder.not_valid_after(expires).sign(key, None)
    return made.public_bytes(Encoding.DER if der else Encoding.PEM)


def dep_token(expires: datetime = LAST) -> bytes:
    """A DEP token."""
    content = json.dumps({"access_token_expiry": _text(expires)})
    return f"Content-Type: application/pkcs7-mime; name=smime.p7m\r\n\r\n{content}\r\n".encode()


def vpp_token(
    organization: str = "Example Retail", expires: datetime = LAST, token: str = "T0ken-Of-The-Tests"
) -> bytes:
    """A content token."""
    content = {"token": token, "expDate": f"{expires:%Y-%m-%dT%H:%M:%S}+0000", "orgName": organization}
    return base64.b64encode(json.dumps(content).encode())


def read_certificate(data: bytes) -> dict[str, str] | None:
    """The topic and the times of a certificate, None if the file is none."""
    load = x509.load_pem_x509_certificate if data.startswith(b"-----") else x509.load_der_x509_certificate
    try:
        made = load(data)
        (topic,) = made.subject.get_attributes_for_oid(NameOID.USER_ID)
    except ValueError:
        return None
    times = [
        getattr(made, f"{name}_utc", None) or getattr(made, name) for name in ("not_valid_before", "not_valid_after")
    ]
    return {"topic": str(topic.value), "cert_created_at": _text(times[0]), "cert_expiry_on": _text(times[1])}


def read_dep_token(data: bytes) -> str | None:
    """The expiry of a DEP token, None if the file is none."""
    found = _EXPIRY.search(data)
    return found[1].decode() if found else None


def read_vpp_token(data: bytes) -> dict[str, str] | None:
    """The content of a content token, None if the file is none."""
    try:
        content = json.loads(base64.b64decode(b"".join(data.split()), validate=True))
    except ValueError:
        return None
    return content if isinstance(content, dict) and "token" in content else None


def _text(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%SZ}"


if __name__ == "__main__":
    kind, file, *days = sys.argv[1:]
    expires = datetime.now(timezone.utc) + timedelta(days=int(days[0])) if days else LAST
    files = {"certificate": certificate(expires=expires), "dep": dep_token(expires), "vpp": vpp_token(expires=expires)}
    Path(file).write_bytes(files[kind])
