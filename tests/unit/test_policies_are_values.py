"""What policies pass around cannot be changed after it was decided."""

import importlib
import pkgutil

import msgspec
import pytest

import policies

STRUCTS = sorted(
    {
        value
        for found in pkgutil.iter_modules(policies.__path__)
        for value in vars(importlib.import_module(f"policies.{found.name}")).values()
        if isinstance(value, type) and issubclass(value, msgspec.Struct)
        if value.__module__.startswith("policies.")
    },
    key=lambda struct: struct.__qualname__,
)


@pytest.mark.parametrize("struct", STRUCTS, ids=lambda struct: struct.__qualname__)
def test_every_struct_is_frozen_and_built_by_name(struct):
    assert struct.__struct_config__.frozen
    assert struct.__match_args__ == ()


def test_there_are_structs_to_look_at():
    assert len(STRUCTS) > 30
