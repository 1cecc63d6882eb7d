"""A Permit opens sealed attributes: it is made in one place, by a decision."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROOMS = ("policies", "vault", "consent", "identity", "api")


def _calls(name: str) -> set[str]:
    return {
        str(path.relative_to(ROOT))
        for room in ROOMS
        for path in (ROOT / room).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == name
    }


def test_permits_are_minted_in_one_place():
    assert _calls("Permit") == {"policies/disclosure.py"}


def test_refusals_are_decided_in_one_place():
    assert _calls("Refusal") == {"policies/disclosure.py"}


def test_a_permit_is_not_copied_with_changes():
    replaced = {
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for room in ROOMS
        for path in (ROOT / room).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func).endswith(("structs.replace", "structs.force_setattr"))
        and node.args
        and ast.unparse(node.args[0]).split(".")[-1] in {"permit", "refusal"}
    }

    assert replaced == set()


def test_nothing_decodes_a_permit_from_outside():
    # msgspec could build one from bytes without a call that the tests above would see.
    decoded = {
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for room in ROOMS
        for path in (ROOT / room).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func).split(".")[-1] in {"convert", "decode", "Decoder"}
        and any("Permit" in ast.unparse(each) for each in [*node.args, *node.keywords])
    }

    assert decoded == set()
