"""What is measured. Adding a workload is a module here, and a line in :data:`WORKLOADS`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from benchmarks.contestants import Field
from benchmarks.workload import Workload
from benchmarks.workloads import drill, echo, fan_out, idle, shim, stalled, storm, workers

WORKLOADS: Mapping[str, Callable[[Field, float], Workload]] = {
    "echo": echo.workload,
    "fan-out": fan_out.workload,
    "stalled": stalled.workload,
    "storm": storm.workload,
    "idle": idle.workload,
    "drill": drill.workload,
    "shim": shim.workload,
    "workers": workers.workload,
}
"""By name, made of who takes part and how many seconds one figure is measured."""
