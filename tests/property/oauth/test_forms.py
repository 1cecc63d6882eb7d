"""A form is read as Python's own library reads it."""

from urllib.parse import parse_qsl

from hypothesis import example, given
from hypothesis import strategies as st

from api.oauth import parameters
from api.oauth.parameters import Parameters

PIECES = st.sampled_from(
    [
        "a",
        "b",
        "authorization_details",
        "=",
        "&",
        "%41",
        "%c3%a9",
        "%C3",
        "%",
        "%4",
        "+",
        "%2B",
        "é",
    ]
)


@given(st.lists(PIECES, max_size=24).map("".join))
@example("a=1&" * 63 + "a=1")
@example("a=b+a")
@example("a+b=a")
@example("&" * 63)
@example("&" * 64)
def test_a_form_says_what_the_library_reads_in_it(text):
    found = parameters.parse(text.encode())
    try:
        read = parse_qsl(
            text.encode().decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=parameters.FIELDS,
        )
    except ValueError:
        assert found.reason == "form-malformed"
        return
    if isinstance(found, Parameters):
        assert found.values == {name: value for name, value in read if value}
    else:
        assert found.reason in {"repeated", "characters"}
        names = [name for name, _ in read]
        assert (len(set(names)) < len(names)) == (found.reason == "repeated")
