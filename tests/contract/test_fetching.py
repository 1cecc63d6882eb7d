"""What is fetched from an address that somebody else named (attacks 16, 98, 102)."""

import asyncio
import time

import pytest

from api import fetching
from api.fetching import Fetcher, Unfetched
from identity import addresses

URL = "https://keys.example/jwks"


async def test_what_is_there_comes_as_it_is(elsewhere):
    elsewhere.give("/jwks", b'{"keys":[]}')

    assert await elsewhere.fetcher().get(URL) == b'{"keys":[]}'
    assert elsewhere.connected == ["93.184.215.14"]
    assert b"Host: keys.example\r\n" in elsewhere.heard[0]


async def test_what_is_posted_arrives_whole(elsewhere):
    elsewhere.give("/hook", b"")

    assert await elsewhere.fetcher().post("https://keys.example/hook", b"x" * 99, "a/b") == b""
    assert elsewhere.heard[0].endswith(b"\r\n\r\n" + b"x" * 99)
    assert b"Content-Type: a/b\r\n" in elsewhere.heard[0]


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.9.9.9", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1",
        "100.64.0.1", "169.254.169.254", "224.0.0.1", "255.255.255.255", "192.0.2.1",
        "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fec0::1", "ff02::1",
        "::ffff:127.0.0.1", "::ffff:93.184.215.14", "64:ff9b::7f00:1", "2002:7f00:1::",
        "2001:0:1::", "localhost", "",
    ],
)  # fmt: skip
async def test_attack_16_nothing_inside_is_ever_connected_to(elsewhere, address):
    elsewhere.give("/jwks", b"{}")

    assert not addresses.is_public(address)
    assert await elsewhere.fetcher(address).get(URL) is Unfetched.ADDRESS
    assert await elsewhere.fetcher("93.184.215.14", address).get(URL) is Unfetched.ADDRESS
    assert elsewhere.connected == []


@pytest.mark.parametrize("address", ["93.184.215.14", "1.1.1.1", "2606:4700:4700::1111"])
def test_what_is_on_the_public_network_is_public(address):
    assert addresses.is_public(address)


async def test_attack_16_a_name_that_changes_its_mind_is_asked_once(elsewhere):
    answers = [["93.184.215.14"], ["127.0.0.1"]]
    asked = []

    async def resolve(host, port):
        asked.append((host, port))
        return answers.pop(0)

    elsewhere.give("/jwks", b"{}")
    fetcher = Fetcher(
        resolve=resolve, network=elsewhere.fetcher()._network._network, trust=elsewhere.trust
    )

    assert await fetcher.get(URL) == b"{}"
    assert asked == [("keys.example", 443)]
    assert elsewhere.connected == ["93.184.215.14"]


@pytest.mark.parametrize(
    "url",
    [
        "http://keys.example/jwks",
        "file:///etc/passwd",
        "gopher://keys.example/",
        "https:///jwks",
        "https://a@keys.example/jwks",
        "https://keys.example/#x",
        "https://keys.example\\@127.0.0.1/",
        "https://keys.example/ x",
        "https://kéys.example/",
        "https://keys.example:99999/",
        "https://[::1/",
    ],
)
async def test_attack_16_only_a_plain_https_address_is_fetched_from(elsewhere, url):
    assert await elsewhere.fetcher().get(url) is Unfetched.ADDRESS
    assert elsewhere.connected == []


async def test_attack_16_a_loopback_literal_is_refused_without_a_fake_of_the_name_service():
    fetcher = Fetcher()

    for host in ("127.0.0.1", "[::1]", "localhost", "2130706433", "0x7f.1"):
        assert await fetcher.get(f"https://{host}/jwks") in {Unfetched.ADDRESS, Unfetched.NETWORK}


async def test_attack_102_a_redirection_is_not_followed(elsewhere):
    elsewhere.give("/jwks", b"", status="302 Found", more="Location: https://keys.example/b\r\n")
    elsewhere.give("/b", b"{}")

    assert await elsewhere.fetcher().get(URL) is Unfetched.STATUS
    assert len(elsewhere.heard) == 1


@pytest.mark.parametrize(("size", "comes"), [(64 * 1024, True), (64 * 1024 + 1, False)])
async def test_attack_102_no_more_than_64_kilobytes_are_read(elsewhere, size, comes):
    elsewhere.give("/jwks", b"x" * size)

    answer = await elsewhere.fetcher().get(URL)

    assert answer == (b"x" * size if comes else Unfetched.SIZE)


async def test_attack_102_nobody_is_waited_for_longer_than_two_seconds(elsewhere):
    before = time.monotonic()

    assert await elsewhere.fetcher().get("https://keys.example/silent") is Unfetched.TIME
    assert time.monotonic() - before < fetching.SECONDS + 1


async def test_attack_102_a_slow_name_service_counts_too(elsewhere, monkeypatch):
    monkeypatch.setattr(fetching, "SECONDS", 0.1)

    async def resolve(_host, _port):
        await asyncio.sleep(5)
        return []

    assert await Fetcher(resolve=resolve).get(URL) is Unfetched.TIME


async def test_a_certificate_of_another_name_is_not_believed(elsewhere):
    elsewhere.give("/jwks", b"{}")

    assert await elsewhere.fetcher().get("https://other.example/jwks") is Unfetched.NETWORK
    assert elsewhere.heard == []


async def test_what_is_no_http_brings_nothing(elsewhere):
    elsewhere.answers["/jwks"] = b"nonsense\r\n\r\n"

    assert await elsewhere.fetcher().get(URL) is Unfetched.NETWORK
