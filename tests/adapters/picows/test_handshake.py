"""The opening handshake as bytes (RFC 6455 section 4.2)."""

from __future__ import annotations

import pytest

from anysocket_picows._handshake import Handshake, Unacceptable

KEY, TOKEN = b"dGhlIHNhbXBsZSBub25jZQ==", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
"""The example of RFC 6455 section 1.3."""


def request(
    *,
    method: bytes = b"GET",
    target: bytes = b"/chat?a=1",
    keys: tuple[bytes, ...] = (KEY,),
    versions: tuple[bytes, ...] = (b"13",),
    lines: tuple[bytes, ...] = (b"Host: example.com",),
) -> bytes:
    all_lines = [
        b"%b %b HTTP/1.1" % (method, target),
        b"Upgrade: websocket",
        b"Connection: keep-alive, Upgrade",
        *lines,
        *(b"Sec-WebSocket-Key: " + key for key in keys),
        *(b"Sec-WebSocket-Version: " + version for version in versions),
    ]
    return b"\r\n".join([*all_lines, b"", b""])


def test_what_is_read():
    handshake = Handshake(request(lines=(b"Host: a", b"X-One: 1", b"X-One: \xfc")))
    handshake.check()
    assert (handshake.target, handshake.key) == (b"/chat?a=1", KEY)
    assert [pair for pair in handshake.headers if pair[0] == b"x-one"] == [
        (b"x-one", b"1"),
        (b"x-one", b"\xfc"),
    ]


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (request(method=b"POST"), 405),
        (request(keys=()), 400),
        (request(keys=(KEY, KEY)), 400),
        (request(keys=(b"c2hvcnQ=",)), 400),
        (request(keys=(b"no base64!",)), 400),
        (request(versions=()), 426),
        (request(versions=(b"8",)), 426),
        (request(versions=(b"13", b"13")), 426),
        (request(lines=()), 400),
        (request(lines=(b"Host: a", b"Bad Name: 1")), 400),
    ],
)
def test_what_is_not_allowed(data, status):
    handshake = Handshake(data)
    with pytest.raises(Unacceptable) as refused:
        handshake.check()
    assert refused.value.status == status
    answer = handshake.refuse(status, refused.value.headers, str(refused.value).encode())
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    if status == 426:
        assert b"sec-websocket-version: 13\r\n" in answer


def test_an_acceptance():
    handshake = Handshake(request())
    handshake.check()
    answer = handshake.accept(TOKEN, "chat", [(b"x-own", b"\xfc"), (b"x-own", b"2")])
    head, _, rest = answer.partition(b"\r\n\r\n")
    status, *lines = head.split(b"\r\n")
    assert (status, rest) == (b"HTTP/1.1 101 Switching Protocols", b"")
    assert lines == [
        b"upgrade: websocket",
        b"connection: Upgrade",
        b"sec-websocket-accept: " + TOKEN.encode(),
        b"sec-websocket-protocol: chat",
        b"x-own: \xfc",
        b"x-own: 2",
    ]


def test_an_acceptance_without_a_subprotocol():
    handshake = Handshake(request())
    handshake.check()
    assert b"protocol: " not in handshake.accept(TOKEN, None, [])


@pytest.mark.parametrize(("status", "phrase"), [(403, b"Forbidden"), (499, b"")])
def test_a_refusal_closes_and_tells_its_length(status, phrase):
    handshake = Handshake(request())
    handshake.check()
    headers = [(b"content-length", b"99"), (b"Transfer-Encoding", b"chunked"), (b"retry-after", b"7")]
    head, _, body = handshake.refuse(status, headers, b"full").partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    assert (first.strip(), body) == ((b"HTTP/1.1 %d %b" % (status, phrase)).strip(), b"full")
    assert sorted(lines) == [
        b"connection: close",
        b"content-length: 4",
        b"content-type: text/plain; charset=utf-8",
        b"retry-after: 7",
    ]
