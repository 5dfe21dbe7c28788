# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stands in for another machine: all is as with the connection local, but for the name."""

from __future__ import annotations

from ansible.plugins.connection.local import Connection as LocalConnection

DOCUMENTATION = r"""
name: bastion
short_description: Stands in for another machine
author: esper.cloud contributors (@ansible-collections)
description:
  - Runs on the controller, but is not the connection local.
version_added: 0.1.0
options:
  pipelining:
    description: Whether to send modules through a pipe.
    type: bool
    default: false
"""


class Connection(LocalConnection):
    transport = "bastion"
