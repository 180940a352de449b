"""Objects told apart by the boundary between them."""

from __future__ import annotations

from workbench.zoo.tasks.instances import InstanceTask

TASK = InstanceTask(ndim=2)
