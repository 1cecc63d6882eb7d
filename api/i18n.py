"""Words, plurals, dates and numbers of the portal, in one language at a time.

Texts are keys in code and sentences in `locale/*/LC_MESSAGES/amana.po`, read at start:
no compiled catalogue is kept. A value put into a sentence is isolated (`<bdi>`), so that
a French name cannot turn an Arabic line around.
"""

import gettext
from datetime import date, datetime
from io import BytesIO
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
from babel import Locale, dates, numbers
from babel.messages import mofile, pofile
from babel.messages.catalog import Catalog
from markupsafe import Markup, escape

from policies.vocabulary import Language

FOLDER: Final = Path(__file__).parent / "locale"
ZONE: Final = ZoneInfo("Africa/Casablanca")
DEFAULT: Final = Language.AR

CLDR: Final = {Language.AR: "ar_MA", Language.FR: "fr_MA", Language.EN: "en_GB"}
"""Whose months and digits each language uses: ar-MA says «نونبر» and writes 0-9 (CLDR 47)."""
NAMES: Final = {Language.AR: "العربية", Language.FR: "Français", Language.EN: "English"}
"""Each language by its own name."""
SPOKEN_TOO: Final = dict.fromkeys(("zgh", "tzm", "shi", "rif", "ber"), Language.AR)
"""Amazigh tags, until its catalogue is here; then they lead to `zgh`."""

_OPEN: Final = "\u2068"
_CLOSE: Final = "\u2069"
"""First-strong isolate and its end (UAX #9): `<bdi>` where no element can stand."""


class Tongue(msgspec.Struct, frozen=True, kw_only=True):
    """One language: its texts and its way with dates and numbers."""

    language: Language
    cldr: Locale
    texts: gettext.NullTranslations

    @property
    def direction(self) -> str:
        """`rtl` or `ltr`."""
        return str(self.cldr.text_direction)

    def t(self, key: str, **values: Any) -> Markup:
        """A sentence for a page.

        Raises:
            LookupError: no catalogue has this key.
        """
        return _fill(self._text(key), values)

    def n(self, key: str, count: int, **values: Any) -> Markup:
        """A sentence whose form depends on `count`, which it may show as `{n}`."""
        text = self.texts.ngettext(key, key, count)
        if text == key:
            raise LookupError(key)
        return _fill(text, {"n": self.number(count), **values})

    def plain(self, key: str, **values: Any) -> str:
        """A sentence for a title or an attribute: no element inside."""
        isolated = {name: f"{_OPEN}{value}{_CLOSE}" for name, value in values.items()}
        return self._text(key).format(**isolated)

    def one_of(self, prefix: str, code: str) -> Markup:
        """The words for a code of ours."""
        return self.t(self.key_of(prefix, code))

    def key_of(self, prefix: str, code: str) -> str:
        """The key of a code's words; of the prefix's `other` where the code is new to us."""
        key = f"{prefix}.{code}"
        return key if self.texts.gettext(key) != key else f"{prefix}.other"

    def day(self, when: date | datetime) -> str:
        """«23 novembre 2026», in Morocco's time."""
        shown = when.astimezone(ZONE).date() if isinstance(when, datetime) else when
        return dates.format_date(shown, "d MMMM y", locale=self.cldr)

    def clock(self, when: datetime) -> str:
        """«14:05», in Morocco's time."""
        return dates.format_time(when, "HH:mm", tzinfo=ZONE, locale=self.cldr)

    def moment(self, when: datetime) -> Markup:
        """Day, hour and zone, in a `<time>` element that machines read too."""
        text = self.t("time.moment", day=self.day(when), clock=self.clock(when), zone=_zone(when))
        return Markup('<time datetime="{}">{}</time>').format(when.isoformat(), text)

    def month(self, month: str) -> str:
        """«novembre 2026» from «2026-11»."""
        return dates.format_date(date.fromisoformat(f"{month}-01"), "MMMM y", locale=self.cldr)

    def number(self, value: int) -> str:
        """Western digits, grouped as the language does."""
        return numbers.format_decimal(value, locale=self.cldr)

    def _text(self, key: str) -> str:
        text = self.texts.gettext(key)
        if text == key:
            raise LookupError(key)
        return text


def tongues() -> dict[Language, Tongue]:
    """Every language, its catalogue compiled from the .po in memory."""
    return {
        language: Tongue(
            language=language, cldr=Locale.parse(CLDR[language]), texts=_load(language)
        )
        for language in Language
    }


def catalogue(language: Language) -> Catalog:
    """The .po of a language, as it stands in the tree."""
    path = FOLDER / language / "LC_MESSAGES" / "amana.po"
    # locale=None: Babel's own Arabic plural rule swaps «many» and «other» against CLDR;
    # the rule is the one written in the file's header.
    with path.open("rb") as file:
        return pofile.read_po(file, locale=None, abort_invalid=True)


def preferred(accept_language: str) -> Language:
    """The language of ours that an Accept-Language header likes best (RFC 9110, 12.5.4)."""
    ranked = sorted(
        (-quality, place, tag)
        for place, (tag, quality) in enumerate(map(_weighed, accept_language.split(",")))
        if quality > 0
    )
    ours = {str(language): language for language in Language}
    found = (ours.get(tag) or SPOKEN_TOO.get(tag) for _, _, tag in ranked)
    return next((language for language in found if language), DEFAULT)


def _weighed(part: str) -> tuple[str, float]:
    tag, _, parameter = part.strip().partition(";")
    try:
        quality = float(parameter.strip().removeprefix("q=") or 1)
    except ValueError:
        quality = 0.0
    return tag.strip().lower().partition("-")[0], quality


def _load(language: Language) -> gettext.GNUTranslations:
    compiled = BytesIO()
    mofile.write_mo(compiled, catalogue(language))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def _fill(text: str, values: dict[str, Any]) -> Markup:
    # The text is escaped too: a catalogue holds words, never markup.
    return escape(text).format(**{name: _isolated(value) for name, value in values.items()})


def _isolated(value: Any) -> Markup:
    return value if isinstance(value, Markup) else Markup("<bdi>{}</bdi>").format(value)


def _zone(when: datetime) -> str:
    """«UTC+1»: Morocco leaves +01 in Ramadan, and one hour then comes twice."""
    offset = when.astimezone(ZONE).utcoffset()
    hours = 0 if offset is None else round(offset.total_seconds() / 3600)
    return f"UTC{hours:+d}"
