"""A page is read as a person without scripts reads it."""

import pytest

from api.walk import pages

PAGE = """<!doctype html><html><head><title>A  title</title><style>p { }</style></head><body>
<a href="/en/history/entry/1">one</a> <a href="/en/history/entry/1">again</a> <a name="x">no</a>
<form method="post" action="/en/consent/7"><input type="hidden" name="_csrf_token" value="t">
<input type="checkbox" name="item" value="phone"><input type="checkbox" name="item" value="address">
<label>Words <b>of a label</b></label><input name="note" value="as it is">
<select name="reason"><option value="">Choose</option><option value="complaint">C</option></select>
<button name="answer" value="agree">Yes</button><button name="answer" value="refuse">No</button>
</form><form action="/search"><input name="q"></form></body></html>"""


@pytest.fixture
def page():
    return pages.read(PAGE)


def test_title_words_and_links_are_read(page):
    assert page.title == "A title"
    assert "Words of a label" in page.words
    assert "p { }" not in page.words
    assert page.linking("/history/entry/") == ["/en/history/entry/1"]


def test_a_form_is_found_by_what_it_asks(page):
    assert page.form("item", "answer").action == "/en/consent/7"
    assert page.form("q").method == "get"
    assert page.form("password") is None


def test_nothing_is_sent_that_was_not_chosen(page):
    sent = page.form("item").filled(answer="agree")

    assert sent == {"_csrf_token": ["t"], "note": ["as it is"], "answer": ["agree"]}


def test_what_is_chosen_is_sent(page):
    sent = page.form("item").filled(item=["address"], reason="complaint", answer="agree")

    assert sent["item"] == ["address"]
    assert sent["reason"] == ["complaint"]


def test_the_empty_choice_is_no_offer(page):
    assert page.form("reason").offers("reason") == ["complaint"]
    assert page.form("answer").offers("answer") == ["agree", "refuse"]
