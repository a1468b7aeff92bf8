"""How connections end: refused, closed by either side, lost (contract 3, 4.2, 4.6, 5.2 to 5.5)."""

from __future__ import annotations

import contextlib

import pytest

from anysocket import Capability, Message
from anysocket.testing import Refused
from anysocket.testing._stopwatch import stopwatch
from anysocket_servers import CLOSE, TEXT, Handshake
from peers import receive_data

# Every server has the cases of `python -m anysocket matrix`: these tests see logs, memory and older
# versions as well.
pytestmark = pytest.mark.servers("granian-rsgi", "uvicorn-sansio", "uvicorn-picows", "memory")

SOON = 1.0


@contextlib.asynccontextmanager
async def within_a_second():
    async with stopwatch() as watch:
        yield
        assert watch.seconds < SOON


async def refused_by(running, path: str) -> Refused:
    with pytest.raises(Refused) as refusal:
        async with running.connect(path):
            pass
    return refusal.value


# -- before accept --


@pytest.mark.parametrize(
    ("path", "status"),
    [("/return", 403), ("/raise", 500), ("/close/1000", 403), ("/close/1008", 403), ("/deny/404", 404)],
)
async def test_refusals_have_their_status(running, server, path, status):
    assert (await refused_by(running, path)).status == (status if server.denial_status else 403)


async def test_denied_counts_from_any_depth(running, server):
    refusal = await refused_by(running, "/denied-deep")
    assert refusal.status == (429 if server.denial_status else 403)
    if Capability.DENIAL_BODY in server.capabilities:
        assert refusal.body == b"slow down" and refusal.headers.get("retry-after") == "7"


@pytest.mark.needs("denial_body")
async def test_refusal_carries_headers_and_body(running):
    refusal = await refused_by(running, "/deny/503")
    assert (refusal.status, refusal.body) == (503, b"come back later")
    assert refusal.headers.get("x-why") == "busy" and refusal.headers.get("retry-after") == "5"
    refusal = await refused_by(running, "/deny-twice-named")
    assert ", ".join(refusal.headers.getlist("x-why")) == "one, two"


async def test_returning_before_accept_is_a_warning_with_the_route(running):
    await refused_by(running, "/return")
    log = await running.logged("before accept()")
    assert "return_at_once" in log and "/return" in log


async def test_raising_before_accept_is_logged_with_traceback_and_route(running):
    await refused_by(running, "/raise")
    log = await running.logged("LookupError: before accept")
    assert "raise_at_once" in log and "/raise" in log and "contract_app.py" in log


async def test_unknown_path_is_closed_with_1001(running, server):
    async with running.connect("/no/such/path") as peer:
        closed = await peer.receive_close()
    assert (closed.code, closed.reason) == server.expected_close(1001, "no such path")


async def test_unknown_path_is_404_where_the_app_denies(serve, server):
    refusal = await refused_by(serve("unmatched_app:app"), "/no/such/path")
    assert refusal.status == (404 if server.denial_status else 403)


async def test_calls_too_early_are_refused_and_do_no_harm(running):
    async with running.connect("/misuse-before-accept") as peer:
        assert await peer.receive_text() == "WebSocketStateError, WebSocketStateError, WebSocketStateError"


async def test_accepting_twice_is_refused_and_does_no_harm(running):
    async with running.connect("/double-accept") as peer:
        assert await peer.receive_text() == "WebSocketStateError"
        await peer.send("and on")
        assert await peer.receive_text() == "and on"


# -- closed by us --


@pytest.mark.parametrize(("code", "reason"), [(1000, ""), (1001, "going"), (1008, "no"), (4001, "own-words")])
async def test_close_reaches_the_peer(running, server, told, key, code, reason):
    async with running.connect(f"/close-after/{code}?key={key}&reason={reason}") as peer:
        assert await peer.receive_text() == "first"
        closed = await peer.receive_close()
        assert (closed.code, closed.reason) == server.expected_close(code, reason)
    after = await told()
    end = {"code": code, "reason": reason, "by": "us"}
    assert after["ends"] == [end]
    assert after["sends"] == [end, end]
    assert after["closed"] is True


async def test_close_while_another_task_receives_does_not_hang(running, server, told, key):
    async with running.connect(f"/close-while-receiving?key={key}") as peer:
        async with within_a_second():
            closed = await peer.receive_close()
        assert (closed.code, closed.reason) == server.expected_close(4000, "bye")
    assert (await told())["code"] == 4000


async def test_codes_and_reasons_that_no_frame_may_carry_are_refused(running, server):
    async with running.connect("/invalid-closes") as peer:
        assert await peer.receive_text() == "12"
        closed = await peer.receive_close()
    assert (closed.code, closed.reason) == server.expected_close(1000, "ü" * 61)


async def test_handler_that_returns_closes_with_1000(running, server):
    async with running.connect("/return-after-accept") as peer:
        assert await peer.receive_text() == "done"
        assert ((await peer.receive_close()).code, "") == server.expected_close(1000)


async def test_handler_that_raises_closes_with_1011_and_logs_the_route(running, server):
    async with running.connect("/raise-after-accept") as peer:
        closed = await peer.receive_close()
        assert (closed.code, closed.reason) == server.expected_close(1011)
    log = await running.logged("LookupError: after accept")
    assert "raise_after_accept" in log and "/raise-after-accept" in log and "contract_app.py" in log


async def test_denied_after_accept_closes_with_1008(running, server):
    async with running.connect("/denied-late") as peer:
        assert (await peer.receive_close()).code == server.expected_close(1008)[0]


@pytest.mark.needs("process")
@pytest.mark.parametrize("path", ["/return-after-accept", "/keep-and-return", "/raise-after-accept"])
async def test_tcp_ends_when_the_handler_has(running, path):
    """A peer that answers the close frame is let go at once, even if the app keeps the websocket."""
    async with running.frames() as client:
        assert (await client.upgrade(Handshake(path))).accepted
        opcode, payload = await client.receive() or (None, b"")
        while opcode == TEXT:
            opcode, payload = await client.receive() or (None, b"")
        assert opcode == CLOSE
        client.send(CLOSE, payload)
        async with within_a_second():
            await client.ended()


@pytest.mark.needs("process")
@pytest.mark.not_on("granian-asgi", reason="reads nothing after its close, so TCP is reset, at times early")
async def test_messages_on_their_way_do_not_keep_a_closed_connection(running):
    """The handler ends while the peer still sends: its close frame arrives, and then the end."""
    async with running.frames() as client:
        assert (await client.upgrade(Handshake("/return-while-peer-sends"))).accepted
        for number in range(200):
            client.send(TEXT, b"message %d" % number)
        opcode, payload = await client.receive() or (None, b"")
        assert opcode == CLOSE
        client.send(CLOSE, payload)
        async with within_a_second():
            await client.ended()


# -- closed or lost by the peer --


async def answer_to_close(peer) -> Message:
    """The close frame that answers the peer's, after what was still on its way; ``ConnectionClosed`` if the
    connection ended without one."""
    while (message := await peer.receive()).type != "close":
        pass
    return message


@pytest.mark.parametrize("path", ["/sleep", "/send-slowly", "/receive-to-the-end"])
async def test_close_of_the_peer_is_answered_and_noticed_at_once(running, told, key, path):
    async with running.connect(f"{path}?key={key}") as peer:
        await peer.send("never read" if path == "/sleep" else "read")
        async with within_a_second():
            await peer.close(4001, "bye")
            await answer_to_close(peer)
            await told()


@pytest.mark.needs("process")
@pytest.mark.parametrize("path", ["/sleep", "/send-slowly", "/flood"])
@pytest.mark.parametrize("how", ["abort", "hang_up"])
async def test_loss_of_the_peer_is_noticed_within_a_second(running, told, key, path, how):
    async with running.connect(f"{path}?key={key}") as peer:
        await peer.send("hello")
        if path != "/sleep":
            await receive_data(peer)
        async with within_a_second():
            await getattr(peer, how)()
            noticed = await told()
    assert noticed.get("by", "lost") != "us"


async def test_code_and_reason_of_the_peer_are_told(running, server, told, key):
    async with running.connect(f"/receive-to-the-end?key={key}") as peer:
        await peer.send("one")
        await peer.close(4001, "bye ü")
        facts = await told()
    code = 4001 if Capability.PEER_CLOSE_CODE in server.capabilities else 1005
    reason = "bye ü" if Capability.PEER_CLOSE_REASON in server.capabilities else ""
    assert facts["seen"] == [
        {"type": "text", "code": None, "reason": ""},
        {"type": "close", "code": code, "reason": reason},
    ]
    end = {"code": code, "reason": reason, "by": "peer"}
    assert facts["ends"] == [end, end]
    assert facts["sends"] == [end, end], "sending after the end must raise"
    assert facts["closed"] is True


@pytest.mark.needs("process")
async def test_close_without_a_code_reads_1005(running, told, key):
    async with running.frames() as client:
        assert (await client.upgrade(Handshake(f"/receive-to-the-end?key={key}"))).accepted
        client.send(CLOSE)
        opcode, _ = await client.receive() or (None, b"")
        assert opcode == CLOSE
        async with within_a_second():
            await client.ended()
    facts = await told()
    assert facts["ends"][0] == {"code": 1005, "reason": "", "by": "peer"}


@pytest.mark.needs("process")
@pytest.mark.parametrize("how", ["abort", "hang_up"])
async def test_lost_peer_reads_1006(running, server, told, key, how):
    async with running.connect(f"/receive-to-the-end?key={key}") as peer:
        await peer.send("one")
        await getattr(peer, how)()
        facts = await told()
    lost = {"code": 1006, "reason": "", "by": "lost"}
    end = (
        lost if Capability.LOST_IS_1006 in server.capabilities else {"code": 1005, "reason": "", "by": "peer"}
    )
    assert facts["seen"][0]["type"] == "text"
    assert facts["ends"] == [end, end]
    assert facts["sends"] == [end, end]


@pytest.mark.needs("process")
@pytest.mark.parametrize("path", ["/sleep", "/send-slowly"])
async def test_pings_are_answered_while_the_handler_does_not_receive(running, key, path):
    async with running.connect(f"{path}?key={key}") as peer:
        for _ in range(5):
            async with within_a_second():
                await peer.ping()
