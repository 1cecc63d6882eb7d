"""A password is judged by somebody who knows what people here build theirs of."""

import time

import pytest

from identity.login import guessable


@pytest.mark.parametrize(
    "password",
    [
        "motdepasse2026",
        "azertyuiop12",
        "Mohamed1990!!",
        "casablanca2026",
        "dimadimawydad",
        "wydadcasablanca1937",
        "hamdoullah2026",
        "السلامعليكم123",
        "محمدمحمدمحمد",
        "aaaaaaaaaaaaaa",
        "password12345",
        "123456789012",
    ],
)
def test_what_many_use_is_refused(password):
    assert guessable.is_guessable(password, [])


@pytest.mark.parametrize(
    "password",
    [
        "an orange tree in Fez",
        "tulipe-marteau-nuage-violon",
        "قطتي تحب البرتقال الحلو",
        "x7k2-pq9d-mm4t-zz3h",
        "Tanger la nuit sans parapluie",
    ],
)
def test_what_nobody_else_has_is_taken(password):
    assert not guessable.is_guessable(password, [])


def test_what_is_known_of_its_owner_counts():
    assert not guessable.is_guessable("zvhqxmbtr774", [])
    assert guessable.is_guessable("zvhqxmbtr774", ["zvhqxmbtr"])


def test_the_longest_and_the_worst_are_judged_soon():
    began = time.perf_counter()
    for password in ("aA1!" * 64, "1234567890" * 25, "ab" * 128, "2026-11-27" * 25):
        guessable.is_guessable(password, [])
    assert time.perf_counter() - began < 4


def test_each_word_is_there_once_and_can_be_met():
    assert len(guessable.WORDS) == len(set(guessable.WORDS)) > 400
    assert all(word == word.casefold() and " " not in word for word in guessable.WORDS)
