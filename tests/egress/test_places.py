"""Where outbound requests may go: public addresses and what the operator listed, nothing else."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gevent.monkey import get_original

from app import egress
from app.domain.errors import InvalidInput
from app.domain.provider_errors import ProviderFailed
from tests.egress.asking import ask, body_of
from tests.upstream import Upstream
from tests.upstream_replies import Reply, json_reply


def test_a_request_goes_out_and_its_connection_is_used_again(upstream: Upstream) -> None:
    upstream.script("m", json_reply({"ok": 1}))
    assert [body_of(ask(upstream)) for _ in range(3)] == [b'{"ok": 1}'] * 3
    assert upstream.connections == 1
    sent = upstream.requests[0].headers
    assert sent["host"] == f"127.0.0.1:{upstream.port}"
    assert sent["accept-encoding"] == "identity"
    assert sent["content-type"] == "application/json"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(upstream: Upstream, canary: Upstream, status: int) -> None:
    upstream.script("m", Reply([], status, {"Location": canary.url}, framing="length"))
    answer = ask(upstream)
    answer.close()
    assert answer.status == status
    assert len(upstream.requests) == 1


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "127.1", "0x7f000001", "2130706433", "0177.0.0.1", "0", "localhost", "localhost.",
        "[::ffff:127.0.0.1]",
    ],
)  # fmt: skip
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_private_addresses_are_refused_in_every_spelling(canary: Upstream, scheme: str, host: str) -> None:
    with pytest.raises(ProviderFailed, match="private|unknown"):
        egress.send("GET", f"{scheme}://{host}:{canary.port}/", headers={})


@pytest.mark.parametrize("host", ["127.1", "localhost", "2130706433"])
def test_the_operators_list_names_one_spelling_only(upstream: Upstream, host: str) -> None:
    with pytest.raises(ProviderFailed, match="private"):
        egress.send("GET", f"http://{host}:{upstream.port}/", headers={})
    assert upstream.connections == 0


def answers(*rounds: list[str]) -> Callable[..., list[Any]]:
    """A resolver that gives the next list of addresses at each look-up."""
    left = list(rounds)

    def resolve(host: str, port: int, *args: Any, **kwargs: Any) -> list[Any]:
        addresses = left.pop(0)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    return resolve


@pytest.mark.parametrize(
    "addresses", [["127.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["10.0.0.1"], ["169.254.169.254"], []]
)
def test_a_name_that_leads_inside_is_refused(
    canary: Upstream, monkeypatch: pytest.MonkeyPatch, addresses: list[str]
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", answers(addresses))
    with pytest.raises(ProviderFailed):
        egress.send("GET", f"https://rebind.example:{canary.port}/", headers={})


def test_the_checked_address_is_the_one_connected_to(
    canary: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name is looked up once: a second answer that leads inside is never asked for."""
    reached: list[Any] = []

    def connect(sock: socket.socket, place: Any) -> int:
        reached.append(place)
        return errno.ECONNREFUSED

    monkeypatch.setattr(socket, "getaddrinfo", answers(["8.8.8.8"], ["127.0.0.1"]))
    monkeypatch.setattr(get_original("socket", "socket"), "connect_ex", connect)
    with pytest.raises(ProviderFailed):
        egress.send("GET", f"https://rebind.example:{canary.port}/", headers={})
    assert reached == [("8.8.8.8", canary.port)]


def test_the_environment_changes_nothing(
    upstream: Upstream, canary: Upstream, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login thief password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"):
        monkeypatch.setenv(name, canary.url)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    assert body_of(ask(upstream))
    assert "authorization" not in upstream.requests[0].headers


@pytest.mark.parametrize(
    "url",
    [
        "http://api.example.com/v1", "https://user:pw@api.example.com/", "https://127.0.0.1/v1",
        "https://127.1/v1",
        "https://2130706433/", "https://0x7f000001/", "https://[::1]/", "https://[64:ff9b::7f00:1]/",
        "https://localhost/",
        "https://169.254.169.254/latest", "https://api.example.com:22/", "ftp://api.example.com/",
        "https://a\\@b/", "x",
    ],
)  # fmt: skip
def test_a_url_that_leads_inside_cannot_be_saved(url: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        egress.check_url(url)
    assert caught.value.param == "base_url"
    assert caught.value.message.startswith("This URL cannot be used: ")


def test_public_and_listed_urls_can_be_saved(upstream: Upstream) -> None:
    egress.check_url("https://api.example.com/v1")
    egress.check_url("https://8.8.8.8/v1")
    egress.check_url(upstream.v1)


def test_a_header_cannot_smuggle_another(upstream: Upstream) -> None:
    with pytest.raises(ProviderFailed) as caught:
        egress.send("GET", upstream.url, headers={"x-api-key": "sk-1\r\nx-evil: 1"})
    assert "sk-1" not in caught.value.message
    assert upstream.requests == []


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        place = server.getsockname()
    egress.configure(private_upstreams=frozenset({place}))
    with pytest.raises(ProviderFailed, match="could not be reached"):
        egress.send("GET", f"http://127.0.0.1:{place[1]}/", headers={})


def test_an_unknown_name_is_said_so() -> None:
    with pytest.raises(ProviderFailed, match="unknown|reached"):
        egress.send("GET", "https://nobody.invalid/", headers={})
