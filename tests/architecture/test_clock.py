"""One clock, one reader of the environment: an instant and a setting are arguments elsewhere."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROOMS = ("policies", "vault", "consent", "identity", "api")

CLOCK = {"vault/database.py"}
STRANGERS = {"api/client/dpop.py", "api/witness/app.py"}
"""A programme's client and a witness run on other machines: they have clocks of their own."""
ENVIRONMENT = {"api/settings.py"}

CLOCKS = ("datetime.now", "datetime.utcnow", "date.today", "time.time", "time.time_ns", "gmtime")
VARIABLES = ("os.environ", "os.getenv", "os.environb", "environ.get")


def _using(endings: tuple[str, ...]) -> set[str]:
    return {
        str(path.relative_to(ROOT))
        for room in ROOMS
        for path in (ROOT / room).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and ast.unparse(node).endswith(endings)
    }


def _importing(module: str, *names: str) -> set[str]:
    return {
        str(path.relative_to(ROOT))
        for room in ROOMS
        for path in (ROOT / room).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom)
        and node.module == module
        and {each.name for each in node.names} & set(names)
    }


def test_there_is_one_clock():
    assert _using(CLOCKS) == CLOCK | STRANGERS
    assert _importing("time", "time", "time_ns", "localtime", "gmtime") == set()


def test_the_environment_is_read_in_one_place():
    assert _using(VARIABLES) == ENVIRONMENT
    assert _importing("os", "environ", "getenv") == set()
