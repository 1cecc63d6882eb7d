"""Four eyes at the console: who sees what waits, who may answer, what becomes of it."""

import pytest

UNKNOWN = "01a20b95-ebcd-7722-a01e-98af91f53bf8"
LIST = "/en/dpo/approvals"


@pytest.fixture(scope="module")
def dpo(world, browse):
    return browse(world.console).sign_in(world.dpo(), staff=True)


@pytest.fixture(scope="module")
def controller(world, browse):
    return browse(world.console).sign_in(world.controller(), staff=True)


def test_the_controller_s_front_page_is_what_waits_for_them(world, controller):
    controller.get("/en")

    assert controller.address.endswith(LIST)
    assert "F-2026-0002" in controller.text
    assert "About 2 people" in " ".join(controller.text.split())
    assert "operator-0" not in controller.text
    assert controller.get("/en/dpo/log").status == 403


def test_two_roles_approve_and_the_third_answer_comes_too_late(world, dpo, controller):
    address = f"{LIST}/{world.proposals[0]}"

    assert "Another one is needed" in dpo.get(LIST).post(address, {"answer": "yes"}).text
    assert "could not be given" in dpo.post(address, {"answer": "yes"}).text
    assert "may be used once" in controller.get(LIST).post(address, {"answer": "yes"}).text
    assert "could not be given" in controller.post(address, {"answer": "yes"}).text


def test_a_no_needs_a_reason_and_ends_it(world, controller):
    address = f"{LIST}/{world.proposals[1]}"

    controller.get(LIST)
    for nothing in ("", "because"):
        page = controller.post(address, {"answer": nothing})
        assert "Choose an answer" in page.text
        assert f'href="#answer-{world.proposals[1]}"' in page.body.decode()
    assert "It is refused" in controller.post(address, {"answer": "too-wide"}).text
    assert controller.post(f"{LIST}/{UNKNOWN}", {"answer": "yes"}).status == 404


def test_who_may_not_approve_neither_sees_nor_answers(world, browse):
    operator = browse(world.console).sign_in(world.operator(), staff=True)

    assert operator.get(LIST).status == 403
    answered = operator.post(f"{LIST}/{world.proposals[2]}", {"answer": "yes"})
    assert answered.status == 403
