"""Addresses that programmes name for us to call: https and plain, on the public network alone."""

from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import Final
from urllib.parse import urlsplit

TRANSLATED: Final = tuple(
    # An IPv4 address inside an IPv6 one: NAT64 (RFC 6052), Teredo (RFC 4380), 6to4 (RFC 3056).
    IPv6Network(each)
    for each in ("64:ff9b::/96", "64:ff9b:1::/48", "2001::/32", "2002::/16")
)


def problem_of(url: str) -> str | None:
    """Why an address is none to fetch from, in a sentence; None if it may be one."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port  # reading the port checks it
    except ValueError:
        return f"{url!r} is not a URI"
    if parts.scheme != "https" or not host:
        return f"{url!r} is not https"
    if "@" in parts.netloc or "#" in url or "\\" in url:
        return f"{url!r} has more than an address"
    if not url.isascii() or not url.isprintable() or " " in url:
        return f"{url!r} is not a plain address"
    return None


def is_public(address: str) -> bool:
    """Whether an address is on the public network, and not another one in disguise."""
    try:
        found = ip_address(address)
    except ValueError:
        return False
    if isinstance(found, IPv6Address) and (
        found.ipv4_mapped or found.is_site_local or any(found in each for each in TRANSLATED)
    ):
        return False
    return found.is_global and not found.is_multicast
