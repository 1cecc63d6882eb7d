"""What every normaliser promises of any text."""

from datetime import date
from itertools import pairwise

import pytest
from hijridate import Gregorian
from hypothesis import given
from hypothesis import strategies as st

from vault import normalisers, normalisers_v1

letters = st.text(
    alphabet=st.sampled_from("aeihlmnoqrzéïœÀßČ ’'-_.0123٣٤اأإةىيلمعبـًﻻ‌ڭ+()@"), max_size=30
)
texts = letters | st.text(max_size=30)


@pytest.mark.parametrize("function", ["arabic", "latin", "number", "phone", "email", "date"])
@given(text=texts)
def test_normalising_twice_changes_nothing_more(function, text):
    once = getattr(normalisers, function)(text)
    assert getattr(normalisers, function)(once) == once


@given(texts)
def test_a_skeleton_has_neither_doubles_nor_spaces(text):
    skeleton = normalisers.skeleton(text)
    assert all(one != following for one, following in pairwise(skeleton))
    assert " " not in skeleton


@given(st.lists(st.sampled_from(["محمد", "Amina", "El", "العلمي", "d’Arc"]), max_size=4))
def test_case_and_spacing_do_not_change_a_skeleton(words):
    text = " ".join(words)
    assert normalisers.skeleton(text) == normalisers.skeleton(f"  {text.upper()}  ")


@given(st.integers(5, 8), st.integers(0, 99_999_999))
def test_a_moroccan_number_is_one_however_it_is_written(kind, rest):
    bare = f"{kind}{rest:08}"
    ways = (f"0{bare}", bare, f"+212{bare}", f"00212 {bare}", f"212-{bare}", f"+212 (0){bare}")
    assert {normalisers.phone(way) for way in ways} == {f"+212{bare}"}


@given(st.text(alphabet="+0123456789 ()-٣", max_size=18))
def test_what_version_1_reads_as_a_phone_version_2_reads_too(text):
    assert bool(normalisers.phone(text)) >= bool(normalisers_v1.phone(text))


@given(st.dates(date(1924, 8, 1), date(2077, 11, 16)))
def test_a_day_is_the_same_in_either_calendar(born):
    hijri = Gregorian(born.year, born.month, born.day).to_hijri()
    assert normalisers.date(hijri.isoformat()) == born.isoformat()
    assert normalisers.date(f"{born:%d/%m/%Y}") == born.isoformat()
