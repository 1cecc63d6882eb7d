"""Pages over HTTP, without a browser: what is not there, not allowed or not understood."""

import re
import sqlite3
import urllib.error
import urllib.parse
import urllib.request
from contextlib import closing

import msgspec
import pytest

from api import lookups
from api.portal import keeping
from identity.login.rates import Limit
from vault import blind_index


@pytest.fixture
def stranger(world, browse):
    return browse(world.public)


@pytest.fixture(scope="module")
def citizen(world, browse):
    return browse(world.public).sign_in(world.citizen())


@pytest.fixture(scope="module")
def dpo(world, browse):
    return browse(world.console).sign_in(world.dpo(), staff=True)


@pytest.fixture(scope="module")
def operator(world, browse):
    return browse(world.console).sign_in(world.operator(), staff=True)


UNKNOWN = "01a20b95-ebcd-7722-a01e-98af91f53bf8"


@pytest.mark.parametrize(
    "path",
    [
        "/me", "/agreements", f"/agreements/{UNKNOWN}", "/agreements/by-law/asd/eligibility",
        "/history", f"/history/entry/{UNKNOWN}", f"/history/entry/{UNKNOWN}/proof",
        f"/history/entry/{UNKNOWN}/bundle", "/history/keep", "/history/keep/history",
        "/history/keep/receipt",
        f"/receipts/{UNKNOWN}", f"/receipts/{UNKNOWN}/signed", "/consent/unknown", "/lock",
        "/numbers", "/numbers/at/asd", "/erasure", "/sessions",
        "/recovery-codes",
    ],
)  # fmt: skip
def test_every_own_page_asks_a_stranger_to_sign_in(stranger, path):
    stranger.get(f"/fr{path}")
    assert urllib.parse.urlsplit(stranger.address).path == "/fr/sign-in"
    assert urllib.parse.parse_qs(urllib.parse.urlsplit(stranger.address).query)["next"] == [
        f"/fr{path}"
    ]


def test_strangers_at_the_door_do_not_keep_others_from_writing(world, stranger, browse):
    for _ in range(3):
        stranger.get("/fr/me")
        stranger.get("/xx/me")
    browse(world.public).sign_in(world.citizen())  # writes, on a store with one writer


@pytest.mark.parametrize(
    "path",
    [
        f"/agreements/{UNKNOWN}", f"/agreements/{UNKNOWN}/stop", f"/agreements/{UNKNOWN}/stopped",
        "/agreements/by-law/minhaty/scholarship", "/agreements/by-law/no/such",
        f"/history/entry/{UNKNOWN}", f"/history/entry/{UNKNOWN}/proof", "/history/entry/no-id",
        f"/history/entry/{UNKNOWN}/bundle",
        f"/receipts/{UNKNOWN}", f"/receipts/{UNKNOWN}/signed", "/numbers/at/asd",
        "/erasure/unknown", "/erasure/unknown/certificate",
    ],
)  # fmt: skip
def test_what_is_not_one_s_own_is_not_there(citizen, path):
    assert citizen.get(f"/en{path}").status == 404
    assert "does not exist" in citizen.text


def test_a_question_that_is_gone_says_that_nothing_was_shared(citizen):
    for path in ("", "/done"):
        assert citizen.get(f"/en/consent/unknown{path}").status == 410
        assert "Nothing was shared" in citizen.text
    assert citizen.post("/en/consent/unknown", {"answer": "agree"}).status == 410


@pytest.mark.parametrize("query", ["month=x", "month=2026-13", "who=them", "before=x", "month=-1"])
def test_a_history_asked_for_in_a_way_we_do_not_know_is_this_month_s(citizen, query):
    assert citizen.get(f"/en/history?{query}").status == 200


def test_a_month_without_a_look_says_so(citizen):
    citizen.get("/en/history?month=2001-01")
    assert "Nobody looked at your data this month" in citizen.text
    citizen.get("/en/history?month=2001-01&who=refused")
    assert "Nothing fits this choice" in citizen.text


def test_personal_pages_are_kept_by_nobody(citizen):
    for path in ("/en/me", "/en/history", "/en/agreements"):
        citizen.get(path)
        assert citizen.headers["Cache-Control"] == "no-store"
        assert "default-src 'none'" in citizen.headers["Content-Security-Policy"]


def test_a_form_that_another_site_sent_changes_nothing(citizen):
    sent = citizen.post("/en/lock", {"answer": "lock"}, **{"Sec-Fetch-Site": "cross-site"})
    assert sent.status == 403
    assert "Your record is open" in citizen.get("/en/lock").text


def test_a_lock_and_its_opening_are_in_the_history_once_each(citizen):
    for answer in ("lock", "lock", "unlock", "unlock"):
        citizen.post("/en/lock", {"answer": answer})
    seen = citizen.get("/en/history?who=me").text
    assert seen.count("Objection or lock taken back") == 1
    assert seen.count("Objection or lock") == 2


def test_a_button_we_do_not_know_changes_nothing(citizen):
    assert "Your record is open" in citizen.post("/en/lock", {"answer": "smash"}).text
    path = "/en/agreements/by-law/asd/eligibility"
    assert "You object" not in citizen.post(path, {"answer": "smash"}).text


def test_one_who_is_not_of_age_is_told_so_and_gives_nothing(world, browse):
    minor = browse(world.public).sign_in(world.minor)
    minor.get(world.asks("eligibility", "phone").removeprefix(world.public))
    asked = urllib.parse.urlsplit(minor.address).path
    minor.get("/en" + asked.partition("/consent")[1] + asked.partition("/consent")[2])
    notice = re.search(r'name="notice" value="([0-9a-f]+)"', minor.body.decode()).group(1)
    path = "/en/consent" + asked.partition("/consent")[2]
    minor.post(path, {"answer": "agree", "item": "phone", "notice": notice})
    assert minor.status == 422
    assert "not of age" in minor.text
    assert re.search(r'value="phone" checked', minor.body.decode())  # what was ticked is kept
    assert minor.post(path, {"answer": "neither", "notice": notice}).status == 422
    assert "You have given no agreement" in minor.get("/en/agreements").text


def test_more_than_was_asked_cannot_be_agreed_to(world, browse):
    person = browse(world.public).sign_in(world.citizen())
    person.get(world.asks("eligibility").removeprefix(world.public))
    asked = urllib.parse.urlsplit(person.address).path
    notice = re.search(r'name="notice" value="([0-9a-f]+)"', person.body.decode()).group(1)
    person.post(asked, {"answer": "agree", "item": ["phone", "address"], "notice": notice})
    assert person.status == 422


def test_what_a_programme_s_name_holds_is_never_markup(citizen):
    assert b"<script" not in citizen.get("/en/agreements").body


def test_wrong_codes_are_counted_and_then_the_password_is_asked_again(world, browse):
    account = world.citizen()
    person = browse(world.public)
    person.get("/en/sign-in")
    person.post("/en/sign-in", {"identifier": account.identifier, "password": account.password})
    for _ in range(8):
        person.post("/en/sign-in/code", {"code": "000000"})
        if person.address.endswith("reason=again"):
            break
        assert "not right" in person.text or "Too many attempts" in person.text
    assert "That attempt has expired" in person.text or "Too many attempts" in person.text


@pytest.mark.parametrize(
    ("query", "field"),
    [("since=yesterday", "since"), ("until=9999-12-31", "until"), ("since=0001-01-01", "since")],
)
def test_a_day_that_no_log_holds_is_pointed_out(dpo, query, field):
    assert dpo.get(f"/en/dpo/log?{query}").status == 200
    assert "This date is not understood" in dpo.text
    assert f'href="#{field}"' in dpo.body.decode()


def test_a_search_finds_by_every_condition_and_goes_on(dpo):
    dpo.get(
        "/en/dpo/log?since=2026-01-01&until=2190-01-01&actor=citizen:self&action=sign-in"
        "&outcome=given&purpose=nonsense"
    )
    assert "The person concerned" in dpo.text
    more = "/en/dpo/log"
    for _ in range(3):
        dpo.get(more)
        found = re.search(r'href="(/en/dpo/log\?[^"]*before=[^"]*)"', dpo.body.decode())
        if found is None:
            break
        more = found.group(1).replace("&amp;", "&")
    assert dpo.status == 200


def test_an_entry_that_is_not_there_is_not_there(dpo):
    assert dpo.get(f"/en/dpo/log/{UNKNOWN}").status == 404
    assert dpo.post(f"/en/dpo/log/{UNKNOWN}", {"reason": "sampling"}).status == 404


def test_the_search_itself_is_a_line_without_what_was_typed(dpo):
    dpo.get("/en/dpo/log?actor=programme:Fatima+El+Alaoui")
    dpo.get("/en/dpo/log?action=review")
    assert "Review of the access log" in dpo.text
    assert "Fatima" not in dpo.text


def test_each_role_is_kept_to_its_own(dpo, operator):
    for path in ("/en/desk", "/en/desk/person/new"):
        assert dpo.get(path).status == 403
        assert "not among your duties" in dpo.text
    for path in ("/en/dpo", "/en/dpo/log", "/en/dpo/integrity", f"/en/dpo/log/{UNKNOWN}"):
        assert operator.get(path).status == 403
    assert operator.post("/en/dpo/integrity", {}).status == 403
    for reason in ("", "complaint"):
        data = {"reason": reason, "case": "x"}
        assert operator.post(f"/en/dpo/log/{UNKNOWN}", data).status == 403
    assert dpo.post("/en/desk/person/new", {"step": "register"}).status == 403


def test_a_whole_history_is_had_some_times_a_day(world, browse, monkeypatch):
    monkeypatch.setattr(keeping, "HISTORIES_A_DAY", 2)
    someone = browse(world.public).sign_in(world.citizen())
    statuses = [someone.get("/en/history/keep/history").status for _ in range(3)]
    assert statuses == [200, 200, 429]
    assert 3600 < int(someone.headers["retry-after"]) <= 86_400
    assert "Too many requests in a short time" in someone.text


def test_a_verification_that_comes_to_no_end_says_so(world, dpo):
    with closing(sqlite3.connect(world.store, timeout=20)) as store:
        store.execute("ALTER TABLE day_map RENAME TO day_map_elsewhere")
        try:
            dpo.post("/en/dpo/integrity", {})
            assert (
                "The check stopped before its end"
                in dpo.until("/en/dpo/integrity", "The check stopped").text
            )
        finally:
            store.execute("ALTER TABLE day_map_elsewhere RENAME TO day_map")
    dpo.post("/en/dpo/integrity", {})
    assert "The log is whole" in dpo.until("/en/dpo/integrity", "The log is whole").text


def test_the_front_page_of_the_console_is_that_of_one_s_duties(dpo, operator):
    assert dpo.get("/en").address.endswith("/en/dpo")
    assert operator.get("/en").address.endswith("/en/desk")


def test_a_form_sent_back_keeps_what_was_typed(operator):
    typed = {"given_name_ar": "يوسف", "birth_date": "2190-01-01", "witnesses": "1"}
    operator.post("/en/desk/person/new", typed)
    assert operator.status == 200
    html = operator.body.decode()
    for value in typed.values():
        assert f'value="{value}"' in html
    assert "This date is in the future" in operator.text
    assert "<title>Error:" in html


def test_the_same_document_is_the_same_person(operator, world):
    person = {
        "given_name_ar": "كريم", "given_name_latin": "Karim", "family_name_ar": "التازي",
        "family_name_latin": "Tazi", "sex": "M", "birth_date": "1979-09-09",
        "nationality": "MAR", "document_kind": "cnie", "document_number": "QA778899",
        "file": "G-7", "step": "register",
    }  # fmt: skip
    assert operator.post("/en/desk/person/new", person).status == 201
    operator.post("/en/desk/person/new", person | {"distinct": "x y", "step": "distinct"})
    assert "it cannot be someone else" in operator.text
    assert "Someone else: register" not in operator.text
    back = operator.post("/en/desk/person/new", person | {"step": "change"})
    assert 'value="QA778899"' in back.body.decode()


def test_threat_26_who_is_found_by_a_collision_alone_is_shown_to_nobody(operator, monkeypatch):
    # Tags of no bits: everyone who is registered meanwhile collides with everyone.
    short = msgspec.structs.replace(blind_index.KINDS["person"], bits=0)
    monkeypatch.setattr(blind_index, "KINDS", {**blind_index.KINDS, "person": short})
    for given, born in (("Zineb", "1981-01-01"), ("Karim", "1982-02-02"), ("Zineb", "1981-01-01")):
        person = {
            "given_name_ar": "زينب" if given == "Zineb" else "كريم", "given_name_latin": given,
            "family_name_ar": "الوزاني", "family_name_latin": "Ouazzani", "sex": "F",
            "birth_date": born, "nationality": "MAR", "civil_registry": "1/2", "file": "G-8",
            "step": "register",
        }  # fmt: skip
        answer = operator.post("/en/desk/person/new", person)
        if born == "1982-02-02":
            assert "Zineb" not in operator.text
    # Of the two who collide, the one who is alike is shown.
    assert answer.status == 200
    assert "1981-01-01" in operator.text
    assert "1982-02-02" not in operator.text


def test_threat_20_a_desk_that_looks_for_too_many_is_slowed(operator, monkeypatch):
    monkeypatch.setattr(lookups, "OF_ONE_PERSON", Limit(times=1, seconds=3))
    person = {
        "given_name_ar": "هشام", "given_name_latin": "Hicham", "family_name_ar": "البقالي",
        "family_name_latin": "Bakkali", "sex": "M", "birth_date": "1971-07-07",
        "nationality": "MAR", "civil_registry": "1/3", "file": "G-9", "step": "register",
    }  # fmt: skip
    statuses = [operator.post("/en/desk/person/new", person).status for _ in range(2)]
    assert statuses[-1] == 429


def test_staff_are_told_nothing_about_which_part_was_wrong(world, browse):
    account = world.dpo()
    seen = set()
    for name, password in ((account.identifier, "wrong"), ("nobody", account.password)):
        visitor = browse(world.console)
        visitor.get("/en/sign-in")
        visitor.post("/en/sign-in", {"identifier": name, "password": password, "code": "123456"})
        seen.add(visitor.text.replace(name, ""))
    visitor.post("/en/sign-in", {"identifier": "x"})
    assert "Enter your password" in visitor.text
    assert len({re.sub("[0-9a-f]{64,}", "", each) for each in seen}) == 1
