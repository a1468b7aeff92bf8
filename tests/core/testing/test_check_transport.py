"""The contract's cases against a transport: what an author of an adapter runs."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

import anysocket_rsgi.testing
from anysocket import App, Capability
from anysocket.testing import MemoryTransport, Peer, TransportFactory, check_transport, connect
from anysocket.testing._memory import _build_scope, play
from anysocket.testing.cases import CASES

FEW = [case for case in CASES if case.group in ("messages", "closing", "order", "rooms")]
"""Enough to find what is broken here, and quick."""


@pytest.mark.parametrize("factory", [connect, anysocket_rsgi.testing.connect], ids=["memory", "rsgi"])
async def test_what_keeps_the_contract_passes(factory: TransportFactory) -> None:
    playable = [case for case in CASES if not case.tools and not case.own_server]
    assert await check_transport(factory) == len(playable) > 60


async def test_a_weaker_transport_passes_if_it_says_so() -> None:
    @asynccontextmanager
    async def weak(
        app: App, path: str, *, headers: Sequence[tuple[str, str]], subprotocols: Sequence[str]
    ) -> AsyncIterator[Peer]:
        nothing = Capability(0)
        async with connect(
            app, path, headers=headers, subprotocols=subprotocols, capabilities=nothing
        ) as peer:
            yield peer

    assert await check_transport(weak, cases=FEW) > 30


# -- broken ones --


class SwapsTextAndBytes(MemoryTransport):
    async def send_text(self, data: str) -> None:
        await super().send_bytes(data.encode())

    async def send_bytes(self, data: bytes) -> None:
        await super().send_text(data.decode("latin-1"))


class DropsTheCloseCode(MemoryTransport):
    """Although it declares ``CLOSE_CODE``."""

    async def close(self, code: int, reason: str) -> None:
        await super().close(1005, reason)


class ReordersTwoSends(MemoryTransport):
    """Now and then a message waits until the next one has been sent."""

    _held: str | None = None

    async def send_text(self, data: str) -> None:
        if self._held is None and data.endswith("7"):
            self._held = data
            return
        await super().send_text(data)
        if self._held is not None:
            held, self._held = self._held, None
            await super().send_text(held)


def served_by(transport_class: type[MemoryTransport]) -> TransportFactory:
    @asynccontextmanager
    async def factory(
        app: App, path: str, *, headers: Sequence[tuple[str, str]], subprotocols: Sequence[str]
    ) -> AsyncIterator[Peer]:
        scope = _build_scope(app, path, headers, subprotocols, ("127.0.0.1", 50000))
        transport = transport_class(scope, ~Capability.PING, timeout=1.0)
        handler = asyncio.create_task(app.serve(transport))
        async with play(handler, transport.answer, timeout=1.0) as peer:
            yield peer

    return factory


WATCHED = {
    "short-messages",
    "send-each-kind",
    "close-with-4000",
    "close-twice",
    "send-one-by-one",
    "same-order",
}
"""Cases that each of these transports must pass, or fail."""


@pytest.mark.parametrize(
    ("broken", "failing"),
    [
        (SwapsTextAndBytes, WATCHED - {"close-with-4000", "close-twice"}),
        (DropsTheCloseCode, {"close-with-4000", "close-twice"}),
        (ReordersTwoSends, {"send-one-by-one"}),
    ],
)
async def test_what_breaks_the_contract_is_told_by_its_cases(
    broken: type[MemoryTransport], failing: set[str]
) -> None:
    with pytest.raises(AssertionError) as failure:
        await check_transport(served_by(broken), cases=FEW)
    report = str(failure.value)
    named = re.findall(r"^([a-z0-9-]+) \([^)]+\): ", report, re.MULTILINE)
    assert set(named) & WATCHED == failing
    assert report.startswith(f"{len(named)} of {len(FEW)} cases failed:")
    assert report.count("\n  expected ") == report.count("\n  saw ") == len(named)


async def test_a_transport_that_accepts_nobody_is_told_at_once() -> None:
    class AcceptsNobody(MemoryTransport):
        async def accept(self, subprotocol: str | None, headers: object) -> None:
            await asyncio.Event().wait()

    with pytest.raises(AssertionError, match="expected accept"):
        await check_transport(served_by(AcceptsNobody))


async def test_a_factory_that_fails_is_told_by_the_kind_of_its_error() -> None:
    @asynccontextmanager
    async def refused(
        app: App, path: str, *, headers: Sequence[tuple[str, str]], subprotocols: Sequence[str]
    ) -> AsyncIterator[Peer]:
        async with connect(app, path, headers=headers, subprotocols=subprotocols) as peer:
            yield peer
            if headers:  # A play's, not the question for the capabilities.
                raise ExceptionGroup("unhandled errors", [ConnectionRefusedError()])

    with pytest.raises(AssertionError, match=r"client: .*ConnectionRefusedError"):
        await check_transport(refused, cases=FEW[:1])
