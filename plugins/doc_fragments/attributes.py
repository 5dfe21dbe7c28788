# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation that all modules share."""

from __future__ import annotations


class ModuleDocFragment:
    """``esper.cloud.attributes`` for every module."""

    DOCUMENTATION = r"""
options: {}
attributes:
  action_group:
    description: Use C(group/esper.cloud.esper) in C(module_defaults) to set options for all modules of the collection.
    support: full
    membership:
      - esper.cloud.esper
  action:
    description: Runs in the process of the controller, which is faster than a module and has the same result.
    support: partial
    details: Requires the connection of a device or a local connection. See the notes.
  async:
    description: Runs in the background as a module.
    support: full
  platform:
    description: Platform on which the module runs. It sends requests to the Esper API and does not change the host.
    support: full
    platforms: posix
notes:
  - Modules run on the controller. The inventory plugin P(esper.cloud.devices#inventory) sets the connection
    P(esper.cloud.device#connection) for devices, which runs only modules of this collection. For other hosts, use
    C(connection=local) or C(delegate_to=localhost).
  - A task with one of these connections runs in the process of the controller. It runs as a module if it uses C(async)
    or C(become), if C(ansible_python_interpreter) is not the interpreter of the controller, if C(environment) sets
    variables other than C(ESPER_*), or if the variable C(esper_in_process) or the environment variable
    E(ESPER_IN_PROCESS) is V(false). C(-vvv) shows the reason.
  - With C(-vvv), the result contains the requests as RV(ignore:requests).
  - An option that names an object must not be empty or null, because an empty value could select other objects. In
    check mode, null means that another task of the run creates the object.
seealso:
  - plugin: esper.cloud.devices
    plugin_type: inventory
"""
