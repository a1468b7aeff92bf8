"""A worker of an RSGI server that must not start."""

from __future__ import annotations

import logging
import sys
from types import FrameType
from typing import NoReturn

logger = logging.getLogger("anysocket")

RUST_TASKS = (
    "Granian's --task-impl rust cannot run WebSockets: it leaks every message and breaks cancellation and "
    "timeouts. Start it with --task-impl asyncio, which is the default"
)


def refuse_rust_tasks() -> None:
    """``SystemExit`` if Granian was told to run its own kind of tasks, which are none to asyncio."""
    if _task_implementation(sys._getframe()) == "rust":
        end_worker(RUST_TASKS)


def end_worker(why: str, cause: BaseException | None = None) -> NoReturn:
    """End the worker, and say why."""
    logger.critical("%s", why)
    raise SystemExit(f"anysocket: {why}") from cause


def _task_implementation(frame: FrameType | None) -> str | None:
    """What ``--task-impl`` is set to. Granian hands it to its worker's main function and to nobody else,
    so that is where we look; None if nothing of Granian is calling."""
    while frame is not None:
        if str(frame.f_globals.get("__name__")).startswith("granian.") and "task_impl" in frame.f_locals:
            implementation = frame.f_locals["task_impl"]
            return str(getattr(implementation, "value", implementation))
        frame = frame.f_back
    return None
