"""What a URL of NATS says."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
import trustme

from anysocket import WebSocketManager
from anysocket._backplane import open_backplane
from anysocket.testing import check_backplane
from anysocket_nats._backplane import connect, subject
from brokers import Broker, binary, free_port, running


@pytest.mark.parametrize(
    ("topic", "expected"),
    [
        ("app/room/news", "app.room.news"),
        ("app/room/a.b c/*>", "app.room.a%2Eb%20c%2F%2A%3E"),
        ("app/all", "app.all"),
        ("app/room/ü", "app.room.%C3%BC"),
    ],
)
def test_a_room_is_one_word_of_a_subject(topic: str, expected: str) -> None:
    assert subject(topic) == expected


def test_several_servers_with_one_password() -> None:
    backplane = connect("nats://ann:secret@a:1,b:2?nkeys_seed=seed.txt")
    assert backplane._servers == ["nats://ann:secret@a:1", "nats://ann:secret@b:2"]
    assert backplane._options == {"nkeys_seed": "seed.txt"}


def test_an_unknown_option_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="no option colour"):
        connect("nats://a?colour=blue")


async def test_tls_with_a_password(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    certificate = authority.issue_cert("127.0.0.1", "localhost")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")

    def make(folder: Path) -> Broker:
        port = free_port()
        command = [binary("nats-server"), "-a", "127.0.0.1", "-p", str(port), "--tls"]
        command += ["--user", "ann", "--pass", "secret"]
        command += ["--tlscert", str(folder / "cert.pem"), "--tlskey", str(folder / "key.pem")]
        return Broker("nats-server", f"tls://ann:secret@localhost:{port}", port, command, folder / "log")

    for broker in running(make, tmp_path):
        url = f"{broker.url.replace('tls', 'nats')}?ca={tmp_path / 'ca.pem'}"
        assert await check_backplane(partial(open_backplane, url)) == 8
        manager = WebSocketManager(backplane=url.replace("secret", "wrong"))
        await manager.backplane.start()
        assert not manager.backplane.up
        await manager.backplane.stop()
