"""Whatever is sent to it, a parser gives a value or says no, in bounded time and room.

`tests/vectors/fuzz` keeps inputs that are worth trying for good: one file each, as bytes. Whoever
finds one that breaks a parser adds it there.
"""

import json
import time
import tracemalloc
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.oauth import certificates, details, dpop, jose, parameters, strict_json
from api.oauth.client_auth import Claimed
from api.oauth.dpop import Asked
from api.oauth.jose import EMBEDDED, Parts
from identity.login import channels, passkeys, recovery_codes
from vault.opaque import Deriver

KEPT = sorted((Path(__file__).parents[2] / "vectors" / "fuzz").iterdir())
NOW = datetime(2026, 11, 27, tzinfo=UTC)
NONCES = Deriver(b"secret")
ASKED = Asked(method="POST", urls=("https://amana.example/oauth/token",))
SECONDS = 1.0
"""Of the processor, the longest of all: what is quadratic takes minutes."""
ROOM = 24 * 1024 * 1024
LARGEST = 256 * 1024
"""What a request may hold."""


def text(raw):
    return raw.decode("latin-1")


def claimed(sent):
    parts = jose.split(sent)
    return parts.payload.claims(Claimed) if isinstance(parts, Parts) else parts


PARSERS = {
    "form": lambda raw: parameters.of_form(parameters.FORM, "", raw),
    "query": lambda raw: parameters.of_form(parameters.FORM, text(raw), b""),
    "media type": lambda raw: parameters.of_form(text(raw), "", b"a=b"),
    "parameters": parameters.parse,
    "json": strict_json.document,
    "octets": lambda raw: strict_json.octets(text(raw)),
    "details": lambda raw: details.parse(text(raw)),
    "assertion": lambda raw: claimed(text(raw)),
    "token": lambda raw: jose.verify(text(raw), (), ("ES256",), ("at+jwt",)),
    "embedded": lambda raw: jose.verify(
        text(raw), EMBEDDED, ("ES256", "PS256", "EdDSA"), ("dpop+jwt",)
    ),
    "kid": lambda raw: jose.kid(text(raw)),
    "proof": lambda raw: dpop.check([text(raw)], ASKED, NONCES, NOW),
    "channel": lambda raw: channels.read(text(raw)),
    "recovery code": lambda raw: recovery_codes.read(text(raw)),
    "certificate header": lambda raw: certificates.read_header(text(raw)),
    "certificate": certificates.read,
    "passkey made": lambda raw: passkeys.read_made(text(raw)),
    "passkey's answer": lambda raw: passkeys.read_given(text(raw)),
}
SEGMENT = st.one_of(
    st.binary(max_size=60).map(strict_json.base64url),
    st.dictionaries(
        st.sampled_from(["alg", "typ", "kid", "jwk", "crit", "b64", "jku", "sub", "iss", "exp"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
            max_leaves=6,
        ),
        max_size=5,
    ).map(lambda members: strict_json.base64url(json.dumps(members).encode())),
)
LIKE_A_TOKEN = st.lists(SEGMENT, max_size=6).map(lambda parts: ".".join(parts).encode())
LIKE_A_FORM = st.lists(st.tuples(st.text(max_size=12), st.text(max_size=30)), max_size=6).map(
    lambda pairs: "&".join(f"{name}={value}" for name, value in pairs).encode()
)


OCTETS = st.one_of(
    st.binary(max_size=60).map(strict_json.base64url),
    st.text(max_size=6),
    st.integers(0, 2**40),
    st.none(),
    st.lists(st.integers(), max_size=2),
)
LIKE_A_PASSKEY = st.fixed_dictionaries(
    {
        "id": OCTETS,
        "rawId": OCTETS,
        "type": st.sampled_from(["public-key", "", 1]),
        "response": st.fixed_dictionaries(
            {
                "clientDataJSON": OCTETS
                | st.just(strict_json.base64url(b'{"type":"webauthn.get"}')),
                "attestationObject": OCTETS,
                "authenticatorData": OCTETS,
                "signature": OCTETS,
            }
        ),
        "clientExtensionResults": OCTETS,
    }
).map(lambda said: json.dumps(said).encode())


@pytest.mark.parametrize("parser", ["passkey made", "passkey's answer"])
@given(raw=LIKE_A_PASSKEY)
@settings(max_examples=300)
def test_what_is_like_a_passkey_raises_nothing_either(parser, raw):
    PARSERS[parser](raw)


@pytest.mark.parametrize("parser", PARSERS)
@given(raw=st.binary(max_size=200) | LIKE_A_TOKEN | LIKE_A_FORM)
@settings(max_examples=150)
def test_a_parser_raises_nothing(parser, raw):
    PARSERS[parser](raw)


@pytest.mark.parametrize("parser", PARSERS)
@pytest.mark.parametrize("kept", KEPT, ids=lambda path: path.name)
def test_what_was_kept_still_breaks_nothing(parser, kept):
    PARSERS[parser](kept.read_bytes())


LARGE = {
    "one letter": b"a" * LARGEST,
    "open brackets": b"[" * LARGEST,
    "open braces": b'{"a":' * (LARGEST // 5),
    "dots": b"." * LARGEST,
    "pairs": b"a=b&" * (LARGEST // 4),
    "equals": b"=" * LARGEST,
    "percents": b"%41" * (LARGEST // 3),
    "a long number": b"9" * LARGEST,
    "a header of 100 kB": strict_json.base64url(b'{"alg":"' + b"a" * 100_000 + b'"}').encode()
    + b".e30.e30",
    "nested in a header": strict_json.base64url(b"[" * 10_000).encode() + b".e30.e30",
    "at signs": b"a@" * (LARGEST // 2),
    "hosts": b"a@" + b"a." * (LARGEST // 2),
}


@pytest.mark.parametrize("parser", PARSERS)
@pytest.mark.parametrize("large", LARGE)
def test_what_is_large_takes_neither_time_nor_room(parser, large):
    tracemalloc.start()
    try:
        began = time.thread_time()
        PARSERS[parser](LARGE[large])
        took = time.thread_time() - began
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert took < SECONDS
    assert most < ROOM
