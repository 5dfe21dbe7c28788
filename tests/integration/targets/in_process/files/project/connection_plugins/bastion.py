# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connection to another machine for tests: like the connection local, with another name."""

from __future__ import annotations

from ansible.plugins.connection.local import Connection as LocalConnection

DOCUMENTATION = r"""
name: bastion
short_description: Connection to another machine for tests
author: esper.cloud contributors (@ansible-collections)
description:
  - Runs on the controller, like the connection local.
version_added: 0.1.0
options:
  pipelining:
    description: If V(true), modules are sent through a pipe.
    type: bool
    default: false
"""


class Connection(LocalConnection):
    transport = "bastion"
