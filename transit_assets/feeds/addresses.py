"""Which addresses a client may ask: https, and nothing of its own machine or network unless it was sent there."""

from ipaddress import ip_address

import httpx

from transit_assets.feeds.errors import InsecureAddress
from transit_assets.feeds.secrets import safe_url

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def require_secure(url: httpx.URL) -> None:
    if url.scheme != "https" and not (url.scheme == "http" and url.host in _LOOPBACK):
        raise InsecureAddress(f"{safe_url(url)} is refused: https is required, except on a loopback address")


def is_internal(host: str) -> bool:
    """Whether a host is this machine or an address of a private network."""
    name = host.rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        address = ip_address(name)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return not (mapped or address).is_global
