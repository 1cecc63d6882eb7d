"""A notice says all that is mandated, in every language, or is not published."""

import re
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from consent import wording
from consent.wording import Clause, Words
from policies import catalogue as catalogues
from policies.vocabulary import Language

FOLDER = Path(catalogues.__file__).parent / "catalogue"


@pytest.fixture(scope="module")
def catalogue():
    return catalogues.compile(
        {str(path.relative_to(FOLDER)): path.read_bytes() for path in FOLDER.rglob("*.toml")}
    )


@pytest.fixture
def agreement(catalogue):
    return catalogue.agreements["minhaty/scholarship"]


def text(catalogue, agreement, language=Language.EN):
    sections = wording.compose(catalogue, agreement, language, "portal", wording.shipped())
    return "\n".join(f"{section.heading}: {section.text}" for section in sections)


def without(words: Words, clause: Clause) -> Words:
    return replace(
        words, clauses={key: kept for key, kept in words.clauses.items() if key is not clause}
    )


def test_the_shipped_words_are_whole_for_every_agreement_that_asks_consent(catalogue):
    asking = [each for each in catalogue.agreements.values() if each.items]

    assert asking
    assert {wording.missing(catalogue, each, wording.shipped()) for each in asking} == {()}


@pytest.mark.parametrize("language", Language)
def test_no_placeholder_is_left_in_any_language(catalogue, agreement, language):
    assert not re.search(r"[{}]", text(catalogue, agreement, language))


@pytest.mark.parametrize("clause", Clause)
def test_a_clause_without_words_is_missing_in_every_language(catalogue, agreement, clause):
    lacking = wording.missing(catalogue, agreement, without(wording.shipped(), clause))

    assert lacking == tuple(
        f"{language}/{clause} {part}" for language in Language for part in ("heading", "text")
    )


def test_a_text_left_blank_in_one_language_is_missing_there(catalogue, agreement):
    purpose = catalogue.purposes[agreement.purpose]
    blank = replace(purpose, sentence=replace(purpose.sentence, ar=" "))
    lacking = replace(catalogue, purposes=catalogue.purposes | {purpose.id: blank})

    assert wording.missing(lacking, agreement, wording.shipped()) == ("ar/sentence",)


def test_a_form_that_has_no_words_is_missing(catalogue, agreement):
    shipped = wording.shipped()
    forms = {form: texts for form, texts in shipped.forms.items() if form != "masked"}

    assert wording.missing(catalogue, agreement, replace(shipped, forms=forms)) == tuple(
        f"{language}/form masked" for language in Language
    )


def test_an_agreement_that_asks_nothing_of_a_person_has_no_notice(catalogue, agreement):
    silent = replace(agreement, attributes={})

    assert wording.missing(catalogue, silent, wording.shipped()) == ("items",)


def test_a_notice_says_who_why_what_until_when_and_how_to_stop(catalogue, agreement):
    said = text(catalogue, agreement)

    assert catalogue.programmes["minhaty"].name.en in said
    assert catalogue.purposes[agreement.purpose].sentence.en in said
    assert str(agreement.consent_days) in said
    assert agreement.cndp_reference in said
    assert "www.cndp.ma" in said
    for item in agreement.items:
        assert catalogue.attributes[item].label.en in said


def test_only_optional_items_may_be_left_out(catalogue, agreement):
    sections = wording.compose(catalogue, agreement, Language.EN, "portal", wording.shipped())
    optional = sections[list(Clause).index(Clause.OPTIONAL)].text

    assert catalogue.attributes["phone"].label.en in optional
    assert catalogue.attributes["eligibility"].label.en not in optional


def test_where_nothing_is_optional_there_is_no_such_clause(catalogue, agreement):
    fixed = replace(agreement, optional=())

    assert "leave out" in text(catalogue, agreement)
    assert "leave out" not in text(catalogue, fixed)
    assert wording.missing(catalogue, fixed, wording.shipped()) == ()


def test_a_citation_that_no_lawyer_has_read_is_not_shown(catalogue, agreement):
    read = replace(
        agreement, bases=tuple(replace(basis, verified=True) for basis in agreement.bases)
    )

    assert agreement.bases[0].citation not in text(catalogue, agreement)
    assert f"({agreement.bases[0].citation})" in text(catalogue, read)


def test_words_of_the_catalogue_cannot_break_a_notice_into_other_sections(catalogue, agreement):
    purpose = catalogue.purposes[agreement.purpose]
    broken = replace(purpose, sentence=replace(purpose.sentence, en="One\n\nTwo {days}"))
    odd = replace(catalogue, purposes=catalogue.purposes | {purpose.id: broken})

    sections = wording.compose(odd, agreement, Language.EN, "portal", wording.shipped())

    assert sections[1].text == "One Two {days}"
    assert all("\n\n" not in section.text for section in sections)


def test_a_clause_that_we_do_not_know_is_refused():
    with pytest.raises(msgspec.ValidationError):
        wording.read(b"[surprise]\nheading = {ar='a', fr='b', en='c'}\n")


def test_words_without_a_language_are_refused():
    with pytest.raises(msgspec.ValidationError):
        wording.read(b"[who]\nheading = {ar='a', fr='b'}\ntext = {ar='a', fr='b', en='c'}\n")
