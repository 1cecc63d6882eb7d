"""Make the portal's fonts: subsets of IBM Plex Sans Arabic and IBM Plex Sans, under our own name.

    python docs/fonts/make_fonts.py ARABIC_PACKAGE LATIN_PACKAGE

The two arguments are the unpacked packages `@fontsource/ibm-plex-sans-arabic` and
`@fontsource/ibm-plex-sans` (5.3.0). Needs fontTools and brotli, both in the dev lock.
The fonts are under the SIL Open Font License 1.1. A subset is a modified version and
IBM reserves the name «Plex» in its own releases, so the families are renamed «Amana».
"""  # noqa: INP001  (a script beside the documentation, not a package)

import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from fontTools import subset
from fontTools.merge import Merger
from fontTools.ttLib import TTFont

HERE: Final = Path(__file__).resolve().parent
TARGET: Final = HERE.parents[1] / "api" / "static" / "fonts"
WEIGHTS: Final = {400: "Regular", 600: "SemiBold"}

ARABIC: Final = (
    *range(0x0621, 0x063B),
    *range(0x0640, 0x0656),
    *(0x060C, 0x061B, 0x061F, 0x066A, 0x0670, 0x0671),
    # Letters that Moroccan names and towns use: پ چ ژ ڤ ڥ ک ڭ گ ڢ ڧ
    *(0x067E, 0x0686, 0x0698, 0x06A2, 0x06A4, 0x06A5, 0x06A7, 0x06A9, 0x06AD, 0x06AF),
)
FIGURES: Final = tuple(map(ord, " 0123456789.,:;!?()[]/+-%«»–—…•·\u00a0\u202f"))
"""Digits and marks of Arabic pages, from the Arabic family itself: one face, one colour."""
LATIN: Final = (
    *range(0x20, 0x7F),
    *range(0xC0, 0x100),
    *map(ord, "\u00a0\u00ab\u00b0\u00b7\u00bbŒœŸ–—‘’“”•…€\u202f"),
)


def main(arabic: Path, latin: Path) -> None:
    """Write the four faces and the licence beside them."""
    TARGET.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        for weight in WEIGHTS:
            letters = arabic / f"files/ibm-plex-sans-arabic-arabic-{weight}-normal.woff2"
            figures = arabic / f"files/ibm-plex-sans-arabic-latin-{weight}-normal.woff2"
            parts = [
                _subset(letters, ARABIC, Path(scratch) / "letters.ttf", features="*"),
                _subset(figures, FIGURES, Path(scratch) / "figures.ttf", features=""),
            ]
            _write(Merger().merge([str(part) for part in parts]), "Amana Arabic", weight)
            roman = latin / f"files/ibm-plex-sans-latin-{weight}-normal.woff2"
            face = _subset(roman, LATIN, Path(scratch) / "latin.ttf", features="kern,mark,ccmp")
            _write(TTFont(face), "Amana Latin", weight)
    licences = [(package / "LICENSE").read_text(encoding="utf-8") for package in (arabic, latin)]
    (TARGET / "OFL.txt").write_text(_licence(licences), encoding="utf-8")


def _subset(source: Path, letters: tuple[int, ...], target: Path, *, features: str) -> Path:
    options = subset.Options()
    options.layout_features = features.split(",") if features != "*" else ["*"]
    options.hinting = False
    options.notdef_outline = True
    options.name_IDs = []
    font = subset.load_font(str(source), options)
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=letters)
    subsetter.subset(font)
    font.flavor = None
    font.save(target)
    return target


def _write(font: Any, family: str, weight: int) -> None:
    style = WEIGHTS[weight]
    names = font["name"]
    names.names = []
    for identifier, text in {
        0: "Copyright 2019 IBM Corp. All rights reserved.",
        1: f"{family} {style}",
        2: "Regular",
        4: f"{family} {style}",
        6: f"{family}-{style}".replace(" ", ""),
        13: "SIL Open Font License, Version 1.1",
        14: "https://openfontlicense.org",
        16: family,
        17: style,
    }.items():
        names.setName(text, identifier, 3, 1, 0x409)
    font["OS/2"].usWeightClass = weight
    font.flavor = "woff2"
    path = TARGET / f"{family.replace(' ', '-').lower()}-{weight}.woff2"
    font.save(path)
    sys.stdout.write(f"{path.name}: {path.stat().st_size} bytes\n")


def _licence(texts: list[str]) -> str:
    """Both copyright lines, once the licence, and what was changed."""
    copyrights = [text.partition("\n")[0].strip() for text in texts]
    body = texts[0].partition("\n")[2]
    changed = (
        "Modified: subset, merged, hinting removed and renamed to «Amana Arabic» and\n"
        "«Amana Latin» by docs/fonts/make_fonts.py; originally IBM Plex Sans Arabic and\n"
        "IBM Plex Sans."
    )
    return "\n\n".join([*dict.fromkeys(copyrights), changed]) + "\n" + body


if __name__ == "__main__":
    if len(sys.argv) != 3:  # noqa: PLR2004  (the script and its two packages)
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
