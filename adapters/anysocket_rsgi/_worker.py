"""A worker of Granian: what it is told, and how it is ended."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, NoReturn

logger = logging.getLogger("anysocket")

RUST_TASKS = (
    "Granian's --task-impl rust cannot run WebSockets: it leaks every message and breaks cancellation and "
    "timeouts. Start it with --task-impl asyncio, which is the default"
)


def refuse_rust_tasks() -> None:
    """``SystemExit`` if Granian was told to run its own kind of tasks, which are none to asyncio."""
    implementation = local_of_caller("granian.", "task_impl")
    if str(getattr(implementation, "value", implementation)) == "rust":
        end_worker(RUST_TASKS)


def end_worker(why: str, cause: BaseException | None = None) -> NoReturn:
    """End the worker, and say why."""
    logger.critical("%s", why)
    raise SystemExit(f"anysocket: {why}") from cause


def granian_stop() -> Callable[[], object] | None:
    """What ends this worker of Granian's in order, as its own handler of signals does; None elsewhere."""
    stop: Callable[[], object] | None = getattr(local_of_caller("granian.", "shutdown_event"), "set", None)
    return stop


def granian_workers() -> int:
    """How many workers Granian runs, as far as one of them can know; 0 elsewhere."""
    for caller in locals_of_callers("granian.", "self"):
        # Workers are forked: the main process's calls are beneath their own.
        workers = getattr(getattr(caller, "parent", None), "workers", None)
        if isinstance(workers, int):
            return workers
    number = local_of_caller("granian.", "worker_id")  # Those that are spawned know their number, from 1.
    return number if isinstance(number, int) else 0


def local_of_caller(package: str, name: str) -> Any:
    """The nearest variable of this name in a function of ``package`` that is calling; None if there is none.

    Servers hand their settings, and the means to end them, to their own functions and to nobody else.
    """
    return next(locals_of_callers(package, name), None)


def locals_of_callers(package: str, name: str) -> Iterator[Any]:
    """All of them, the nearest one first."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if str(frame.f_globals.get("__name__")).startswith(package) and name in frame.f_locals:
            yield frame.f_locals[name]
        frame = frame.f_back
