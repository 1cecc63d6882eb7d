from datetime import UTC, datetime, timedelta

import pytest

from api.oauth import dpop
from api.oauth.dpop import Asked, Proof, Unproven
from vault.opaque import Deriver

NOW = datetime(2026, 11, 24, 12, 0, 30, tzinfo=UTC)
NONCES = Deriver(b"s" * 32)
URL = "https://amana.example/oauth/token"
ASKED = Asked(method="POST", urls=(URL,))
TOKEN = "token-text"


def claims(**change):
    sound = {
        "jti": "j1",
        "htm": "POST",
        "htu": URL,
        "iat": int(NOW.timestamp()),
        "nonce": dpop.nonce(NONCES, NOW),
    }
    return {name: value for name, value in (sound | change).items() if value is not None}


@pytest.fixture
def proof(signer):
    def make(header=None, **change):
        header = {"typ": "dpop+jwt", "jwk": signer.public_jwk} | (header or {})
        return signer.token(claims(**change), **header)

    return make


def checked(*proofs, asked=ASKED, now=NOW):
    return dpop.check(proofs, asked, NONCES, now)


def test_a_sound_proof_names_the_key(proof, signer):
    assert checked(proof()) == Proof(jkt=signer.key.thumbprint, jti="j1")


@pytest.mark.parametrize("alg", ["ES256", "PS256", "EdDSA"])
def test_each_advertised_algorithm_works(signers, alg):
    signer = signers[alg]
    token = signer.token(claims(), typ="dpop+jwt", jwk=signer.public_jwk)

    assert isinstance(checked(token), Proof)


def test_there_is_one_proof(proof):
    assert checked() is Unproven.MISSING
    assert checked(proof(), proof()) is Unproven.SEVERAL
    assert checked(f"{proof()}, {proof()}") is Unproven.SIGNATURE


@pytest.mark.parametrize(
    "header",
    [
        {"typ": None},
        {"typ": "JWT"},
        {"alg": None},
        {"alg": "none"},
        {"alg": "HS256"},
        {"alg": "RS256"},
        {"jwk": None},
        {"jwk": {"kty": "oct", "k": "AQAB"}},
        {"jwk": "text"},
        {"crit": ["x"]},
    ],
    ids=str,
)
def test_a_proof_with_a_bad_header_proves_nothing(proof, header):
    assert checked(proof(header)) is Unproven.SIGNATURE


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"htm": None}, Unproven.CLAIMS),
        ({"htm": "GET"}, Unproven.METHOD),
        ({"htm": "post"}, Unproven.METHOD),
        ({"htu": None}, Unproven.CLAIMS),
        ({"htu": "http://amana.example/oauth/token"}, Unproven.ADDRESS),
        ({"htu": "https://other.example/oauth/token"}, Unproven.ADDRESS),
        ({"htu": "https://amana.example/oauth/par"}, Unproven.ADDRESS),
        ({"htu": "https://amana.example:444/oauth/token"}, Unproven.ADDRESS),
        ({"htu": "https://amana.example:x/oauth/token"}, Unproven.ADDRESS),
        ({"htu": "https://user@amana.example/oauth/token"}, Unproven.ADDRESS),
        ({"htu": "https://amana.example/oauth/token/"}, Unproven.ADDRESS),
        ({"jti": None}, Unproven.CLAIMS),
        ({"jti": ""}, Unproven.CLAIMS),
        ({"jti": "x" * 257}, Unproven.CLAIMS),
        ({"iat": None}, Unproven.CLAIMS),
        ({"iat": "1"}, Unproven.CLAIMS),
        ({"iat": 1.5}, Unproven.CLAIMS),
        ({"iat": True}, Unproven.CLAIMS),
        ({"iat": -1}, Unproven.TIME),
        ({"iat": int(NOW.timestamp()) - 3600}, Unproven.TIME),
        ({"iat": int(NOW.timestamp()) + 3600}, Unproven.TIME),
        ({"iat": int(NOW.timestamp()) + 61}, Unproven.TIME),
        ({"ath": "x"}, Unproven.TOKEN),
        ({"nonce": None}, Unproven.NONCE),
        ({"nonce": "made-up"}, Unproven.NONCE),
        ({"nonce": "é"}, Unproven.NONCE),
    ],
    ids=str,
)
def test_one_defect_is_refused_for_its_own_reason(proof, change, why):
    assert checked(proof(**change)) is why


@pytest.mark.parametrize(
    "htu",
    [
        f"{URL}?a=1",
        f"{URL}#part",
        "HTTPS://AMANA.example/oauth/token",
        "https://amana.example:443/oauth/token",
    ],
)
def test_the_same_address_spelt_otherwise_is_the_same(proof, htu):
    assert isinstance(checked(proof(htu=htu)), Proof)


@pytest.mark.parametrize(
    ("ours", "htu"),
    [
        ("http://127.0.0.1/oauth/token", "http://127.0.0.1:80/oauth/token"),
        ("http://127.0.0.1:80/oauth/token", "HTTP://127.0.0.1/oauth/token"),
        ("https://amana.example", "https://amana.example/"),
        ("https://amana.example/", "https://amana.example?x=1"),
    ],
)
def test_what_may_be_left_out_of_an_address_is_what_it_stands_for(proof, ours, htu):
    asked = Asked(method="POST", urls=("https://other.example", ours))

    assert isinstance(checked(proof(htu=htu), asked=asked), Proof)


@pytest.mark.parametrize("seconds", [-8, 8, 10])
def test_a_clock_that_is_a_little_off_is_forgiven(proof, seconds):
    assert isinstance(checked(proof(iat=int(NOW.timestamp()) + seconds)), Proof)


def test_a_nonce_lives_two_buckets_and_no_longer(proof):
    sent = proof()

    assert isinstance(checked(sent, now=NOW + timedelta(seconds=dpop.NONCE_SECONDS)), Proof)
    assert checked(sent, now=NOW + timedelta(seconds=2 * dpop.NONCE_SECONDS)) is Unproven.NONCE


def test_a_proof_is_remembered_for_as_long_as_any_nonce_lives():
    assert dpop.REMEMBERED_SECONDS >= 2 * dpop.NONCE_SECONDS


def test_a_nonce_of_another_server_is_none(proof):
    assert checked(proof(nonce=dpop.nonce(Deriver(b"t" * 32), NOW))) is Unproven.NONCE


def test_a_token_comes_with_a_proof_of_it(proof):
    asked = Asked(method="POST", urls=(URL,), ath=dpop.ath(TOKEN))

    assert isinstance(checked(proof(ath=dpop.ath(TOKEN)), asked=asked), Proof)
    assert checked(proof(), asked=asked) is Unproven.TOKEN
    assert checked(proof(ath=dpop.ath("another")), asked=asked) is Unproven.TOKEN


def test_a_nonce_says_nothing_of_the_time():
    assert dpop.nonce(NONCES, NOW) != dpop.nonce(NONCES, NOW + timedelta(seconds=150))
    assert len(dpop.nonce(NONCES, NOW)) == 24


def test_the_ath_is_that_of_rfc_9449():
    token = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"

    assert dpop.ath(token) == "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo"


def test_the_proof_of_rfc_9449_has_the_thumbprint_it_says(signer):
    sent = (
        "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNo"
        "UklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERW"
        "clUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0"
        "dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-"
        "FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg"
    )
    found = dpop.jose.verify(sent, dpop.EMBEDDED, dpop.ALGS, ("dpop+jwt",))

    assert found.key.thumbprint == "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
