"""Where things are written: the line of each key of a TOML text, and a problem found there.

The parser keeps no line for a key that parses, and a DPO who is told «unknown purpose»
must also be told where.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

Path = tuple[str, ...]

_KEY: Final = r"""(?:"[^"]*"|'[^']*'|[A-Za-z0-9_-]+)"""
_DOTTED: Final = rf"{_KEY}(?:\s*\.\s*{_KEY})*"
_HEADER: Final = re.compile(rf"\s*(\[\[?)\s*({_DOTTED})\s*\]\]?\s*(?:#.*)?")
_ASSIGNMENT: Final = re.compile(rf"\s*({_DOTTED})\s*=")


class CatalogueProblem(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """One thing wrong, and where."""

    file: str
    line: int
    message: str


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where an entry is written."""

    file: str
    path: Path
    lines: Mapping[Path, int]

    def problem(self, message: str, *deeper: str) -> CatalogueProblem:
        """A problem with a key below this place: at its line, or at the nearest above it."""
        path = (*self.path, *deeper)
        above = (path[:end] for end in range(len(path), 0, -1))
        line = next((self.lines[each] for each in above if each in self.lines), 1)
        return CatalogueProblem(file=self.file, line=line, message=message)


def lines_of(text: str, parsed: dict[str, Any]) -> dict[Path, int]:
    """Path of each key written at the start of a line → its line, counted from 1.

    An element of an array of tables has its position in the path: `("bases", "0")`.

    Args:
        text: TOML that parses.
        parsed: what it parses to; what only looks like a key is not found there.
    """
    lines: dict[Path, int] = {}
    for path, line in _written(text, parsed):
        for end in range(1, len(path) + 1):
            lines.setdefault(path[:end], line)  # `name.ar` is where `name` begins
    return lines


def _written(text: str, parsed: dict[str, Any]) -> Iterator[tuple[Path, int]]:
    table: Path = ()
    for line, content in enumerate(text.splitlines(), 1):
        if header := _HEADER.fullmatch(content):
            path = _parts(header[2])
            if header[1] == "[[":
                following = table[:-1] == path
                path = (*path, str(int(table[-1]) + 1) if following else "0")
            if _exists(path, parsed):
                table = path
                yield path, line
        elif assignment := _ASSIGNMENT.match(content):
            path = (*table, *_parts(assignment[1]))
            if _exists(path, parsed):
                yield path, line


def _parts(dotted: str) -> Path:
    return tuple(part.strip("\"'") for part in re.findall(_KEY, dotted))


def _exists(path: Path, parsed: Any) -> bool:
    for part in path:
        if isinstance(parsed, list) and part.isdigit() and int(part) < len(parsed):
            parsed = parsed[int(part)]
        elif isinstance(parsed, dict) and part in parsed:
            parsed = parsed[part]
        else:
            return False
    return True
