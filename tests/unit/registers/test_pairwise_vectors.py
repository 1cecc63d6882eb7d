"""Identifiers that programmes keep for years: the same key and person make the same, for ever."""

from types import SimpleNamespace
from uuid import UUID

import pytest

from identity.registry import pseudonyms, virtual_numbers
from policies.vocabulary import Audience, SubjectId

PERSON = (Audience("asd"), SubjectId(UUID(int=7)))
KEYRING = SimpleNamespace(pairwise=lambda audience, version: f"{audience} {version}".encode())


@pytest.mark.parametrize(
    ("turn", "token"),
    [
        ((1, 0), "pt1_609bbw0ysat2913k12kfczqz350cjn35"),
        ((1, 1), "pt1_7ef3xz1qh1d3yvdnj7xpb398gfypk2m9"),
        ((2, 0), "pt2_tmjzgg5hvxmnsq60hqwn8s0sh9rb7vpw"),
        ((12, 258), "pt12_0j1swt3jckrncqpc69z4s23v7s03m076"),
    ],
)
def test_the_letters_of_an_identifier_stay_as_they_are(turn, token):
    # Golden values: a change here makes everybody unknown to every programme.
    assert pseudonyms.mint(KEYRING, PERSON, turn) == token


@pytest.mark.parametrize(
    "written",
    ["", "1", "12345678901234567", "123456789012345x", "abcdefghijklmnop", "x" * 17, "१" * 16],
)
def test_what_is_no_sixteen_digits_is_no_number(written):
    assert virtual_numbers.read(written) is None
