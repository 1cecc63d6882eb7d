"""JSON Lines and CSV → numbered records, one a line. No content makes it raise.

A record that cannot be read is one too: its reason stands where its values would. In a CSV
as well a line break ends the record, so that a stray quote spoils one line and no more.
"""

import csv
import hashlib
import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

LONGEST_LINE: Final = 1 << 16
"""Bytes; a person takes about 600."""
_CHUNK: Final = 1 << 20
_BOM: Final = b"\xef\xbb\xbf"
_DELIMITERS: Final = ",;\t"
"""The second is what spreadsheets write in French."""
_FILLING: Final = b",;\t \r\n"
"""Of a spreadsheet's empty rows."""
_KINDS: Final = {".csv": True, ".jsonl": False, ".ndjson": False}

Reader = Callable[[bytes], Mapping[str, object] | str]
"""A line's values, or why it has none."""
Stamp = tuple[int, int, int]
"""Inode, size and time of the last change in nanoseconds."""


class ImportFileError(Exception):
    """The file cannot be imported at all. Says why in a sentence, without its content."""


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One record of a file, by the number of its line."""

    line: int
    values: Mapping[str, object]
    unreadable: str = ""
    """`not-utf-8`, `not-json`, `not-an-object`, `line-too-long`, `not-csv`, `wrong-cells`."""


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """A file, what it is, and what it contains, by digest."""

    path: Path
    csv: bool
    lines: int
    digest: str
    stamp: Stamp


def source(path: Path) -> Source:
    """Look at a file.

    Raises:
        ImportFileError: it is not there, empty, or neither JSON Lines nor CSV by its name.
    """
    is_csv = _KINDS.get(path.suffix.lower())
    if is_csv is None:
        raise ImportFileError("the name must end in .jsonl, .ndjson or .csv")
    digest, lines, last = hashlib.sha256(), 0, b"\n"
    try:
        with path.open("rb") as file:
            stamp = _stamp(os.fstat(file.fileno()))
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
                lines += chunk.count(b"\n")
                last = chunk[-1:]
    except OSError as wrong:
        raise ImportFileError(f"the file cannot be read ({type(wrong).__name__})") from None
    lines += last != b"\n"
    if not lines:
        raise ImportFileError("the file is empty")
    return Source(path=path, csv=is_csv, lines=lines, digest=digest.hexdigest(), stamp=stamp)


def unchanged(source: Source) -> bool:
    """Whether the file is still the one that was looked at."""
    try:
        return _stamp(source.path.stat()) == source.stamp
    except OSError:
        return False


def records(source: Source, known: Collection[str], *, after: int = 0) -> Iterator[Record]:
    """Every record behind a line; blank lines are none.

    Raises:
        ImportFileError: the first line of a CSV does not name known fields.
    """
    with source.path.open("rb") as file:
        lines = _lines(file)
        read: Reader = _json
        filling = None
        if source.csv:
            filling = _FILLING
            _, head = next(lines, (1, None))
            read = _columns(head, known)
        for number, line in lines:
            if number <= after:
                continue
            if line is None:
                yield Record(line=number, values={}, unreadable="line-too-long")
            elif line.strip(filling):
                yield _record(number, line, read)


def _stamp(found: os.stat_result) -> Stamp:
    return found.st_ino, found.st_size, found.st_mtime_ns


def _lines(file: BinaryIO) -> Iterator[tuple[int, bytes | None]]:
    """Lines of a bearable length; None for the others, which are never in memory whole."""
    number = 0
    while line := file.readline(LONGEST_LINE):
        number += 1
        whole = line.endswith(b"\n") or len(line) < LONGEST_LINE
        while not line.endswith(b"\n") and len(line) == LONGEST_LINE:
            line = file.readline(LONGEST_LINE)
        yield number, line if whole else None


def _record(number: int, line: bytes, read: Reader) -> Record:
    values = read(line)
    if isinstance(values, str):
        return Record(line=number, values={}, unreadable=values)
    return Record(line=number, values=values)


def _json(line: bytes) -> Mapping[str, object] | str:
    try:
        values = msgspec.json.decode(line.removeprefix(_BOM))
    except UnicodeDecodeError:
        return "not-utf-8"
    except (msgspec.DecodeError, RecursionError):
        return "not-json"
    return values if isinstance(values, dict) else "not-an-object"


def _columns(head: bytes | None, known: Collection[str]) -> Reader:
    # What it names wrongly is told by its place: without a header, the first line is a person.
    text = (head or b"").removeprefix(_BOM).decode(errors="replace")
    delimiter = max(_DELIMITERS, key=text.count)
    cells = _cells(text, delimiter)
    if not cells:
        raise ImportFileError("the first line does not name fields")
    names = [name.strip() for name in cells]
    for place, name in enumerate(names, start=1):
        if name not in known:
            raise ImportFileError(f"the first line does not name fields: column {place} is none")
    if len(set(names)) < len(names):
        raise ImportFileError("the first line names a field twice")
    return lambda line: _row(line, names, delimiter)


def _row(line: bytes, names: Sequence[str], delimiter: str) -> Mapping[str, object] | str:
    try:
        cells = _cells(line.decode(), delimiter)
    except UnicodeDecodeError:
        return "not-utf-8"
    if cells is None:
        return "not-csv"
    return dict(zip(names, cells, strict=True)) if len(cells) == len(names) else "wrong-cells"


def _cells(line: str, delimiter: str) -> list[str] | None:
    try:
        return next(csv.reader([line], delimiter=delimiter, strict=True), None)
    except csv.Error:
        return None
