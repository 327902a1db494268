"""Where a Redis is, who we say we are, and that an encrypted one proves itself."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from redis import Redis

from app.redis_store import RedisAway, RedisStore
from app.redis_wire import Address
from tests import servers
from tests.egress.test_tls import certificate

SECONDS = 1.0  # a busy machine is no reason to fail


@pytest.fixture(scope="module")
def guarded_url() -> Iterator[str]:
    """A server that asks who we are: `sluice` with `s3cret/:@` (quoted), or anybody with `other`."""
    with servers.valkey() as url:
        client = Redis.from_url(url)
        client.acl_setuser("sluice", enabled=True, passwords=["+s3cret/:@"], categories=["+@all"], keys=["*"])
        client.config_set("requirepass", "other")
        yield url
        client.close()


def store_of(url: str) -> RedisStore:
    store = RedisStore()
    store.configure(url)
    store._address.seconds = store._address.connect_seconds = SECONDS
    return store


def test_user_password_and_database_are_told(guarded_url: str) -> None:
    path = guarded_url.removeprefix("unix://")
    store = store_of(f"unix://sluice:s3cret%2F%3A%40@{path}?db=3")
    assert store.command("SET", "a", "3") == "OK" and store.command("ACL", "WHOAMI") == "sluice"
    other = store_of(f"unix://:other@{path}?db=0")
    assert other.command("GET", "a") is None and other.command("ACL", "WHOAMI") == "default"
    with Redis.from_url(f"unix://:other@{path}?db=3") as client:
        assert client.get("a") == b"3"
    store.close()
    other.close()


@pytest.mark.parametrize("who", ["", ":wrong@", "sluice:wrong@"])
def test_whoever_may_not_come_in_finds_no_redis(guarded_url: str, who: str) -> None:
    store = store_of(f"unix://{who}{guarded_url.removeprefix('unix://')}")
    with pytest.raises(RedisAway):
        store.command("GET", "a")
    store.close()


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("redis://cache.example", ("cache.example", 6379, "")),
        ("redis://cache.example:7000/2", ("cache.example", 7000, "")),
        ("rediss://u:p@cache.example:7001/0?ssl_cert_reqs=none", ("cache.example", 7001, "")),
        ("unix:///run/valkey.sock?db=1&socket_timeout=0.5", ("localhost", 6379, "/run/valkey.sock")),
    ],
)
def test_addresses(url: str, place: tuple[str, int, str]) -> None:
    address = Address(url, 0.05)
    assert (address.host, address.port, address.path) == place
    assert address.is_encrypted == url.startswith("rediss")
    assert address.seconds == (0.5 if "socket_timeout" in url else 0.05)


@pytest.fixture
def encrypted(redis_url: str, tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """The port of a server that speaks TLS before the shared one, and its certificate."""
    path = certificate(tmp_path, [x509.IPAddress(ip_address("127.0.0.1"))])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, args=(listener, context, redis_url), daemon=True).start()
        yield listener.getsockname()[1], path
        listener.shutdown(socket.SHUT_RDWR)


def serve(listener: socket.socket, context: ssl.SSLContext, redis_url: str) -> None:
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        try:
            outside = context.wrap_socket(client, server_side=True)
        except OSError:  # it does not trust us
            continue
        with socket.socket(socket.AF_UNIX) as inside, outside:
            inside.connect(redis_url.removeprefix("unix://"))
            while data := outside.recv(65_536):
                inside.sendall(data)
                outside.sendall(inside.recv(65_536))


def test_an_encrypted_server_must_prove_itself(encrypted: tuple[int, Path]) -> None:
    port, path = encrypted
    with pytest.raises(RedisAway) as refused:
        store_of(f"rediss://127.0.0.1:{port}").command("PING")
    assert isinstance(refused.value.__cause__, ssl.SSLCertVerificationError)
    trusting = store_of(f"rediss://127.0.0.1:{port}/4?ssl_ca_certs={path}")
    assert trusting.command("PING") == "PONG" and trusting.command("PING") == "PONG"
    trusting.close()
    careless = store_of(f"rediss://127.0.0.1:{port}?ssl_cert_reqs=none")
    assert careless.command("PING") == "PONG"
    careless.close()
