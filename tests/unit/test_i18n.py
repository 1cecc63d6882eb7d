from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from string import Formatter

import pytest
from babel.messages.catalog import Message

from api import i18n
from policies.vocabulary import Language

TONGUES = i18n.tongues()
AR, FR, EN = (TONGUES[language] for language in (Language.AR, Language.FR, Language.EN))


def messages(language: Language) -> dict[str, Message]:
    return {
        message.id[0] if isinstance(message.id, tuple) else message.id: message
        for message in i18n.catalogue(language)
        if message.id
    }


def forms(message: Message) -> Iterator[str]:
    yield from message.string if isinstance(message.string, tuple | list) else [message.string]


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


CATALOGUES = {language: messages(language) for language in Language}


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "لا موافقة سارية"),
        (1, "موافقة واحدة سارية"),
        (2, "موافقتان ساريتان"),
        (3, "<bdi>3</bdi> موافقات سارية"),
        (10, "<bdi>10</bdi> موافقات سارية"),
        (11, "<bdi>11</bdi> موافقة سارية"),
        (99, "<bdi>99</bdi> موافقة سارية"),
        (103, "<bdi>103</bdi> موافقات سارية"),
    ],
)
def test_arabic_has_six_plurals(count, words):
    assert str(AR.n("me.active", count)) == words


@pytest.mark.parametrize(
    ("count", "slot"),
    [(0, 0), (1, 1), (2, 2), (3, 3), (10, 3), (11, 4), (99, 4), (100, 5), (102, 5), (111, 4)],
)
def test_the_arabic_plural_rule_is_cldr_s_and_not_babel_s(count, slot):
    assert AR.texts.plural(count) == slot


@pytest.mark.parametrize(("count", "words"), [(0, "accord"), (1, "accord"), (2, "accords")])
def test_french_counts_zero_as_singular(count, words):
    assert f" {words} en cours" in str(FR.n("me.active", count))


@pytest.mark.parametrize("language", Language)
def test_every_language_has_every_key_with_words(language):
    assert CATALOGUES[language].keys() == CATALOGUES[Language.EN].keys()
    empty = [
        key
        for key, message in CATALOGUES[language].items()
        if not all(map(str.strip, forms(message)))
    ]
    assert empty == []


@pytest.mark.parametrize("language", Language)
def test_placeholders_are_the_same_in_every_language(language):
    """One form of a plural may leave the number out («two» is a word), never add a place."""
    for key, message in CATALOGUES[language].items():
        reference = set().union(*map(places, forms(CATALOGUES[Language.EN][key])))
        allowed = reference | {"n"} if isinstance(message.id, tuple) else reference
        used = [places(text) for text in forms(message)]
        assert set().union(*used) <= allowed, key
        assert all(reference - {"n"} <= each for each in used if each or len(used) == 1), key


@pytest.mark.parametrize("language", Language)
def test_catalogues_hold_words_and_no_markup(language):
    marked = [
        key
        for key, message in CATALOGUES[language].items()
        if any(sign in text for text in forms(message) for sign in "<>&")
    ]
    assert marked == []


def test_arabic_follows_the_glossary():
    """Moroccan usage: معطيات, not بيانات; and none of the machine's mistakes others shipped."""
    words = " ".join(text for each in CATALOGUES[Language.AR].values() for text in forms(each))
    for wrong in ("بيانات", "يلغي", "دبوس", "تبوك", "ادعاء", "نوفمبر"):
        assert wrong not in words


def test_no_arabic_sentence_hides_a_left_to_right_mark():
    for message in CATALOGUES[Language.AR].values():
        assert not any(
            sign in text for text in forms(message) for sign in "\u200e\u200f\u202a\u202b"
        )


@pytest.mark.parametrize(
    ("month", "name"),
    [
        (1, "يناير"),
        (5, "ماي"),
        (7, "يوليوز"),
        (8, "غشت"),
        (9, "شتنبر"),
        (11, "نونبر"),
        (12, "دجنبر"),
    ],
)
def test_months_are_moroccan(month, name):
    assert AR.day(date(2026, month, 3)) == f"3 {name} 2026"


def test_times_are_moroccan_and_say_their_offset():
    winter = datetime(2026, 11, 23, 23, 30, tzinfo=UTC)
    ramadan = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)
    assert FR.day(winter) == "24 novembre 2026"
    assert "00:30" in FR.moment(winter)
    assert "UTC+1" in FR.moment(winter)
    assert "23:30" in FR.moment(ramadan)
    assert "UTC+0" in FR.moment(ramadan)
    assert 'datetime="2026-11-23T23:30:00+00:00"' in FR.moment(winter)


@pytest.mark.parametrize("language", Language)
def test_digits_are_western(language):
    tongue = TONGUES[language]
    shown = f"{tongue.number(1234567890)}{tongue.day(date(2026, 11, 23))}{tongue.month('2026-11')}"
    assert not set("٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹") & set(shown)


def test_values_in_a_sentence_are_escaped_and_isolated():
    shown = str(AR.t("stop.title", programme="<b>AMO</b>"))
    assert "<bdi>&lt;b&gt;AMO&lt;/b&gt;</bdi>" in shown


def test_values_in_a_title_are_isolated_without_an_element():
    assert "\u2068AMO\u2069" in AR.plain("stop.title", programme="AMO")


def test_an_unknown_key_is_a_fault_and_an_unknown_code_is_not():
    with pytest.raises(LookupError):
        EN.t("no.such.key")
    with pytest.raises(LookupError):
        EN.n("no.such.key", 2)
    assert EN.one_of("reason", "a-code-of-next-year") == EN.t("reason.other")


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", Language.AR),
        ("fr-FR,fr;q=0.9,en;q=0.8", Language.FR),
        ("en;q=0.5, fr;q=0.9", Language.FR),
        ("de, en;q=0.1", Language.EN),
        ("tzm, fr;q=0.9", Language.AR),
        ("zgh", Language.AR),
        ("fr;q=0, en;q=0.2", Language.EN),
        ("fr;q=nonsense, en", Language.EN),
        ("*", Language.AR),
    ],
)
def test_the_browser_s_liking_chooses_the_first_language(header, language):
    assert i18n.preferred(header) is language


def test_only_po_files_are_kept():
    kept = {path.suffix for path in i18n.FOLDER.rglob("*") if path.is_file()}
    assert kept == {".po"}
    assert Path(i18n.FOLDER).is_dir()
