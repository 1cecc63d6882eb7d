"""Pages as they are written: no inline style or script, and every word has its catalogue entry."""

import re
from pathlib import Path

import pytest

from api import i18n, rendering
from identity.registry import fields
from policies.consent import ConsentReason
from policies.reasons import Reason
from policies.staff import Role
from policies.vocabulary import Action, GrantState, Language, LegalBasis, Outcome

FOLDERS = [rendering.TEMPLATES / name for name in ("portal", "console")]
TEMPLATES = sorted(
    [path for folder in FOLDERS for path in folder.glob("*.html")]
    + [rendering.TEMPLATES / f"{name}.html" for name in ("layout", "components", "icons", "marks")]
)
CODE = sorted(
    path
    for name in ("portal", "console")
    for path in (rendering.TEMPLATES.parent / name).glob("*.py")
) + [rendering.TEMPLATES.parent / f"{name}.py" for name in ("fronts", "wording", "i18n")]
KEYS = {
    message.id[0] if isinstance(message.id, tuple) else message.id
    for message in i18n.catalogue(Language.EN)
    if message.id
}
FIRSTS = {key.partition(".")[0] for key in KEYS}
LITERAL = re.compile(r"""["']([a-z_]+(?:\.[A-Za-z0-9_-]+)+\.?)["']""")
PIECED = re.compile(r"""["']([a-z_]+\.(?:[a-z_.-]+\.)?)["']\s*~|f"([a-z_]+(?:\.[a-z_-]+)*\.)\{""")
BY_CODE = re.compile(r"""(?:one_of|key_of)\(["']([a-z_.]+)["']""")
PASSKEYS = """<script type="module" src="{{ asset('passkey.js') }}"></script>"""


def named(path: Path) -> set[str]:
    """Keys that a file spells out."""
    return {
        key
        for key in LITERAL.findall(path.read_text())
        if key.partition(".")[0] in FIRSTS
        and (key in KEYS or f"{key}." not in prefixes(path))
        and not key.endswith((".html", ".svg", ".css", ".js", "."))
    }


def prefixes(path: Path) -> set[str]:
    """Beginnings of keys that a file completes with a code."""
    text = path.read_text()
    pieced = {one or other for one, other in PIECED.findall(text)}
    return pieced | {f"{prefix}." for prefix in BY_CODE.findall(text)}


def test_every_word_a_page_names_is_in_the_catalogues():
    missing = {key: path.name for path in TEMPLATES + CODE for key in named(path) - KEYS}
    assert missing == {}


def test_every_word_in_the_catalogues_is_on_a_page():
    files = TEMPLATES + CODE
    spelled = set().union(*map(named, files))
    begun = tuple(set().union(*map(prefixes, files)))
    suffixed = {f"{key}{end}" for key in spelled | KEYS for end in (".more", ".console", ".portal")}
    idle = {key for key in KEYS - spelled if not key.startswith(begun) and key not in suffixed}
    assert idle == set()


@pytest.mark.parametrize(
    ("prefix", "codes"),
    [
        ("action", Action),
        ("outcome", Outcome),
        ("reason", Reason),
        ("legal", LegalBasis),
        ("who", Role),
    ],
)
def test_every_code_has_words_of_its_own(prefix, codes):
    assert {f"{prefix}.{code}" for code in codes} - KEYS == set()


def test_whatever_is_wrong_with_a_field_of_the_desk_has_words():
    elsewhere = {"unknown-field", "not-text", "not-a-choice"}  # a form cannot send these
    elsewhere |= {"unknown-status", "unknown-region", "not-an-email"}  # no such fields here
    assert {f"person.problem.{code}" for code in fields.REASONS - elsewhere} - KEYS == set()


def test_whatever_keeps_a_consent_from_being_given_has_words():
    known = {f"cannot.{reason}" for reason in ConsentReason}
    ours = {"cannot.item-not-offered", "cannot.required-item-missing"}  # no form of ours sends it
    assert known - ours - KEYS == set()


def test_every_state_a_person_can_meet_has_words():
    unmet = {GrantState.REQUESTED, GrantState.DEFERRED, GrantState.UNKNOWN}
    unmet |= {GrantState.REVOKED, GrantState.INVALIDATED}
    assert {f"state.{state}" for state in set(GrantState) - unmet} - KEYS == set()


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_nothing_is_inline_and_nothing_is_unescaped(path):
    # The portal's one script, from our own origin; every page works without it.
    text = path.read_text().replace(PASSKEYS, "")
    assert not re.search(r"<style|<script|\sstyle=|\son[a-z]+=|javascript:|\|\s*safe", text)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_nothing_comes_from_another_site(path):
    addresses = re.findall(r'(?:href|src|action)="(?!\{\{|#|/)([^"]+)"', path.read_text())
    assert addresses == []


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_every_form_that_changes_something_carries_the_token(path):
    for form in re.findall(r'<form method="post".*?</form>', path.read_text(), re.DOTALL):
        assert "token()" in form or "_csrf_token" in form


def test_no_page_says_a_word_outside_the_catalogues():
    """Text between tags is an expression; what is left is marks, not words."""
    for path in TEMPLATES:
        text = re.sub(
            r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}|<[^>]*>", " ", path.read_text(), flags=re.DOTALL
        )
        text = text.replace("amana log verify", "")
        assert not re.search(r"[A-Za-z\u0600-\u06ff]{2,}", text), path.name
