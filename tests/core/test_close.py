"""What a close frame may say (contract 5.4, RFC 6455 sections 5.5.1 and 7.4)."""

from __future__ import annotations

from typing import Any

import pytest

from core.fake_transport import FakeTransport, accepted

MAY_BE_SENT = [1000, 1001, 1002, 1003, *range(1007, 1015), 3000, 4000, 4999]
MUST_NOT_BE_SENT = [
    -1,
    0,
    999,
    1004,
    1005,
    1006,
    1015,
    1016,
    1100,
    2999,
    5000,
    65536,
    True,
    1000.0,
    "1000",
    None,
]


@pytest.mark.parametrize("code", MAY_BE_SENT)
async def test_codes_that_may_be_sent_are(code: int) -> None:
    transport = FakeTransport()
    websocket = await accepted(transport)
    await websocket.close(code)
    assert transport.close_frame == (code, "")


@pytest.mark.parametrize("code", MUST_NOT_BE_SENT)
async def test_codes_that_must_not_be_sent_are_refused_and_the_connection_goes_on(code: Any) -> None:
    transport = FakeTransport()
    websocket = await accepted(transport)
    with pytest.raises(ValueError, match="must not be sent"):
        await websocket.close(code)
    await websocket.send_text("still here")
    assert transport.sent == ["still here"]


@pytest.mark.parametrize("reason", ["r" * 123, "é" * 61])
async def test_a_reason_may_have_123_bytes(reason: str) -> None:
    transport = FakeTransport()
    await (await accepted(transport)).close(1000, reason)
    assert transport.close_frame == (1000, reason)


@pytest.mark.parametrize("reason", ["r" * 124, "é" * 62, "名" * 42])
async def test_a_longer_reason_is_refused_and_not_cut(reason: str) -> None:
    websocket = await accepted(FakeTransport())
    with pytest.raises(ValueError, match="shorten it"):
        await websocket.close(1000, reason)
    assert not websocket.closed


async def test_a_reason_of_another_type_is_named() -> None:
    reason: Any = b"bye"
    with pytest.raises(TypeError, match="bytes"):
        await (await accepted(FakeTransport())).close(1000, reason)
