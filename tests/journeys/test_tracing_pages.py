"""Who is behind an identifier, at the console: asked, shown masked, approved, broken open."""

import re

import pytest

FIELDS = {"programme": "amo-tadamon", "item": ["given_name", "birth_date"]}
CASE = "F-2026-0042"


@pytest.fixture(scope="module")
def operator(world, browse):
    return browse(world.console).sign_in(world.operator(), staff=True)


@pytest.fixture(scope="module")
def dpo(world, browse):
    return browse(world.console).sign_in(world.dpo(), staff=True)


@pytest.fixture(scope="module")
def controller(world, browse):
    return browse(world.console).sign_in(world.controller(), staff=True)


def said(page):
    return " ".join(page.text.split())


def proposal(identifiers, **change):
    return {
        "kind": "detokenise",
        "programme": "amo-tadamon",
        "purpose": "registers/fraud-case",
        "basis": "public-task",
        "citation": "Loi 72-18, art. 28",
        "case": CASE,
        "identifiers": identifiers,
        "days": "3",
        "embargo": "0",
    } | change


def test_an_operator_sees_a_masked_name_and_nothing_of_what_is_not_there(world, operator):
    answer = operator.post(
        "/en/trace", FIELDS | {"identifiers": f"{world.known}\npt1_nobody", "case": CASE}
    )

    assert answer.status == 200
    assert "too little to copy" in said(answer)
    assert "F. · F." not in said(answer)
    assert "ف. · F." in said(answer)
    assert "1971" in said(answer)
    assert "1971-03-02" not in said(answer)
    assert "Nothing is told of this identifier." in said(answer)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"programme": ""}, "programme"),
        ({"identifiers": " \n"}, "identifiers"),
        ({"identifiers": "\n".join(f"pt1_{n}" for n in range(6))}, "identifiers"),
        ({"item": []}, "item"),
        ({"item": ["income"]}, "item"),
        ({"case": ""}, "case"),
        ({"case": "C-2026-0042"}, "case"),
    ],
)
def test_a_form_that_asks_for_nothing_or_too_much_comes_back_with_its_faults(
    world, operator, change, field
):
    answer = operator.post(
        "/en/trace", FIELDS | {"identifiers": world.known, "case": CASE} | change
    )

    assert re.findall(r'<li><a href="#([^"]+)"', answer.body.decode()) == [field]
    assert "1971" not in answer.text


def test_the_dpo_traces_for_a_complaint_alone(world, dpo):
    fields = FIELDS | {"identifiers": world.known}
    assert "too little to copy" in said(dpo.post("/en/trace", fields | {"case": "C-2026-0007"}))
    assert "too little to copy" not in said(dpo.post("/en/trace", fields | {"case": CASE}))


def test_who_traces_nothing_sees_neither_the_form_nor_an_answer(world, controller, dpo):
    fields = FIELDS | {"identifiers": world.known, "case": CASE}
    for path in ("/en/trace", "/en/desk/emergency", "/en/proposals", "/en/proposals/new"):
        assert controller.get(path).status == 403
    assert controller.post("/en/trace", fields).status == 403
    assert controller.post("/en/proposals/new", proposal("pt1_a")).status == 403
    assert dpo.get("/en/desk/emergency").status == 403
    assert dpo.post("/en/desk/emergency", fields).status == 403


def test_whole_values_are_asked_for_approved_by_two_and_used_once(world, operator, dpo, controller):
    asked = operator.post(
        "/en/proposals/new", proposal(world.known, case="F-2026-0777", full="yes")
    )
    assert "Two officers are asked" in said(asked)
    waiting = dpo.get("/en/dpo/approvals").body.decode()
    section = next(each for each in waiting.split("<section") if "F-2026-0777" in each)
    (id_,) = set(re.findall(r"/dpo/approvals/([0-9a-f-]{36})", section))
    dpo.post(f"/en/dpo/approvals/{id_}", {"answer": "yes"})
    controller.post(f"/en/dpo/approvals/{id_}", {"answer": "yes"})

    form = operator.get(f"/en/trace?approval={id_}").body.decode()
    assert world.known in form
    assert 'value="F-2026-0777"' in form
    used = FIELDS | {"identifiers": world.known, "case": "F-2026-0777", "approval": id_}
    assert "1971-03-02" in operator.post("/en/trace", used).text
    again = operator.post("/en/trace", used)
    assert "1971-03-02" not in again.text
    assert "approval" in re.findall(r'<li><a href="#([^"]+)"', again.body.decode())


def test_a_proposal_that_no_rule_carries_comes_back_with_every_fault_at_its_field(operator):
    answer = operator.post(
        "/en/proposals/new",
        proposal("", kind="relink", citation=" ", case="because", embargo="0", days="400"),
    )
    assert re.findall(r'<li><a href="#([^"]+)"', answer.body.decode()) == ["days"]
    answer = operator.post(
        "/en/proposals/new", proposal("", kind="relink", citation=" ", case="because", embargo="0")
    )
    found = re.findall(r'<li><a href="#([^"]+)"', answer.body.decode())
    assert sorted(found) == ["case", "citation", "identifiers", "other"]


def test_an_approved_link_is_downloaded_sealed_or_nothing_is_linked(
    world, operator, dpo, controller
):
    fields = proposal(world.known, kind="relink", other="asd", case="F-2026-0888")
    operator.post("/en/proposals/new", fields)
    waiting = dpo.get("/en/dpo/approvals").body.decode()
    section = next(each for each in waiting.split("<section") if "F-2026-0888" in each)
    (id_,) = set(re.findall(r"/dpo/approvals/([0-9a-f-]{36})", section))
    early = operator.post(f"/en/proposals/{id_}/relink", {})
    assert early.status == 409
    for officer in (dpo, controller):
        officer.post(f"/en/dpo/approvals/{id_}", {"answer": "yes"})

    answer = operator.post(f"/en/proposals/{id_}/relink", {})
    # The other programme of this world has registered no key to seal for.
    assert answer.status == 409
    assert "Nothing was linked, and the approval stays" in said(answer)
    assert controller.post(f"/en/proposals/{id_}/relink", {}).status == 403


def test_breaking_the_glass_shows_one_person_whole_and_the_dpo_finds_it(world, operator, dpo):
    fields = FIELDS | {"identifiers": world.known, "case": "E-2026-0001"}
    refused = operator.post("/en/desk/emergency", fields)
    assert re.findall(r'<li><a href="#([^"]+)"', refused.body.decode()) == ["reason"]
    answer = operator.post("/en/desk/emergency", fields | {"reason": "danger-to-life"})

    assert "1971-03-02" in answer.text
    assert "has been alarmed" in said(answer)
    log = dpo.get("/en/dpo/log?action=break-glass")
    assert "Registration officer" in log.text
    assert "1 broken glass in the last 30 days" in said(dpo.get("/en/dpo"))
    two = operator.post(
        "/en/desk/emergency",
        fields | {"identifiers": f"{world.known}\npt1_x", "reason": "danger-to-life"},
    )
    assert "1971-03-02" not in two.text
