# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules have in common, said once."""

from __future__ import annotations


class ModuleDocFragment:
    """``esper.cloud.attributes`` for every module, ``.resource`` and ``.info`` for what the two sorts can do."""

    DOCUMENTATION = r"""
options: {}
attributes:
  action_group:
    description: Use C(group/esper.cloud.esper) in C(module_defaults) to set options for all modules of the collection.
    support: full
    membership:
      - esper.cloud.esper
  action:
    description: Runs within the controller's own process, which saves the start of a module.
    support: partial
    details: If the connection is that of a device or local, unless the task needs a module. See the notes.
  async:
    description: Runs in the background, as a module.
    support: full
  platform:
    description: Where the module runs. It talks to the API over HTTPS and touches nothing on that machine.
    support: full
    platforms: posix
notes:
  - Modules run on the controller. The inventory P(esper.cloud.devices#inventory) sets the connection
    P(esper.cloud.device#connection) for devices, with which they do. For other hosts, use C(connection=local) or
    C(delegate_to=localhost).
  - A task runs within the controller's own process where its connection is one of these. It runs as a module where it
    is delegated to another machine, with C(async) or C(become), where C(ansible_python_interpreter) is another than the
    controller's own, where C(environment) sets other variables than C(ESPER_*), and where the variable
    C(esper_in_process) or the environment variable E(ESPER_IN_PROCESS) is V(false). With C(-vvv) it says why.
  - With C(-vvv), the result lists the requests that were sent as RV(ignore:requests).
seealso:
  - plugin: esper.cloud.devices
    plugin_type: inventory
"""

    RESOURCE = r"""
options: {}
attributes:
  check_mode:
    description: Says what would change, and sends no write.
    support: full
  diff_mode:
    description: Shows what is managed before and after the change, the same in check mode.
    support: full
"""

    INFO = r"""
options: {}
attributes:
  check_mode:
    description: Reads only, so that check mode makes no difference.
    support: full
  diff_mode:
    description: Changes nothing.
    support: N/A
"""
