# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: device
short_description: Run only Esper modules for Esper devices
version_added: 0.1.0
author: esper.cloud contributors (@ansible-collections)
description:
  - The connection of hosts that are Esper devices. The inventory P(esper.cloud.devices#inventory) sets it.
  - Nobody logs in to a device, so this connection runs no command and copies no file. A task that needs either fails,
    instead of running on the controller in the name of the device.
  - Modules of this collection work, because they send requests to the Esper API from the controller.
  - Tasks that need no connection also work, such as M(ansible.builtin.debug), M(ansible.builtin.set_fact),
    M(ansible.builtin.assert) and M(ansible.builtin.include_tasks), and tasks with C(delegate_to=localhost).
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
        """Return a connection to the controller, for a module of this collection that runs in a process of its own.

        From then on this connection leads there, too: ansible-core uses it to follow an asynchronous task.
        """
        if self._local is None:
            self._local = connection_loader.get("ansible.builtin.local", self._play_context, shell=self._shell)
            self._local.set_become_plugin(self.become)
            self._local.set_options()
        return self._local

    @property
    def transport_test(self) -> t.Any:
        """Fail at once in wait_for_connection, which otherwise repeats what fails until its time is over."""
        raise self._refusal()

    def _connect(self) -> Connection:
        if self._local is None:
            raise self._refusal()
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
        """Do nothing, since nothing is open."""

    @staticmethod
    def _refusal() -> AnsibleError:
        return AnsibleError(
            "This task cannot run on an Esper device, because nobody logs in to devices. Use a module of esper.cloud,"
            " such as esper.cloud.device_command, or set delegate_to: localhost to run the task on the controller."
        )
