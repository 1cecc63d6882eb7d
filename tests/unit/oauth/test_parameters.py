import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.oauth import parameters
from api.oauth.errors import Denied
from api.oauth.parameters import FORM, Parameters


def reason(found):
    return found.reason if isinstance(found, Denied) else None


def test_a_form_is_read():
    found = parameters.of_form(f"{FORM}; charset=utf-8", "", b"grant_type=a&state=b+c%26")

    assert found == Parameters({"grant_type": "a", "state": "b c&"})


def test_a_parameter_without_a_value_was_left_out():
    assert parameters.parse(b"scope=&state") == Parameters({})


@pytest.mark.parametrize(
    ("media_type", "query", "body", "why"),
    [
        ("application/json", "", b"a=1", "not-a-form"),
        ("multipart/form-data; boundary=x", "", b"a=1", "not-a-form"),
        ("", "", b"a=1", "not-a-form"),
        (FORM, "code=1", b"a=1", "query"),
        (FORM, "", b"a=" + b"x" * parameters.FORM_BYTES, "form-too-large"),
        (FORM, "", b"a=1&a=1", "repeated"),
        (FORM, "", b"a=1&a=", "repeated"),
        (FORM, "", b"a=%00", "characters"),
        (FORM, "", b"a=%0a", "characters"),
        (FORM, "", b"a=%c3%a9", "characters"),
        (FORM, "", b"%c3%a9=a", "characters"),
        (FORM, "", b"a=%ff", "form-malformed"),
        (FORM, "", b"a=\xff", "form-malformed"),
        (FORM, "", b"&".join(b"a%d=1" % n for n in range(65)), "form-malformed"),
    ],
    ids=lambda it: str(it)[:30],
)
def test_a_form_with_one_defect_is_refused_for_it(media_type, query, body, why):
    assert reason(parameters.of_form(media_type, query, body)) == why


def test_json_may_hold_any_language():
    found = parameters.parse(b"authorization_details=%5B%22%C3%A9%22%5D")

    assert found.get("authorization_details") == '["é"]'


@given(st.binary(max_size=300))
def test_any_octets_are_parameters_or_a_reason(raw):
    assert isinstance(parameters.parse(raw), Parameters | Denied)
