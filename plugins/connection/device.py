# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: device
short_description: Run modules for Esper devices on the controller
version_added: 0.1.0
author: esper.cloud contributors (@ansible-collections)
description:
  - Connection of hosts that are Esper devices. The inventory plugin P(esper.cloud.devices#inventory) sets it.
  - Ansible cannot log in to these devices. Modules of this collection send requests to the Esper API from the
    controller, so they run for a device. Other modules fail instead of running on the controller by mistake.
  - Actions that do not need a connection also work, for example M(ansible.builtin.debug),
    M(ansible.builtin.set_fact), M(ansible.builtin.assert) and M(ansible.builtin.include_tasks), and tasks with
    C(delegate_to=localhost).
notes:
  - To read the status of an asynchronous task with M(ansible.builtin.async_status), use C(delegate_to=localhost).
options: {}
"""

import typing as t

from ansible.errors import AnsibleError
from ansible.plugins.connection import ConnectionBase
from ansible.plugins.loader import connection_loader


class Connection(ConnectionBase):
    transport = "esper.cloud.device"
    has_pipelining = False

    def __init__(self, *args: t.Any, **kwargs: t.Any) -> None:
        super().__init__(*args, **kwargs)
        self._local: t.Any = None

    def use_controller(self) -> t.Any:
        """Return a connection to the controller, for a module of this collection that runs in a separate process.

        From then on, this connection also runs commands on the controller, because ansible-core uses it to read the
        status of an asynchronous task.
        """
        if self._local is None:
            self._local = connection_loader.get("ansible.builtin.local", self._play_context, shell=self._shell)
            self._local.set_become_plugin(self.become)
            self._local.set_options()
        return self._local

    @property
    def transport_test(self) -> t.Any:
        """Raise AnsibleError, so wait_for_connection fails at once. Otherwise, it retries until it times out."""
        raise self._error()

    def _connect(self) -> Connection:
        if self._local is None:
            raise self._error()
        self._local._connect()
        self._connected = True
        return self

    def exec_command(self, *args: t.Any, **kwargs: t.Any) -> t.Any:
        self._connect()
        return self._local.exec_command(*args, **kwargs)

    def put_file(self, *args: t.Any, **kwargs: t.Any) -> t.Any:
        self._connect()
        return self._local.put_file(*args, **kwargs)

    def fetch_file(self, *args: t.Any, **kwargs: t.Any) -> t.Any:
        self._connect()
        return self._local.fetch_file(*args, **kwargs)

    def close(self) -> None:
        self._connected = False

    def reset(self) -> None:
        """Do nothing, because no connection is open."""

    @staticmethod
    def _error() -> AnsibleError:
        return AnsibleError(
            "This task cannot run on an Esper device, because Ansible cannot log in to it. Use a module of esper.cloud,"
            " such as esper.cloud.device_command, or set delegate_to: localhost to run the task on the controller."
        )
