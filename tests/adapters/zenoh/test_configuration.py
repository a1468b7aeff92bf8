"""What a URL of Zenoh says, and how peers find each other."""

from __future__ import annotations

import asyncio
import json
import socket
from pathlib import Path
from typing import Any

import pytest
import trustme
import zenoh

from anysocket import WebSocketManager
from anysocket._backplane import open_prefixed
from anysocket.testing import check_backplane
from anysocket_zenoh._backplane import key
from anysocket_zenoh._configuration import Configuration
from brokers import free_port
from core.members import add
from core.nodes import until


def of(config: zenoh.Config, name: str) -> Any:
    return json.loads(config.get_json(name))


@pytest.mark.parametrize(
    ("topic", "expected"),
    [("app/room/news", "app/room/news"), ("app/room/a/b*$#?", "app/room/a%2Fb%2A%24%23%3F")],
)
def test_a_room_is_one_chunk_of_a_key(topic: str, expected: str) -> None:
    assert key(topic) == expected
    zenoh.KeyExpr(key(topic))


@pytest.mark.parametrize(
    ("url", "seed", "others"),
    [
        ("zenoh://", "tcp/127.0.0.1:7457", "tcp/127.0.0.1:0"),
        ("zenoh://:7000", "tcp/127.0.0.1:7000", "tcp/127.0.0.1:0"),
        ("zenoh://[::1]:7000", "tcp/[::1]:7000", "tcp/[::1]:0"),
        ("zenoh://?listen=tls/10.0.0.1:7447", "tls/10.0.0.1:7447", "tls/10.0.0.1:0"),
    ],
)
def test_the_workers_of_a_host_have_a_seed(url: str, seed: str, others: str) -> None:
    configuration = Configuration(url)
    assert of(configuration.as_seed(), "listen/endpoints") == [seed]
    assert of(configuration.as_other(), "listen/endpoints") == [others]
    assert of(configuration.as_other(), "connect/endpoints") == [seed]


def test_other_hosts_and_options_of_zenohs_own() -> None:
    configuration = Configuration(
        "zenoh://?listen=tcp/0.0.0.0:7447&connect=tcp/10.0.0.2:7447,tcp/10.0.0.3:7447"
        "&transport/link/tls/root_ca_certificate=ca.pem&scouting/multicast/enabled=true"
    )
    elsewhere = ["tcp/10.0.0.2:7447", "tcp/10.0.0.3:7447"]
    assert of(configuration.as_seed(), "connect/endpoints") == elsewhere
    other = configuration.as_other()
    assert of(other, "connect/endpoints") == ["tcp/127.0.0.1:7447", *elsewhere]
    assert of(other, "transport/link/tls/root_ca_certificate") == "ca.pem"
    assert of(other, "scouting/multicast/enabled") is True


@pytest.mark.parametrize(
    ("url", "match"),
    [
        ("zenoh://?colour=blue", "no option colour"),
        ("zenoh://?mode=router", "no option mode=router"),
        ("zenoh://?mode=client", "needs routers"),
        ("zenoh://?no/such/option=1", "no option no/such/option"),
    ],
)
def test_mistakes_are_told_before_anything_runs(url: str, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        Configuration(url)


async def test_a_port_that_is_somebody_elses_is_down() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        manager = WebSocketManager(backplane=f"zenoh://127.0.0.1:{silent.getsockname()[1]}")
        await manager.backplane.start()
        assert not manager.backplane.up
        await manager.backplane.stop()


async def test_two_hosts_each_with_workers_of_its_own() -> None:
    """As on two hosts: each has its seed, and knows the other's."""
    ports = [free_port(), free_port()]
    urls = [
        f"zenoh://?listen=tcp/127.0.0.1:{here}&connect=tcp/127.0.0.1:{there}"
        for here, there in (ports, ports[::-1])
    ]
    managers = [WebSocketManager(backplane=url) for url in urls for _ in range(2)]
    await asyncio.gather(*(manager.backplane.start() for manager in managers))
    await until(lambda: all(manager.backplane.statistics.nodes == 4 for manager in managers), 10)
    peers = [await add(manager, "id") for manager in managers]
    for manager in managers:
        await manager.join_room("id", "r")
    for number, manager in enumerate(managers):
        await manager.broadcast_to_room("r", str(number))
    await until(lambda: all(sorted(peer.sent) == ["0", "1", "2", "3"] for peer in peers))
    await asyncio.gather(*(manager.backplane.stop() for manager in managers))


async def test_tls(tmp_path: Path) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1", "localhost")
    files = {name: tmp_path / f"{name}.pem" for name in ("ca", "cert", "key")}
    authority.cert_pem.write_to_path(files["ca"])
    certificate.cert_chain_pems[0].write_to_path(files["cert"])
    certificate.private_key_pem.write_to_path(files["key"])
    tls = {
        "root_ca_certificate": files["ca"],
        "listen_certificate": files["cert"],
        "listen_private_key": files["key"],
    }
    options = "&".join(f"transport/link/tls/{name}={path}" for name, path in tls.items())
    url = f"zenoh://?listen=tls/localhost:{free_port()}&{options}"
    assert await check_backplane(lambda: open_prefixed(url)[0]) == 8
