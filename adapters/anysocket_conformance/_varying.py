"""What bare servers do by chance: told as such in the matrix, so that two runs give the same text."""

from __future__ import annotations

from anysocket.testing.cases import CASES
from anysocket.testing.cases._outcomes import AnyStage
from anysocket_conformance.deviations.requests import RSGI

UVICORN = ("uvicorn-sansio", "uvicorn-wsproto", "uvicorn-legacy", "uvicorn-sansio-uvloop")
HYPERCORN = ("hypercorn", "hypercorn-tls", "hypercorn-http2")
RLOOP = ("granian-rsgi-rloop",)
GRANIAN = (*RSGI, "granian-asgi")
"""Its receive is in flight apart from who waits for it, and its threads are not those of Python."""
EVERY = (*GRANIAN, *UVICORN, *HYPERCORN, "daphne", "testclient")
THREADS = ("granian-rsgi-mt", "granian-asgi")
"""What is sent at once is written by several threads."""

OUTCOMES = tuple(case.name for case in CASES if isinstance(case, AnyStage))
"""The cases of how handlers end."""

VARYING: dict[str, tuple[str, ...]] = {
    # Whether a handler's end, of which the process may die, still lets its client and others be answered.
    **dict.fromkeys(OUTCOMES, HYPERCORN),
    # Whether a server that is not read from answers, or tells, before the client has waited long enough.
    "peer-closes-while-handler-floods": EVERY,
    "peer-closes-while-handler-sends": EVERY,
    "peer-closes-while-handler-sleeps": EVERY,
    "peer-hangs-up-while-handler-floods": EVERY,
    "peer-hangs-up-while-handler-sends": HYPERCORN,
    "peer-reset-while-handler-sends": EVERY,
    "peer-reset-while-handler-floods": HYPERCORN,
    "silent-peer": GRANIAN,
    "second-receiver": GRANIAN,
    "loop-while-another-task-receives": GRANIAN,
    "slow-peer-hangs-up": GRANIAN,
    "slow-peer-is-reset": GRANIAN,
    "close-after-peer-closes": GRANIAN,
    "close-while-another-task-iterates": ("granian-asgi",),
    "receive-before-accept": HYPERCORN,
    "accept-twice": HYPERCORN,
    "answers-close": ("uvicorn-legacy",),
    "text-above-the-limit": RLOOP,
    "bytes-above-the-limit": RLOOP,
    "survives-strange-paths": ("daphne",),
    "denied-with-illegal-status": ("daphne",),
    # What is done first as the process ends.
    "close-at-sigint": UVICORN,
    "no-upgrade-while-ending": GRANIAN,
    "receiving-handler-unwinds": GRANIAN,
    "unread-at-our-close": UVICORN,
    # Which messages are out of order, if any.
    "send-one-by-one": THREADS,
    "send-gathered": THREADS,
    "send-from-tasks": THREADS,
    "send-then-close": THREADS,
    "large-and-small": THREADS,
    "close-with-sends-under-way": THREADS,
    "cancelled-sends": GRANIAN,
    # Which messages a cancelled receive loses, if any.
    "receive-after-cancel": GRANIAN,
    "receive-in-timeouts": GRANIAN,
    "receive-in-wait-for": GRANIAN,
    "receive-in-storm-of-cancels": GRANIAN,
    # Whether the process ends before the refusal is written.
    "accept-after-deny": GRANIAN,
}
"""By the name of the case: the names of the servers."""
