"""Which addresses and URLs are fit for an outbound request: every odd spelling we know (D1, D4, D8)."""

from __future__ import annotations

import pytest

from app.domain.addresses import Target, check_public, is_allowed_private, is_public, parse_url

PUBLIC = ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"]
PRIVATE = """
127.0.0.1 127.255.0.1 0.0.0.0 0.1.2.3 10.0.0.1 172.16.0.1 172.31.255.255 192.168.1.1
169.254.169.254 169.254.170.2
100.64.0.1 100.100.100.200 192.0.0.8 192.0.0.170 192.0.2.1 192.88.99.1 198.18.0.1 198.51.100.1 203.0.113.1
224.0.0.1 239.1.1.1 240.0.0.1 255.255.255.255
:: ::1 ::127.0.0.1 ::8.8.8.8 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254
64:ff9b::7f00:1 64:ff9b::10.0.0.1
64:ff9b:1::7f00:1 64:ff9b:1::8.8.8.8 2002:7f00:1:: 2002:808:808:: 2001::1 2001:0:4136:e378:8000:63bf:3fff:fdd2
2001:db8::1 3fff::1 5f00::1 fc00::1 fd00:ec2::254 fe80::1 fec0::1 ff02::1 100::1 fe80::1%eth0 nonsense
""".split()


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_pass(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", PRIVATE)
def test_private_and_special_addresses_do_not(address: str) -> None:
    assert not is_public(address)


def test_a_plain_url_is_read() -> None:
    assert parse_url("HTTPS://API.Example.com/v1/Chat?x=1") == Target(
        "https", "api.example.com", 443, "/v1/Chat?x=1"
    )
    assert parse_url("http://[::1]:8080") == Target("http", "::1", 8080, "/")


def test_the_host_header_keeps_an_unusual_port() -> None:
    assert parse_url("https://a.example:8443/").authority == "a.example:8443"
    assert parse_url("https://a.example.:443/").authority == "a.example"
    assert parse_url("https://[2606:4700::1]/").authority == "[2606:4700::1]"


@pytest.mark.parametrize(
    "url",
    [
        "", "example.com", "//example.com", "ftp://example.com", "file:///etc/passwd",
        "gopher://example.com:70/",
        "https://", "https:///v1", "https://user@example.com/", "https://user:pass@example.com/",
        "https://@example.com",
        "http://good.com\\@127.0.0.1/", "https://good.com\\.evil.com/", "https://exa mple.com/",
        "https://example.com/\t",
        "https://example.com\n/", "https://example.com/\r\nHost: x", "https://①②⑦.⓪.⓪.①/",
        "https://127。0。0。1/",
        "https://exämple.com/", "https://example.com:0/", "https://example.com:65536/",
        "https://example.com:x/",
        "https://example.com#@evil.com/", "https://example.com/#x", "https://[::1",
        "https://[fe80::1%25eth0]/",
        "https://[::ffff:127.0.0.1", "https://[1::2::3]/", "https://%31%32%37.0.0.1/", "https://a..b/",
        "https://-a.com/",
        "https://example.com/%0d\x00", " https://example.com", "https://example.com /",
        "jar:https://example.com!/",
        "https://example.com/ü", 'https://example.com/"', "https://example.com/<x>",
        "https://" + "a" * 300 + ".com/",
    ],
)  # fmt: skip
def test_strange_urls_are_refused(url: str) -> None:
    with pytest.raises(ValueError):
        parse_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://api.example.com/", "https://api.example.com:22/", "https://api.example.com:80/",
        "https://x.example:6379/",
        "https://localhost/", "https://LOCALHOST./", "https://a.localhost/",
        "https://metadata.google.internal/",
        "https://printer.local/", "https://db.lan:8443/",
    ],
)  # fmt: skip
def test_outsiders_urls_must_be_https_and_not_local(url: str) -> None:
    with pytest.raises(ValueError):
        check_public(parse_url(url))


def test_a_public_https_url_is_fit() -> None:
    check_public(parse_url("https://api.example.com/v1"))
    check_public(parse_url("https://api.example.com:8443/v1"))


def test_the_operator_lists_exact_hosts_and_ports() -> None:
    listed = frozenset({("127.0.0.1", 4110), ("ollama", 11434)})
    assert is_allowed_private(parse_url("http://127.0.0.1:4110/v1"), listed)
    assert is_allowed_private(parse_url("http://OLLAMA.:11434/v1"), listed)
    assert not is_allowed_private(parse_url("http://127.1:4110/v1"), listed)
    assert not is_allowed_private(parse_url("http://127.0.0.1:4111/v1"), listed)
