"""The in-memory client in users' tests."""

from typing import Any, assert_type

from anysocket import App, Capability, Headers, Message
from anysocket.testing import Peer, Refused, connect, lifespan


async def test(app: App) -> None:
    async with lifespan(app) as started:
        assert_type(started, App)
    async with connect(app, "/", headers={"cookie": "a=b"}, timeout=1.0) as peer:
        assert_type(peer, Peer)
        assert_type(peer.subprotocol, str | None)
        assert_type(peer.response_headers, Headers)
        assert_type(await peer.receive(), Message)
        assert_type(await peer.receive_text(timeout=0.5), str)
        assert_type(await peer.receive_bytes(), bytes)
        assert_type(await peer.receive_json(), Any)
        assert_type((await peer.receive_close()).code, int | None)
        assert_type(await peer.receive_nothing(0.01), None)
        await peer.send("text")
        await peer.send(b"bytes")
        await peer.send_json({"a": [1]})
        await peer.close(4000, "bye")
        await peer.abort()
        await peer.hang_up()
    try:
        async with connect(app, "/", subprotocols=["chat"], client=None, capabilities=Capability.PING):
            pass
    except Refused as refused:
        assert_type(refused.status, int)
        assert_type(refused.headers, Headers)
        assert_type(refused.body, bytes)
