"""The stylesheet's promises: small, for both directions, legible in both schemes."""

import gzip
import re

import pytest

from api import rendering

CSS = (rendering.STATIC / "amana.css").read_text()
RULES = re.sub(r"/\*.*?\*/", "", CSS, flags=re.DOTALL)
BUDGET = 12 * 1024
FONT_BUDGET = 60 * 1024


def tokens(scheme: str) -> dict[str, str]:
    light, dark = re.findall(r":root \{(.*?)\}", RULES.partition("@layer base")[0], re.DOTALL)[::1][
        :2
    ]
    found = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{3,6})", light))
    if scheme == "dark":
        found |= dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{3,6})", dark))
    return found


def luminance(colour: str) -> float:
    digits = colour.lstrip("#")
    full = "".join(each * 2 for each in digits) if len(digits) == 3 else digits
    channels = [int(full[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    linear = [
        each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in channels
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted(map(luminance, (one, other)))
    return (lighter + 0.05) / (darker + 0.05)


def test_the_stylesheet_stays_within_its_budget():
    assert len(gzip.compress(CSS.encode())) <= BUDGET


def test_the_fonts_stay_within_their_budget():
    fonts = list((rendering.STATIC / "fonts").glob("*.woff2"))
    assert len(fonts) == 4
    assert sum(path.stat().st_size for path in fonts) <= FONT_BUDGET


def test_the_fonts_are_ours_by_name_and_carry_their_licence():
    from fontTools.ttLib import TTFont

    for path in (rendering.STATIC / "fonts").glob("*.woff2"):
        names = [record.toUnicode() for record in TTFont(path)["name"].names]
        assert not any("Plex" in name for name in names)
    assert "SIL OPEN FONT LICENSE" in (rendering.STATIC / "fonts" / "OFL.txt").read_text()


def test_only_logical_properties_and_values():
    physical = re.findall(
        r"(?:margin|padding|border)-(?:left|right|top|bottom)|(?<![a-z-])(?:left|right|top|bottom|width|height)\s*:"
        r"|text-align:\s*(?:left|right|justify)|float\s*:|(?:min|max)-(?:width|height)\s*:(?!\s*\d+rem\))",
        RULES,
    )
    assert physical == []


@pytest.mark.parametrize("word", ["letter-spacing", "italic", "@import", "http", "!important"])
def test_what_harms_arabic_or_trust_is_not_there(word):
    assert word not in RULES


def test_arabic_is_large_and_airy():
    assert "html:lang(ar) { font-size: 112.5%; }" in RULES  # 18 px
    assert "--leading: 1.8" in RULES


def test_yes_and_no_share_one_rule():
    """`.choice` knows no first, last, value or name: neither answer can look better."""
    for selector in re.findall(r"[^{}]*\.choice[^s][^{}]*(?=\{)", RULES):
        assert not re.search(r"nth|first|last|\[|:has|\+|~", selector.replace(".choice", "")), (
            selector
        )


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    ("text", "ground"),
    [
        *[
            (text, ground)
            for text in ("ink", "soft", "brand", "stop")
            for ground in ("paper", "card", "sunk")
        ],
        ("on-brand", "brand"),
        ("on-brand", "brand-deep"),
        ("law", "law-wash"),
        ("brand-deep", "brand-wash"),
        ("ink", "brand-wash"),
        ("ink", "law-wash"),
        ("ink", "sun-wash"),
        ("stop", "stop-wash"),
        ("sun", "sun-wash"),
    ],
)
def test_text_is_legible(scheme, text, ground):
    """4.5:1 (WCAG 2.2, 1.4.3)."""
    found = tokens(scheme)
    assert contrast(found[text], found[ground]) >= 4.5


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    ("line", "ground"), [("edge", "card"), ("focus", "paper"), ("focus", "card")]
)
def test_edges_of_fields_and_the_focus_are_visible(scheme, line, ground):
    """3:1 (WCAG 2.2, 1.4.11)."""
    found = tokens(scheme)
    assert contrast(found[line], found[ground]) >= 3
