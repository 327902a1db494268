"""Where outbound requests may go: one strict URL parser and the rules for IP addresses. No look-ups here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

URL = re.compile(
    r"(?P<scheme>https?)://"
    r"(?P<host>[a-z0-9](?:[a-z0-9._-]{0,251}[a-z0-9.])?|\[[0-9a-f:.]{2,45}\])"
    r"(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>/[!$%&'()*+,./0-9:;=@A-Z_a-z~-]*)?"
    r"(?:\?(?P<query>[!$%&'()*+,./0-9:;=?@A-Z_a-z~-]*))?",
    re.ASCII,
)
DEFAULT_PORT = {"http": 80, "https": 443}
# Services that speak something other than HTTP: an odd TLS hello has no business there.
FOREIGN_PORTS = frozenset(
    {1433, 1521, 2049, 2375, 2376, 3306, 3389, 5432, 5672, 5900, 6379, 9092, 11211, 27017}
)
LOCAL_SUFFIXES = (".localhost", ".local", ".internal", ".home.arpa", ".lan")

GLOBAL_UNICAST = ip_network("2000::/3")
NAT64 = ip_network("64:ff9b::/96")
NEVER_V4 = tuple(map(ip_network, ("0.0.0.0/8", "192.0.0.0/24", "192.88.99.0/24", "100.64.0.0/10")))
NEVER_V6 = tuple(map(ip_network, ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")))

Address = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class Target:
    """One parsed URL. `host` is lower case, IPv6 without brackets; `path` includes the query."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def origin(self) -> tuple[str, str, int]:
        return self.scheme, self.host, self.port

    @property
    def authority(self) -> str:
        """What the Host header says."""
        host = f"[{self.host}]" if ":" in self.host else self.host.rstrip(".")
        return host if self.port == DEFAULT_PORT[self.scheme] else f"{host}:{self.port}"


def parse_url(url: str) -> Target:
    """Read an http(s) URL; raises ValueError with a plain reason. No user info, fragment or odd character."""
    scheme, separator, rest = url.partition("://")
    cut = re.search(r"[/?#\\]|$", rest)
    authority = rest[: cut.start()] if cut else rest
    if "@" in authority:
        raise ValueError("a URL must not hold a user name or a password")
    match = URL.fullmatch(f"{scheme.lower()}{separator}{authority.lower()}{rest[len(authority) :]}")
    if match is None:
        raise ValueError("expected a plain URL such as https://api.example.com/v1")
    port = int(match["port"] or DEFAULT_PORT[match["scheme"]])
    if not 0 < port < 65536:
        raise ValueError("the port must be between 1 and 65535")
    query = f"?{match['query']}" if match["query"] else ""
    return Target(match["scheme"], check_host(match["host"]), port, (match["path"] or "/") + query)


def check_host(host: str) -> str:
    """Return the host without brackets; raises ValueError for a malformed IPv6 address or empty label."""
    if not host.startswith("["):
        if ".." in host:
            raise ValueError("the host name is malformed")
        return host
    try:
        return str(IPv6Address(host[1:-1]))
    except ValueError:
        raise ValueError("the IPv6 address is malformed") from None


def check_public(target: Target) -> None:
    """Raise ValueError unless an outsider's URL looks fit: https, a sensible port, no local name."""
    if target.scheme != "https":
        raise ValueError("the URL must start with https://")
    if (target.port < 1024 and target.port != 443) or target.port in FOREIGN_PORTS:
        raise ValueError(f"port {target.port} is not allowed")
    name = target.host.rstrip(".")
    if name == "localhost" or name.endswith(LOCAL_SUFFIXES):
        raise ValueError("the host is on a private network")


def is_allowed_private(target: Target, private_upstreams: frozenset[tuple[str, int]]) -> bool:
    """Tell whether the operator listed exactly this host and port."""
    return (target.host.rstrip("."), target.port) in private_upstreams


def is_public(text: str) -> bool:
    """Tell whether an address, as the resolver gave it, lies on the public internet."""
    try:
        address = _unwrap(ip_address(text))
    except ValueError:
        return False
    if isinstance(address, IPv6Address):
        return address in GLOBAL_UNICAST and not any(address in network for network in NEVER_V6)
    if any(address in network for network in NEVER_V4):
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def _unwrap(address: Address) -> Address:
    """Return the IPv4 address inside a mapped or NAT64 one; other wrappings fail the allow-list later."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in NAT64:
            return IPv4Address(int(address) & 0xFFFFFFFF)
    return address
