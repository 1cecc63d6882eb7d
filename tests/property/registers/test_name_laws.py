"""Laws of the matcher over near misses: one name, perhaps changed in one place."""

import unicodedata

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from identity.registry import name_costs, name_sounds, name_words, names
from identity.registry.names import Verdict
from identity.registry.sample_names import FAMILIES, MEN, WOMEN

# Machines are shared: a slow one is not a broken law.
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
PAIRS = MEN + WOMEN + FAMILIES
HARAKAT = "ًٌٍَُِّْ"
LETTERS = "abdefghijklmnoqrstuwyzéï ابتجحدرسشعفقكلمنهوىيةأإء-'"

listed = st.sampled_from([name for pair in PAIRS for name in pair])
made_up = st.text(LETTERS, min_size=1, max_size=30)
anything = st.text(max_size=200)


@st.composite
def whole_names(draw):
    given_name, family = draw(st.sampled_from(MEN + WOMEN)), draw(st.sampled_from(FAMILIES))
    script = draw(st.integers(0, 1))
    return f"{given_name[script]} {family[script]}"


@st.composite
def near_misses(draw):
    """A name, and the same with one letter dropped, doubled, swapped or put in."""
    name = draw(listed | made_up)
    at = draw(st.integers(0, max(len(name) - 1, 0)))
    letter = draw(st.sampled_from(LETTERS))
    changed = draw(
        st.sampled_from(
            [
                name[:at] + name[at + 1 :],
                name[: at + 1] + name[at:],
                name[:at] + letter + name[at + 1 :],
                name[:at] + letter + name[at:],
                name[:at] + name[at + 1 : at + 2] + name[at : at + 1] + name[at + 2 :],
            ]
        )
    )
    return name, changed


def verdict(one, other):
    return names.compare(one, other).verdict


@unhurried
@given(near_misses() | st.tuples(listed, listed) | st.tuples(whole_names(), whole_names()))
def test_who_is_compared_with_whom_does_not_matter(pair):
    assert verdict(*pair) == verdict(*reversed(pair))


@unhurried
@given(anything, anything)
@example("\ud800", "ا" * 200)
@example("َ", "é")
def test_any_text_gets_a_verdict_and_the_same_each_time(one, other):
    assert names.compare(one, other) == names.compare(one, other)
    assert verdict(one, other) == verdict(other, one)


@unhurried
@given(listed | whole_names())
def test_a_name_is_itself(name):
    assert verdict(name, name) is Verdict.YES


@unhurried
@given(listed | whole_names())
def test_case_and_accents_and_apostrophes_do_not_matter(name):
    shouted = unicodedata.normalize("NFD", name).upper().replace("-", " ")

    assert verdict(shouted, name) is Verdict.YES


@unhurried
@given(st.sampled_from([pair[0] for pair in PAIRS]), st.data())
def test_harakat_and_tatweel_do_not_matter(name, data):
    at = data.draw(st.integers(1, len(name)))
    marked = name[:at] + data.draw(st.sampled_from(HARAKAT + "ـ")) + name[at:]

    assert verdict(marked, name) is Verdict.YES


@unhurried
@given(whole_names(), st.randoms(use_true_random=False))
def test_the_order_of_the_words_does_not_matter(name, shuffled):
    words = name.split()
    shuffled.shuffle(words)

    assert verdict(" ".join(words), name) is Verdict.YES


@unhurried
@given(near_misses())
def test_one_consonant_more_is_never_a_yes(pair):
    """Of two French spellings, one of which sounds a consonant more in every reading."""
    words = [name_words.words(each) for each in pair]
    if any(len(each) != 1 or each[0].arabic for each in words):
        return
    few, many = sorted(
        (
            {name_sounds.consonants(reading.sounds) for reading in each[0].readings}
            for each in words
        ),
        key=lambda counts: max(counts, default=0),
    )
    if few and many and max(few) < min(many):
        assert verdict(*pair) is not Verdict.YES


@pytest.mark.parametrize(("arabic", "latin"), PAIRS)
def test_every_listed_name_matches_across_the_scripts(arabic, latin):
    assert verdict(arabic, latin) is Verdict.YES


sounds = st.text("btdkrszhmnlaeiouàáéíāīūʔʕẗȳ*~^!", max_size=12)


@unhurried
@given(sounds, sounds)
def test_hearing_costs_nothing_only_where_nothing_differs_that_is_told(one, other):
    total, worst = name_costs.aligned(one, other)

    assert 0 <= worst <= total or total == 0
    assert name_costs.aligned(other, one) == (total, worst)
    assert name_costs.aligned(one, one) == (0, 0)


@unhurried
@given(sounds, sounds, st.sampled_from("btdkrsz"))
def test_a_consonant_more_costs_at_most_one_more(one, other, consonant):
    before, _ = name_costs.aligned(one, other)
    after, _ = name_costs.aligned(one + consonant, other)

    assert after <= before + 100
