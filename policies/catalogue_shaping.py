"""A TOML value → a struct, field by field, so that one problem does not hide the next."""

import types
from collections.abc import Iterator
from typing import Any, Union, get_args, get_origin

import msgspec

from policies.catalogue_lines import CatalogueProblem, Path, Place


def shaped(value: Any, shape: type[msgspec.Struct], place: Place) -> Any:
    """The value as a struct of that shape, or the list of every problem with it."""
    shaper = _Shaper(place=place, problems=[])
    struct = shaper.struct(value, shape, ())
    return shaper.problems or struct


class _Shaper(msgspec.Struct, frozen=True, kw_only=True):
    place: Place
    problems: list[CatalogueProblem]

    def struct(self, value: Any, shape: type[msgspec.Struct], path: Path) -> Any:
        """A table as a struct; None, and its problems noted, if it is not one."""
        if not isinstance(value, dict):
            return self._wrong("expected a table", path)
        fields = {field.name: field for field in msgspec.structs.fields(shape)}
        for unknown in value.keys() - fields.keys():
            self._wrong(f"unknown key `{unknown}`", (*path, unknown))
        parts = {}
        for name, field in fields.items():
            if name in value:
                parts[name] = self._value(value[name], field.type, (*path, name))
            elif field.required:
                self._wrong(f"`{name}` is missing", path)
        return None if self.problems else shape(**parts)

    def _value(self, value: Any, kind: Any, path: Path) -> Any:
        if get_origin(kind) in {Union, types.UnionType}:
            # TOML has no null: what is written is the part that is not None.
            kind = next(each for each in get_args(kind) if each is not types.NoneType)
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            return self.struct(value, kind, path)
        match get_origin(kind), value:
            case type() as origin, list() if origin is tuple:
                return tuple(self._items(value, get_args(kind)[0], path))
            case type() as origin, dict() if origin is dict:
                return dict(self._entries(value, get_args(kind), path))
            case _:
                return self._scalar(value, kind, path)

    def _items(self, value: list[Any], kind: Any, path: Path) -> Iterator[Any]:
        for position, item in enumerate(value):
            yield self._value(item, kind, (*path, str(position)))

    def _entries(
        self, value: dict[str, Any], kinds: tuple[Any, ...], path: Path
    ) -> Iterator[tuple[Any, Any]]:
        for name, item in value.items():
            deeper = (*path, name)
            yield self._value(name, kinds[0], deeper), self._value(item, kinds[1], deeper)

    def _scalar(self, value: Any, kind: Any, path: Path) -> Any:
        try:
            return msgspec.convert(value, kind)
        except msgspec.ValidationError as wrong:
            return self._wrong(str(wrong), path)

    def _wrong(self, message: str, path: Path) -> None:
        self.problems.append(self.place.problem(message, *path))
