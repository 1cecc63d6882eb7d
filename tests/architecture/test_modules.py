"""Every module says what it promises, is short enough to read, and imports nothing it must not."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("policies", "vault", "consent", "identity", "api")
MODULES = sorted(
    path for room in ROOMS for path in (ROOT / room).rglob("*.py") if "versions" not in path.parts
)
TESTS = sorted((ROOT / "tests").rglob("*.py"))
LINES = 400
ONE_FILE = {ROOT / "api" / "verifier" / "amana_verify.py": 600}
"""Whoever checks us reads and runs this file alone: it cannot be cut into two."""

PURE = {
    "ast", "base64", "bisect", "collections", "dataclasses", "datetime", "decimal", "enum",
    "functools", "hashlib", "heapq", "hmac", "importlib", "itertools", "math", "operator", "re",
    "string", "struct", "textwrap", "tomllib", "types", "typing", "unicodedata", "uuid",
    "zoneinfo", "msgspec", "policies",
}  # fmt: skip
"""What `policies` may import: nothing that reads, writes, waits or draws lots."""

IMPURE_CALLS = {"open", "print", "input", "exec", "eval", "__import__"}


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _imports(tree: ast.AST) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                found |= {each.name.partition(".")[0] for each in names}
            case ast.ImportFrom(module=str(module), level=0):
                found.add(module.partition(".")[0])
    return found


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_a_module_says_what_it_promises(path):
    first = (ast.get_docstring(ast.parse(path.read_text())) or "").partition("\n")[0]

    assert first, "no docstring"
    assert first.endswith((".", "?")), "the first line is a sentence"


@pytest.mark.parametrize("path", [*MODULES, *TESTS], ids=_name)
def test_a_file_is_short_enough_to_read(path):
    assert len(path.read_text().splitlines()) <= ONE_FILE.get(path, LINES)


@pytest.mark.parametrize("path", sorted((ROOT / "policies").rglob("*.py")), ids=_name)
def test_policies_decide_and_do_nothing_else(path):
    tree = ast.parse(path.read_text())
    called = {
        node.func.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }

    assert _imports(tree) <= PURE
    assert not called & IMPURE_CALLS
    assert not any(isinstance(node, ast.AsyncFunctionDef) for node in ast.walk(tree))


def test_no_module_of_the_house_imports_a_test_or_a_development_tool():
    tools = {"tests", "pytest", "hypothesis", "playwright", "psycopg", "yaml", "coverage"}

    assert {
        _name(path) for path in MODULES if _imports(ast.parse(path.read_text())) & tools
    } == set()


@pytest.mark.parametrize("stranger", ["walk", "client"])
def test_a_stranger_shares_no_code_with_the_service(stranger):
    imported = {
        node.module
        for path in (ROOT / "api" / stranger).glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom)
        and node.module
        and node.module.partition(".")[0] in ROOMS
    }

    allowed = {"walk": {"api.walk", "api.client"}, "client": {"api.client"}}[stranger]
    assert {".".join(module.split(".")[:2]) for module in imported} <= allowed


def test_a_witness_shares_only_notes_the_arithmetic_of_trees_and_how_files_last():
    imported = {
        f"{node.module}.{each.name}"
        for path in (ROOT / "api" / "witness").glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom)
        and node.module
        and node.module.partition(".")[0] in ROOMS
        for each in node.names
    }
    ours = ("api.witness.", "api.durable", "vault.log_note", "vault.merkle")

    assert {name for name in imported if not name.startswith(ours)} == set()
    for shared in ("vault/log_note", "vault/merkle", "api/durable"):
        assert not _imports(ast.parse((ROOT / f"{shared}.py").read_text())) & set(ROOMS)
