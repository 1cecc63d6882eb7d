"""Where a key is written is found, whatever else looks like one."""

import tomllib

from policies.catalogue_lines import Place, lines_of

TEXT = """\
# a comment
top = 1

[purpose."social/health"]  # after a header
title.ar = "ا"
title.fr = 'b'
covers = [
  "a",
  ["b"],
]
note = '''
[purpose.fake]
ghost = 2
'''
kind = 3

[[basis]]
kind = "law"

[[basis]]
kind = "consent"
"""
LINES = lines_of(TEXT, tomllib.loads(TEXT))


def test_a_key_is_found_where_it_is_written():
    assert LINES["top",] == 2
    assert LINES["purpose", "social/health"] == 4
    assert LINES["purpose", "social/health", "title", "fr"] == 6


def test_a_dotted_key_begins_where_its_first_part_is_written():
    assert LINES["purpose", "social/health", "title"] == 5


def test_what_stands_inside_a_text_is_neither_table_nor_key():
    assert ("purpose", "fake") not in LINES
    assert not any("ghost" in path for path in LINES)


def test_elements_of_an_array_of_tables_are_counted():
    assert LINES["basis", "0", "kind"] == 18
    assert LINES["basis", "1", "kind"] == 21


def test_a_problem_is_told_at_the_nearest_key_that_is_written():
    place = Place(file="a.toml", path=("purpose", "social/health"), lines=LINES)

    assert place.problem("x", "title", "en").line == 5
    assert place.problem("x", "sentence").line == 4


def test_a_problem_above_every_written_key_is_told_at_the_first_line():
    assert Place(file="a.toml", path=("other",), lines=LINES).problem("x").line == 1
