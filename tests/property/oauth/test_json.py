"""JSON is read as Python's own library reads it, and never where a member repeats."""

import json

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st

from api.oauth import strict_json

SPACE = st.sampled_from(["", "", "", " ", "\n", "\t "])
NAME = st.sampled_from(['"a"', '"b"', r'"\u0061"', '"é"', r'"\ud800"', '""'])
LEAF = st.one_of(
    NAME,
    st.sampled_from(["null", "true", "1", "1.0", "-0.0", "1e400", "9" * 30, "NaN", "Infinity"]),
)


def listed(inner):
    return st.lists(inner, max_size=3).map(lambda each: f"[{','.join(each)}]")


def members(inner):
    pair = st.tuples(NAME, SPACE, inner).map(lambda it: f"{it[0]}:{it[1]}{it[2]}")
    return st.lists(pair, max_size=4).map(lambda each: f"{{{','.join(each)}}}")


TEXT = st.tuples(SPACE, st.recursive(LEAF, lambda inner: listed(inner) | members(inner)), SPACE)


def each_once(pairs):
    if len(dict(pairs)) < len(pairs):
        raise ValueError
    return dict(pairs)


def by_python(text):
    try:
        return json.loads(text, object_pairs_hook=each_once)
    except ValueError:
        return None


def by_msgspec(text):
    try:
        return msgspec.json.decode(text)
    except (msgspec.MsgspecError, ValueError):
        return None


@given(TEXT.map("".join))
@example('{"a":1,"a":1}')
@example('{"a":1,"\\u0061":2}')
@example('{"b":{"a":1,"a":1}}')
@example('[{"a":1},{"a":1}]')
def test_a_text_says_what_both_libraries_read_in_it_and_each_member_once(text):
    read = by_msgspec(text)

    assert strict_json.document(text.encode()) == (None if read is None else by_python(text))
