"""What the documentation points at is there: files, folders, commands, make targets."""

import re
from pathlib import Path

import click
import pytest

from api.cli import main

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
TOP = ("policies", "vault", "consent", "identity", "api", "tests", "docs", ".ci")
ADR_LINES = 40


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _code(page: Path) -> list[str]:
    text = page.read_text()
    blocks = re.findall(r"^```(?:sh|bash|console)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [*re.findall(r"`([^`\n]+)`", text), *"\n".join(blocks).splitlines()]


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_a_linked_file_exists(page):
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text())
    here = {link for link in links if "://" not in link and not link.startswith("mailto:")}

    assert {link for link in here if not (page.parent / link).exists()} == set()


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_a_path_that_is_named_exists(page):
    named = {
        part
        for code in _code(page)
        for part in re.findall(r"(?<![\w/])(?:\.?\w+/)[\w./-]*\w(?:\.\w+)?", code)
        if part.partition("/")[0] in TOP
    }

    assert {each for each in named if not (ROOT / each.rstrip("/.")).exists()} == set()


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_a_command_that_is_named_exists(page):
    named = [code for code in _code(page) if re.match(r"^(\$ )?(\S+/)?amana [a-z]", code)]

    assert [each for each in named if not _known(each.partition("amana ")[2].split())] == []


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_a_make_target_that_is_named_exists(page):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {
        target for code in _code(page) for target in re.findall(r"^(?:\$ )?make ([a-z-]+)", code)
    }

    assert named - targets == set()


@pytest.mark.parametrize("page", sorted((ROOT / "docs" / "adr").glob("0*.md")), ids=_name)
def test_a_decision_fits_on_a_page_and_says_what_would_change_our_mind(page):
    text = page.read_text()

    assert len(text.splitlines()) <= ADR_LINES
    for part in ("## Context", "## Decision", "## Consequences", "## What would change our mind"):
        assert part in text


def _known(words: list[str]) -> bool:
    """Whether the words lead through groups to a command."""
    command: click.Command = main
    context = click.Context(main)
    for word in words:
        if not isinstance(command, click.Group):
            break
        found = command.get_command(context, word)
        if found is None:
            # A group may have options of its own (`amana demo --reset`).
            return word.startswith("-") and command is not main
        command = found
    return True


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_a_test_that_is_named_exists(page):
    named = set(re.findall(r"`(test_[a-z0-9_]+)`", page.read_text()))
    tests = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("*.py"))

    assert {each for each in named if f"def {each}(" not in tests} == set()
