import pytest

from vault import index_kinds
from vault.index_kinds import Kind


def kind(*values):
    return Kind(parts=lambda _rules, value: (value,), bits=32, group="identity", values=values)


def test_an_index_of_names_alone_cannot_be_defined():
    with pytest.raises(ValueError, match="names alone"):
        kind((("given_name", "latin"),))
    with pytest.raises(ValueError, match="names alone"):
        kind((("birth_date",), ("father", "ar")), (("mother", "ar"), ("family_name", "ar")))


def test_a_name_beside_a_date_and_a_number_alone_can():
    assert kind((("given_name", "ar"), ("birth_date",)), (("idcs",),)).bits == 32
    assert all(each.values for each in index_kinds.KINDS.values())
