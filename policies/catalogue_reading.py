"""TOML files → typed entries that know where they are written, and every problem on the way."""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final, Generic, TypeVar

import msgspec

from policies.catalogue_lines import CatalogueProblem, Place, lines_of
from policies.catalogue_shaping import shaped
from policies.eligibility import Rule
from policies.entries import Agreement, Attribute, Group, NumberKind, Programme, Purpose, Sector
from policies.household_index import Formula

T = TypeVar("T", bound=msgspec.Struct)

KINDS: Final[Mapping[str, tuple[type[msgspec.Struct], str]]] = MappingProxyType(
    {
        "purpose": (Purpose, "id"),
        "group": (Group, "id"),
        "attribute": (Attribute, "id"),
        "programme": (Programme, "id"),
        "sector": (Sector, "id"),
        "number": (NumberKind, "id"),
        "agreement": (Agreement, "id"),
        "rule": (Rule, "programme"),
        "formula": (Formula, "id"),
    }
)
"""Table → what each of its entries is, and the field that the entry's own name fills."""

_ID: Final = re.compile(r"[a-z0-9]+(?:[_/-][a-z0-9]+)*")
_LINE: Final = re.compile(r"\(at line (\d+),")


class Placed(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """An entry and where it is written."""

    place: Place
    entry: T


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """All that could be read of a catalogue, and all that could not."""

    problems: tuple[CatalogueProblem, ...]
    names: Mapping[str, frozenset[str]]
    """Table → every name in it; of broken entries too, so that to name one is no second problem."""
    entries: tuple[Placed[Any], ...]

    def all(self, shape: type[T]) -> Sequence[Placed[T]]:
        """The entries of a shape, in reading order."""
        return [placed for placed in self.entries if isinstance(placed.entry, shape)]


class _Table(msgspec.Struct, frozen=True, kw_only=True):
    place: Place
    value: Any

    @property
    def kind(self) -> str:
        return self.place.path[0]

    @property
    def name(self) -> str:
        return self.place.path[1]


def read(files: Mapping[str, bytes]) -> Draft:
    """Read every file, in the order of their names."""
    found = [each for file in sorted(files) for each in _tables(file, files[file])]
    tables = [each for each in found if isinstance(each, _Table)]
    outcomes = [_entry(table) for table in tables]
    return Draft(
        problems=(
            *(each for each in found if isinstance(each, CatalogueProblem)),
            *(wrong for outcome in outcomes if isinstance(outcome, list) for wrong in outcome),
            *_written_twice(tables),
        ),
        names={
            kind: frozenset(table.name for table in tables if table.kind == kind) for kind in KINDS
        },
        entries=tuple(outcome for outcome in outcomes if isinstance(outcome, Placed)),
    )


def _tables(file: str, content: bytes) -> Iterator[_Table | CatalogueProblem]:
    try:
        text = content.decode()
        parsed = tomllib.loads(text, parse_float=Decimal)
    except UnicodeDecodeError as wrong:
        line = content[: wrong.start].count(b"\n") + 1
        yield CatalogueProblem(file=file, line=line, message="this is not UTF-8")
        return
    except tomllib.TOMLDecodeError as wrong:
        at = _LINE.search(str(wrong))
        line = int(at[1]) if at else content.count(b"\n") + 1
        yield CatalogueProblem(file=file, line=line, message=str(wrong))
        return
    lines = lines_of(text, parsed)
    for kind, entries in parsed.items():
        above = Place(file=file, path=(kind,), lines=lines)
        if kind not in KINDS or not isinstance(entries, dict):
            yield above.problem(f"`{kind}` is not a table of the catalogue")
            continue
        for name, value in entries.items():
            yield _Table(place=Place(file=file, path=(kind, name), lines=lines), value=value)


def _entry(table: _Table) -> Placed[Any] | list[CatalogueProblem]:
    shape, own_name = KINDS[table.kind]
    if not _ID.fullmatch(table.name):
        return [table.place.problem(f"`{table.name}` is not an identifier")]
    if not isinstance(table.value, dict):
        return [table.place.problem("expected a table")]
    if own_name in table.value:
        return [table.place.problem("the name of the table says this already", own_name)]
    outcome = shaped({**table.value, own_name: table.name}, shape, table.place)
    return outcome if isinstance(outcome, list) else Placed(place=table.place, entry=outcome)


def _written_twice(tables: Sequence[_Table]) -> Iterator[CatalogueProblem]:
    """An agreement stands once per version, which its own checks see to; all else stands once."""
    seen: set[tuple[str, str]] = set()
    for table in tables:
        if table.kind != "agreement" and (table.kind, table.name) in seen:
            yield table.place.problem(f"{table.kind} `{table.name}` is written twice")
        seen.add((table.kind, table.name))
