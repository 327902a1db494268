"""TLS on the way out: one shared context, certificates checked, and cancelling through it."""

from __future__ import annotations

import datetime
import ssl
import threading
import time
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from app import egress
from app.domain.calls import Cancellation
from app.domain.provider_errors import ProviderFailed, ProviderTimedOut
from app.egress import reach, tls
from tests.upstream import Upstream
from tests.upstream_replies import Cut, Hang, Reply, json_reply


def certificate(directory: Path, names: list[x509.GeneralName], days: int = 2) -> Path:
    """Write a self-signed certificate and its key into one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    start = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=10)
    end = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=days)
    builder = x509.CertificateBuilder(
        subject, subject, key.public_key(), x509.random_serial_number(), start, end
    )
    builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    signed = builder.add_extension(x509.BasicConstraints(True, None), critical=True).sign(
        key, hashes.SHA256()
    )
    path = directory / "certificate.pem"
    plain = serialization.NoEncryption()
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    path.write_bytes(signed.public_bytes(pem) + private)
    return path


def serving(path: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


@pytest.fixture
def trusted(tmp_path: Path) -> Iterator[Upstream]:
    """A server whose certificate the shared context trusts."""
    path = certificate(tmp_path, [x509.IPAddress(ip_address("127.0.0.1"))])
    tls.context().load_verify_locations(path)
    with Upstream(serving(path)) as server:
        egress.configure(private_upstreams=frozenset({server.place}))
        yield server
        egress.configure(private_upstreams=frozenset())
    tls.forget()


def ask(upstream: Upstream, **options: object) -> egress.Answer:
    return egress.send("POST", upstream.v1 + "/x", headers={}, json={"model": "m"}, **options)  # type: ignore[arg-type]


def test_a_trusted_certificate_is_accepted_and_the_connection_kept(trusted: Upstream) -> None:
    trusted.script("m", json_reply({"ok": 1}))
    for _ in range(3):
        answer = ask(trusted)
        assert answer.read_all() == b'{"ok": 1}'
        answer.close()
    assert trusted.connections == 1


def test_old_versions_of_tls_are_not_spoken() -> None:
    context = tls.context()
    assert context is tls.context()
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert context.check_hostname and context.verify_mode == ssl.CERT_REQUIRED


@pytest.mark.parametrize("case", ["self-signed", "other name", "expired"])
def test_other_certificates_are_refused(tmp_path: Path, case: str) -> None:
    name = "10.0.0.1" if case == "other name" else "127.0.0.1"
    days = -1 if case == "expired" else 2
    path = certificate(tmp_path, [x509.IPAddress(ip_address(name))], days)
    if case != "self-signed":
        tls.context().load_verify_locations(path)
    with Upstream(serving(path)) as server:
        egress.configure(private_upstreams=frozenset({server.place}))
        with pytest.raises(ProviderFailed, match="certificate"):
            ask(server)
        assert server.requests == []
    tls.forget()


def test_cancelling_ends_a_silent_read_inside_tls(trusted: Upstream) -> None:
    trusted.script("m", Reply([b"x", Hang]))
    cancellation = Cancellation()
    answer = ask(trusted, cancellation=cancellation)
    threading.Timer(0.1, lambda: cancellation.cancel("client_left")).start()
    started = time.monotonic()
    with pytest.raises(egress.Interrupted):
        answer.read_all()
    assert trusted.wait_closed() - started < 1
    answer.close()


def test_deadlines_hold_inside_tls_and_lose_no_byte(trusted: Upstream) -> None:
    trusted.script("m", Reply([b"one", 0.2, b"two"]))
    answer = ask(trusted)
    assert answer.read_some(time.monotonic() + 5) == b"one"
    with pytest.raises(TimeoutError):
        answer.read_some(time.monotonic() + 0.05)
    assert answer.read_all() == b"two"
    answer.close()


def test_silence_inside_tls_ends_at_the_first_byte_limit(trusted: Upstream) -> None:
    trusted.script("m", Reply([Hang], framing="raw"))
    started = time.monotonic()
    with pytest.raises(ProviderTimedOut):
        ask(trusted, first_byte_seconds=0.2)
    assert time.monotonic() - started < 1.2


def test_a_server_that_does_not_shake_hands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reach, "CONNECT_SECONDS", 0.3)
    with Upstream() as plain:
        egress.configure(private_upstreams=frozenset({plain.place}))
        started = time.monotonic()
        with pytest.raises(ProviderFailed):
            egress.send("GET", f"https://127.0.0.1:{plain.port}/", headers={})
        assert time.monotonic() - started < 1.5


def test_a_session_is_resumed_on_a_new_connection(trusted: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tls.SecureConnection] = []
    opened = tls.SecureConnection.open

    def open_and_keep(connection: tls.SecureConnection, address: str, until: float) -> None:
        made.append(connection)
        opened(connection, address, until)

    monkeypatch.setattr(tls.SecureConnection, "open", open_and_keep)
    for _ in range(2):
        answer = ask(trusted)
        assert answer.read_all()
        answer.close()
        egress.close_idle()
    assert [connection._tls.session_reused for connection in made] == [False, True]


def test_other_authorities_forget_the_sessions(trusted: Upstream) -> None:
    """What was resumed with one list of authorities is no proof for another."""
    answer = ask(trusted)
    assert answer.read_all()
    answer.close()
    egress.close_idle()
    tls.forget()
    with pytest.raises(ProviderFailed, match="certificate"):
        ask(trusted)


def test_large_bodies_pass_whole_both_ways(trusted: Upstream) -> None:
    trusted.script("m", Reply([b"y" * (3 << 20)], framing="length"))
    text = "z" * (3 << 20)
    answer = egress.send("POST", trusted.v1 + "/x", headers={}, json={"model": "m", "text": text})
    assert answer.read_all() == b"y" * (3 << 20)
    answer.close()
    assert trusted.requests[-1].json["text"] == text


def test_bytes_that_come_while_idle_inside_tls_are_no_answer(trusted: Upstream) -> None:
    evil = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n{evil}"
    good = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
    trusted.script("m", Reply([good, 0.03, evil, 5], framing="raw"), json_reply({"mine": 1}))
    for expected in (b"{}", b'{"mine": 1}'):
        answer = ask(trusted)
        assert answer.read_all() == expected
        answer.close()
        time.sleep(0.1)
    assert trusted.connections == 2


def test_a_cut_inside_tls_is_noticed(trusted: Upstream) -> None:
    trusted.script("m", Reply([b"half", Cut], framing="length", declared=100))
    answer = ask(trusted)
    with pytest.raises(egress.Interrupted):
        answer.read_all()
    answer.close()
