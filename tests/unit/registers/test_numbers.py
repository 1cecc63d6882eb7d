import pytest
from stdnum import verhoeff

from identity.registry import household_number, idcs


def test_a_new_number_is_valid_and_begins_with_2_to_9():
    numbers = [idcs.new() for _ in range(500)]

    assert all(idcs.valid(number) for number in numbers)
    assert {number[0] for number in numbers} == set("23456789")
    assert len(set(numbers)) == 500


@pytest.mark.parametrize("at", range(10))
def test_one_wrong_digit_is_seen(at):
    number = idcs.new()
    wrong = [
        number[:at] + digit + number[at + 1 :] for digit in "0123456789" if digit != number[at]
    ]

    assert not any(idcs.valid(each) for each in wrong)


@pytest.mark.parametrize("at", range(9))
def test_two_digits_that_changed_places_are_seen(at):
    number = idcs.new()
    swapped = number[:at] + number[at + 1] + number[at] + number[at + 2 :]

    assert swapped == number or not idcs.valid(swapped)


@pytest.mark.parametrize("written", ["", "1", "x" * 10, "0123456789", "1" * 10, "9" * 40])
def test_what_is_no_number_is_none(written):
    assert idcs.read(written) is None


def test_a_number_with_arabic_digits_and_spaces_is_read():
    number = idcs.new()
    arabic = number.translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩"))

    assert idcs.read(f" {arabic[:4]} {arabic[4:]} ") == number


def test_a_households_number_is_of_another_kind():
    numbers = [household_number.new() for _ in range(200)]

    assert all(household_number.valid(number) for number in numbers)
    assert {(len(number), number[0]) for number in numbers} == {(12, "1")}
    assert not any(idcs.valid(number) for number in numbers)
    assert not any(household_number.valid(idcs.new()) for _ in range(200))


def test_a_households_number_is_read_or_none():
    number = household_number.new()

    assert household_number.read(f"{number[:6]} {number[6:]}") == number
    assert household_number.read(number[:-1] + str((int(number[-1]) + 1) % 10)) is None
    assert household_number.read("12") is None


def test_the_check_digit_is_verhoeffs():
    assert idcs.checked("236") == "2363"
    assert verhoeff.is_valid("2363")
