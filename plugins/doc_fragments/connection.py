# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation of the connection options. Literal, because the sanity tests read it without running it; a unit
test holds it equal to the table in module_utils/connection.py that defines them."""

from __future__ import annotations


class ModuleDocFragment:
    """``esper.cloud.connection`` for modules, ``esper.cloud.connection.plugin`` for plugins."""

    DOCUMENTATION = r"""
options:
  tenant:
    description:
      - The tenant, as V(acme), V(acme.esper.cloud) or the full URL of its console or API.
      - Either this or O(api_url) must be given.
      - Without it, the environment variable E(ESPER_TENANT) or E(ESPER_ENVIRONMENT) is used.
    type: str
  api_url:
    description:
      - The base URL of the API, for example V(https://acme-api.esper.cloud/api). Wins over O(tenant).
      - Useful behind a gateway, and for tests against the simulator.
      - Without it, the environment variable E(ESPER_API_URL) is used.
    type: str
  api_key:
    description:
      - The API key, from the console's page B(API Key Management). Required.
      - It is never shown, logged or cached. A key belongs to a user; use a user made for automation.
      - Without it, the environment variable E(ESPER_API_KEY) is used.
    type: str
  enterprise_id:
    description:
      - The UUID of the enterprise. When it is not given it is asked of the API, which costs one request a task.
      - It never changes, so giving it makes every task a little faster.
      - Without it, the environment variable E(ESPER_ENTERPRISE_ID) is used.
    type: str
  timeout:
    description:
      - Seconds to wait for the connection, and for each part of an answer, before a request counts as lost.
      - Without it, the environment variable E(ESPER_TIMEOUT) is used.
    type: float
    default: 60.0
  retries:
    description:
      - How often a request is repeated after a lost connection, a server error (5xx) or a rate limit (429).
      - Requests that create something are never repeated blindly; the object is looked up first.
      - Without it, the environment variable E(ESPER_RETRIES) is used.
    type: int
    default: 4
  deadline:
    description:
      - Seconds that all requests of a task may take together, waits and repeats included. V(0) sets no limit.
      - A task never outlasts it by more than one O(timeout).
      - Without it, the environment variable E(ESPER_DEADLINE) is used.
    type: float
    default: 300.0
  validate_certs:
    description:
      - Whether the server's TLS certificate must be valid. Turn it off for tests only.
      - Without it, the environment variable E(ESPER_VALIDATE_CERTS) is used.
    type: bool
    default: true
  ca_path:
    description:
      - A file or directory of CA certificates to trust instead of the system's.
      - Without it, the environment variable E(ESPER_CA_PATH) is used.
    type: path
requirements:
  - requests >= 2.28
"""

    PLUGIN = r"""
options:
  tenant:
    description:
      - The tenant, as V(acme), V(acme.esper.cloud) or the full URL of its console or API.
      - Either this or O(api_url) must be given.
    type: str
    env:
      - name: ESPER_TENANT
      - name: ESPER_ENVIRONMENT
  api_url:
    description:
      - The base URL of the API, for example V(https://acme-api.esper.cloud/api). Wins over O(tenant).
      - Useful behind a gateway, and for tests against the simulator.
    type: str
    env:
      - name: ESPER_API_URL
  api_key:
    description:
      - The API key, from the console's page B(API Key Management). Required.
      - It is never shown, logged or cached. A key belongs to a user; use a user made for automation.
    type: str
    env:
      - name: ESPER_API_KEY
  enterprise_id:
    description:
      - The UUID of the enterprise. When it is not given it is asked of the API, which costs one request a task.
      - It never changes, so giving it makes every task a little faster.
    type: str
    env:
      - name: ESPER_ENTERPRISE_ID
  timeout:
    description:
      - Seconds to wait for the connection, and for each part of an answer, before a request counts as lost.
    type: float
    default: 60.0
    env:
      - name: ESPER_TIMEOUT
  retries:
    description:
      - How often a request is repeated after a lost connection, a server error (5xx) or a rate limit (429).
      - Requests that create something are never repeated blindly; the object is looked up first.
    type: int
    default: 4
    env:
      - name: ESPER_RETRIES
  deadline:
    description:
      - Seconds that all requests of a task may take together, waits and repeats included. V(0) sets no limit.
      - A task never outlasts it by more than one O(timeout).
    type: float
    default: 300.0
    env:
      - name: ESPER_DEADLINE
  validate_certs:
    description:
      - Whether the server's TLS certificate must be valid. Turn it off for tests only.
    type: bool
    default: true
    env:
      - name: ESPER_VALIDATE_CERTS
  ca_path:
    description:
      - A file or directory of CA certificates to trust instead of the system's.
    type: path
    env:
      - name: ESPER_CA_PATH
requirements:
  - requests >= 2.28
"""
