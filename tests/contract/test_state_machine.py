"""Whatever handler and peer do, in whatever order: what comes of it is what the table of states says."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anysocket import Capability, ConnectionClosed
from anysocket._state import TRANSITIONS, Event, State
from anysocket.testing import Peer, Refused, connect
from anysocket.testing._memory import EVERYTHING
from anysocket.testing._stage import HEADER, LocalBackstage, Notebook, ended, outcome, seen
from anysocket_conformance._remote import FOLDER, listen
from anysocket_rsgi import CAPABILITIES as RSGI
from anysocket_servers import BY_NAME, start
from contract.state_machine_app import build
from contract.state_machine_model import HANDLER, LONG, PEER, Model, Step

Connect = Callable[[str, Sequence[tuple[str, str]]], AbstractAsyncContextManager[Peer]]

ENTRIES: list[list[str]] = [
    *(
        [],
        ["accept"],
        ["accept", "peer sends", "send"],
        ["accept", "close"],
        ["accept", "send", "peer aborts"],
    ),
    *(["accept", "peer sends", "peer closes"], ["accept", "close", "peer closes"], ["deny"]),
]
"""Ways into every state."""
CALLED = set(TRANSITIONS) - {State.ACCEPTING}
"""The states in which a handler that does one thing at a time can make a call."""
OFTEN = ("send", "receive", "peer sends", "peer sends", "peer reads")
AT_ONCE = 8


async def drive(model: Model, connect: Connect, notebook: Notebook) -> list[str]:
    """Play what the model has planned, one call after the other, and tell what came of each up to the first
    that is not as planned."""
    token = uuid.uuid4().hex
    script = [[number, step.call, step.argument] for number, step in enumerate(model.steps) if not step.peers]
    connection = connect(f"/play?steps={quote(json.dumps(script))}", [(HEADER, token)])
    told: list[str] = []
    async with AsyncExitStack() as stack:
        connecting = asyncio.ensure_future(stack.enter_async_context(connection))
        for number, step in enumerate(model.steps):
            if step.peers:
                told.append(f"{step.call}: {await peer_does(await connecting, step)}")
            else:
                notebook.give(token, str(number))
                told.append(f"{step.call}: {await noted(notebook, token, f'{number}: ')}")
            if told[-1] != f"{step.call}: {step.expected}":
                break
        try:
            await connecting
        except Refused as refused:
            told.append(f"refused {refused.status}")
    return told


async def peer_does(peer: Peer, step: Step) -> str:
    match step.call:
        case "peer sends":
            return await outcome(peer.send_text(step.argument))
        case "peer closes":
            return await outcome(peer.close(*step.argument))
        case "peer aborts":
            return await outcome(peer.abort())
        case "peer hangs up":
            return await outcome(peer.hang_up())
    try:
        return seen(await peer.receive(step.argument))
    except ConnectionClosed as closed:
        return ended(closed)
    except AssertionError:
        return "nothing"


async def noted(notebook: Notebook, token: str, beginning: str) -> str:
    """What the handler notes of a step, or that it does not."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(2 * LONG):
            while True:
                for text in notebook.notes(token):
                    if text.startswith(beginning):
                        return text.removeprefix(beginning)
                await notebook._changed.wait()
    return "nothing"


def planned(model: Model) -> list[str]:
    steps = [f"{step.call}: {step.expected}" for step in model.steps]
    return [*steps, f"refused {model.refused}"] if model.refused else steps


# -- in memory --


async def play_in_memory(calls: Sequence[str], capabilities: Capability) -> Model:
    model = Model(capabilities, answers=False, short=0.002)
    model.play(calls)
    notebook = Notebook()
    app = build(LocalBackstage(notebook))

    def connect_here(path: str, headers: Sequence[tuple[str, str]]) -> AbstractAsyncContextManager[Peer]:
        return connect(app, path, headers=headers, capabilities=capabilities, timeout=LONG)

    assert await drive(model, connect_here, notebook) == planned(model)
    return model


WEAKER = [EVERYTHING, RSGI, Capability(0)]


@pytest.mark.parametrize("capabilities", WEAKER, ids=["all", "rsgi", "none"])
async def test_every_two_calls_in_every_state(capabilities: Capability) -> None:
    calls = (*HANDLER, *PEER)
    sequences = [[*entry, first, second] for entry in ENTRIES for first in calls for second in calls]
    limit = asyncio.Semaphore(AT_ONCE)

    async def play(sequence: Sequence[str]) -> Model:
        async with limit:
            return await play_in_memory(sequence, capabilities)

    models = await asyncio.gather(*map(play, sequences))
    visited = set[tuple[State, Event]]().union(*(model.visited for model in models))
    assert visited >= {(state, call) for state in CALLED for call in (Event.ACCEPT, Event.DENY, Event.CLOSE)}
    losses = {Event.LOST} if Capability.LOST_IS_1006 in capabilities else set()
    ends = {Event.PEER_CLOSED, *losses}
    assert visited >= {(state, end) for state in (State.OPEN, State.CLOSING, State.CLOSED) for end in ends}


@settings(max_examples=400, derandomize=True, deadline=None, database=None)
@given(
    st.sampled_from(ENTRIES),
    st.lists(st.sampled_from((*HANDLER, *PEER, *OFTEN)), min_size=3, max_size=14),
    st.sampled_from(WEAKER),
)
def test_many_calls(entry: list[str], calls: list[str], capabilities: Capability) -> None:
    asyncio.run(play_in_memory([*entry, *calls], capabilities))


# -- on servers --


def some_sequences(count: int) -> list[list[str]]:
    """The same in every run."""
    chosen = random.Random(6455)
    return [[*chosen.choice(ENTRIES), *chosen.choices((*HANDLER, *PEER, *OFTEN), k=10)] for _ in range(count)]


async def play_on(name: str, sequences: Sequence[Sequence[str]]) -> None:
    server = BY_NAME[name]
    if missing := server.missing():
        pytest.skip(f"needs {', '.join(missing)}")
    notebook = Notebook()
    limit = asyncio.Semaphore(AT_ONCE)
    async with listen(notebook) as folder:
        with start(server, "state_machine_app:app", Path(__file__).parent, {FOLDER: folder}) as running:

            async def play(calls: Sequence[str]) -> tuple[list[str], list[str]]:
                model = Model(server.capabilities, answers=True, short=0.05)
                model.play(calls)
                async with limit:
                    return await drive(model, running.connect, notebook), planned(model)

            results = await asyncio.gather(*map(play, sequences))
            assert running.alive()
    for told, plan in results:
        assert told == plan


@pytest.mark.parametrize("name", ["granian-rsgi", "uvicorn-sansio"])
async def test_some_sequences_on_servers(name: str) -> None:
    await play_on(name, some_sequences(100))


@contextlib.contextmanager
def busy_processors(programs: int) -> Iterator[None]:
    """So many programs that would each take a processor of their own."""
    program = [sys.executable, "-c", "while True: pass"]
    running = [subprocess.Popen(program) for _ in range(programs)]
    try:
        yield
    finally:
        for each in running:
            each.kill()
            each.wait()


@pytest.mark.soak
@pytest.mark.parametrize("name", ["granian-rsgi", "granian-rsgi-mt", "granian-asgi"])
async def test_a_close_overtakes_no_message_whose_send_has_returned(name: str) -> None:
    """Contract 5.2, where a server's own threads write: one that has to wait for a processor finds the peer's
    close beside the message."""
    ways = [["accept", "send", "peer closes"], ["accept", "peer sends", "receive", "send", "peer closes"]]
    with busy_processors(12):
        await play_on(name, ways * 200)
