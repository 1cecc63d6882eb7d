import pytest

from identity.registry import import_lines, person
from identity.registry.import_lines import ImportFileError

HEAD = b"sex,birth_date\n"


@pytest.fixture
def file(tmp_path):
    """Makes a file."""

    def make(content, name="people.jsonl"):
        (tmp_path / name).write_bytes(content)
        return tmp_path / name

    return make


@pytest.fixture
def read(file):
    """The records of a content: line, values or the reason why there are none."""

    def records(content, name="people.jsonl", **options):
        source = import_lines.source(file(content, name))
        found = import_lines.records(source, person.FIELDS, **options)
        return [(each.line, each.unreadable or dict(each.values)) for each in found]

    return records


def test_every_line_of_json_is_a_record_and_blank_lines_are_none(read):
    assert read(b'{"a": 1}\n\n   \r\n{"b": []}') == [(1, {"a": 1}), (4, {"b": []})]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", "not-json"),
        (b"[1, 2]", "not-an-object"),
        (b'"a"', "not-an-object"),
        (b"null", "not-an-object"),
        (b"[" * 50_000, "not-json"),
        (b'{"a": NaN}', "not-json"),
        (b'{"a": "\\ud800"}', "not-json"),
        (b'{"a": "\xff\xfe"}', "not-utf-8"),
        (b'{"a": "' + b"x" * 200_000 + b'"}', "line-too-long"),
        (b"\x00", "not-json"),
    ],
)
def test_a_line_that_is_no_json_object_is_told_and_spoils_no_other(read, line, reason):
    assert read(b"{}\n" + line + b"\n{}\n") == [(1, {}), (2, reason), (3, {})]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'F,"1950', "not-csv"),
        (b'F,"19"50', "not-csv"),
        (b"F", "wrong-cells"),
        (b"F,1950,x", "wrong-cells"),
        (b"F,\xff", "not-utf-8"),
        (b"F," + b"1" * 70_000, "line-too-long"),
    ],
)
def test_a_spoilt_row_is_told_and_spoils_no_other(read, line, reason):
    found = read(HEAD + line + b"\nM,1960\n", "people.csv")

    assert found == [(2, reason), (3, {"sex": "M", "birth_date": "1960"})]


def test_a_line_break_within_quotes_ends_the_record(read):
    found = read(HEAD + b'F,"19\n50"\nM,1960\n', "people.csv")

    assert [line for line, _ in found] == [2, 3, 4]
    assert [told for _, told in found] == [
        "not-csv", "wrong-cells", {"sex": "M", "birth_date": "1960"}
    ]  # fmt: skip


@pytest.mark.parametrize("delimiter", [b",", b";", b"\t"])
def test_rows_are_read_whatever_the_delimiter(read, delimiter):
    content = (HEAD + b'F,"1950"\n').replace(b",", delimiter)

    assert read(content, "people.csv") == [(2, {"sex": "F", "birth_date": "1950"})]


def test_what_spreadsheets_add_is_laid_aside(read):
    content = b"\xef\xbb\xbfsex;birth_date\r\nF;1950\r\n;\r\n\r\nM;1960\r\n"

    assert [line for line, _ in read(content, "people.CSV")] == [2, 5]
    assert read(b'\xef\xbb\xbf{"a": 1}\n') == [(1, {"a": 1})]


def test_lines_that_were_looked_at_before_are_not_read_again(read):
    assert read(b"{}\n{}\n{\n{}\n", after=2) == [(3, "not-json"), (4, {})]
    assert [line for line, _ in read(HEAD + b"F,1\nM,2\n", "people.csv", after=2)] == [3]


def test_a_missing_header_is_not_quoted_because_it_is_a_person(read):
    with pytest.raises(ImportFileError, match="column 1") as refused:
        read(b"Souad,1950\nF,1951\n", "people.csv")

    assert "Souad" not in str(refused.value)


@pytest.mark.parametrize(
    "head",
    [b"sex,sex", b"sex,", b"sex,colour", "sex".encode("utf-16"), b"x" * 70_000, b'"sex', b"\n"],
)
def test_a_header_that_names_no_fields_is_refused(read, head):
    with pytest.raises(ImportFileError, match="the first line"):
        read(head + b"\nF,F\n", "people.csv")


@pytest.mark.parametrize("name", ["people.txt", "people", "people.jsonl.gz"])
def test_a_file_of_another_kind_is_refused_by_its_name(file, name):
    with pytest.raises(ImportFileError, match="must end in"):
        import_lines.source(file(b"{}\n", name))


def test_an_empty_file_and_one_that_is_not_there_are_refused(file, tmp_path):
    with pytest.raises(ImportFileError, match="empty"):
        import_lines.source(file(b""))
    with pytest.raises(ImportFileError, match="cannot be read"):
        import_lines.source(tmp_path / "nowhere.csv")


@pytest.mark.parametrize(("content", "lines"), [(b"a", 1), (b"a\n", 1), (b"a\nb", 2), (b"\n\n", 2)])
def test_lines_are_counted_with_or_without_a_last_line_break(file, content, lines):
    assert import_lines.source(file(content)).lines == lines


def test_the_same_content_has_the_same_digest_under_any_name(file):
    one, other = file(b"{}\n", "one.jsonl"), file(b"{}\n", "other.ndjson")

    assert import_lines.source(one).digest == import_lines.source(other).digest
    assert import_lines.source(file(b"{} \n")).digest != import_lines.source(one).digest


def test_a_file_that_grew_was_replaced_or_went_away_is_not_unchanged(file):
    path = file(b"{}\n")
    source = import_lines.source(path)
    assert import_lines.unchanged(source)

    path.write_bytes(b"{}\n{}\n")
    assert not import_lines.unchanged(source)

    source = import_lines.source(path)
    file(b"{}\n{ \n", "other.jsonl").replace(path)
    assert not import_lines.unchanged(source)

    path.unlink()
    assert not import_lines.unchanged(source)
