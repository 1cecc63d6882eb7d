"""A catalogue is compiled whole or not at all; what it says has a name that does not drift."""

from datetime import date
from pathlib import Path

import pytest

from policies import catalogue as catalogues
from policies.catalogue import CatalogueError, CatalogueProblem
from policies.household_index import Milieu
from policies.staff import TERMS
from policies.vocabulary import Language

FOLDER = Path(catalogues.__file__).parent / "catalogue"
SHIPPED = {
    path.relative_to(FOLDER).as_posix(): path.read_bytes() for path in FOLDER.rglob("*.toml")
}
MINHATY = "agreements/minhaty-scholarship.toml"
NEXT = (
    SHIPPED[MINHATY]
    .replace(b"version = 1", b"version = 2")
    .replace(b"effective = 2026-07-01", b"effective = 2029-01-01")
    .replace(b"ends = 2028-12-31", b"ends = 2029-06-30")
)


def problems(files: dict[str, bytes]) -> tuple[CatalogueProblem, ...]:
    with pytest.raises(CatalogueError) as raised:
        catalogues.compile(files)
    return raised.value.problems


def messages(files: dict[str, bytes]) -> list[str]:
    return [problem.message for problem in problems(files)]


def test_the_shipped_catalogue_compiles_with_the_agreements_of_its_programmes():
    catalogue = catalogues.compile(SHIPPED)

    assert {agreement.programme for agreement in catalogue.agreements.values()} == set(
        catalogue.programmes
    )
    assert len(catalogue.hash) == 64


def test_every_problem_is_told_at_once_in_reading_order():
    files = SHIPPED | {
        "attributes.toml": SHIPPED["attributes.toml"].replace(b'holder = "household"', b"x = 1"),
        MINHATY: SHIPPED[MINHATY].replace(b"consent_days = 300", b"consent_days = -1"),
        "programmes.toml": SHIPPED["programmes.toml"].replace(b'"Minhaty"', b"7"),
    }

    found = problems(files)

    assert [(at.file, at.line) for at in found] == [
        (MINHATY, 9),
        ("attributes.toml", 13),
        ("attributes.toml", 14),
        ("attributes.toml", 16),
        ("attributes.toml", 17),
        ("attributes.toml", 19),
        ("attributes.toml", 20),
        ("programmes.toml", 24),
        ("programmes.toml", 25),
    ]


def test_the_error_reads_as_a_list_of_places():
    with pytest.raises(CatalogueError, match=r"^a\.toml:2: `nonsense` is not a table"):
        catalogues.compile(SHIPPED | {"a.toml": b"\nnonsense = 1"})


def test_an_empty_catalogue_is_refused():
    assert messages({}) == ["the catalogue is empty"]


def test_a_syntax_error_is_told_at_its_line_and_the_rest_is_still_read():
    found = problems(SHIPPED | {"a.toml": b"[group.x]\nholder = = 1\n", "b.toml": b"x = 1"})

    assert [(at.file, at.line) for at in found] == [("a.toml", 2), ("b.toml", 1)]


def test_a_syntax_error_at_the_end_is_told_at_the_last_line():
    assert problems(SHIPPED | {"a.toml": b"\n[group"})[0].line == 2


def test_bytes_that_are_no_text_are_told_at_their_line():
    found = problems(SHIPPED | {"a.toml": b'[group.x]\nholder = "\xff"'})

    assert found == (CatalogueProblem(file="a.toml", line=2, message="this is not UTF-8"),)


def test_naming_a_broken_entry_is_not_a_second_problem():
    files = SHIPPED | {
        "programmes.toml": SHIPPED["programmes.toml"].replace(b'name.en = "Minhaty"\n', b"")
    }

    assert messages(files) == ["`en` is missing"]


def test_a_broken_purpose_says_nothing_of_what_is_compatible_with_it():
    files = SHIPPED | {
        "purposes.toml": SHIPPED["purposes.toml"].replace(
            b'title.en = "Household situation"\n', b""
        )
    }

    assert messages(files) == ["`en` is missing"]


def test_a_name_written_in_two_files_is_told_where_it_is_written_again():
    found = problems(SHIPPED | {"z.toml": b'[group.civil]\nholder = "person"'})

    assert found == (
        CatalogueProblem(file="z.toml", line=1, message="group `civil` is written twice"),
    )


def test_a_form_derived_from_itself_is_told():
    files = SHIPPED | {
        "attributes.toml": SHIPPED["attributes.toml"].replace(
            b"forms.province", b'forms.x = ["x"]\nforms.province'
        )
    }

    assert "form `x` is derived from itself" in messages(files)


def test_an_empty_list_of_bases_is_told():
    text = SHIPPED[MINHATY].partition(b"[[")[0].replace(b"retention", b"bases = []\nretention")

    assert messages(SHIPPED | {MINHATY: text}) == ["there is no legal basis"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"valid_from = 2009-03-05", b"valid_from = 2026-07-01"),
        (b"valid_until = 2029-12-31", b"valid_until = 2028-12-31"),
        (b"cndp_expires = 2029-12-31", b"cndp_expires = 2026-07-01"),
        (b"ends = 2028-12-31", b"ends = 2026-07-01"),
    ],
)
def test_the_first_and_the_last_day_of_a_time_are_inside_it(old, new):
    text = SHIPPED[MINHATY]
    assert old in text

    assert catalogues.compile(SHIPPED | {MINHATY: text.replace(old, new)})


def test_an_agreement_may_have_a_next_version_that_begins_when_it_ends():
    catalogue = catalogues.compile(SHIPPED | {"agreements/next.toml": NEXT})

    assert [known.version for known in catalogue.versions["minhaty/scholarship"]] == [1, 2]
    assert catalogue.agreement("minhaty/scholarship", date(2028, 12, 31)).version == 1
    assert catalogue.agreement("minhaty/scholarship", date(2029, 1, 1)).version == 2


def test_outside_its_time_an_agreement_is_known_by_its_newest_version():
    catalogue = catalogues.compile(SHIPPED | {"agreements/next.toml": NEXT})

    assert catalogue.agreement("minhaty/scholarship").version == 2
    assert catalogue.agreement("minhaty/scholarship", date(2020, 1, 1)).version == 2
    assert catalogue.agreement("minhaty/loan") is None


def test_two_versions_of_an_agreement_do_not_stand_at_once():
    files = SHIPPED | {
        "agreements/next.toml": NEXT.replace(b"effective = 2029-01-01", b"effective = 2028-12-31")
    }

    assert messages(files) == ["overlaps version 1 in time"]


def test_one_version_of_an_agreement_is_written_once():
    files = SHIPPED | {"agreements/next.toml": NEXT.replace(b"version = 2", b"version = 1")}

    assert messages(files) == ["version 1 is written twice"]


def test_the_hash_does_not_change_with_the_order_the_paths_or_the_comments():
    reordered = {
        f"else/{file}": SHIPPED[file] + b"\n# read by the DPO\n" for file in sorted(SHIPPED)
    }

    assert catalogues.compile(reordered).hash == catalogues.compile(SHIPPED).hash


def test_the_hash_changes_with_a_word_and_an_agreement_is_named_by_its_own_words_alone():
    before = catalogues.compile(SHIPPED)
    after = catalogues.compile(
        SHIPPED | {MINHATY: SHIPPED[MINHATY].replace(b"consent_days = 300", b"consent_days = 299")}
    )

    assert before.hash != after.hash
    assert {
        name
        for name, agreement in before.agreements.items()
        if after.agreements[name].content_hash != agreement.content_hash
    } == {"minhaty/scholarship"}


def test_a_content_hash_written_by_hand_counts_for_nothing():
    forged = SHIPPED[MINHATY].replace(b"version = 1", b'version = 1\ncontent_hash = "00"')

    assert catalogues.compile(SHIPPED | {MINHATY: forged}).hash == catalogues.compile(SHIPPED).hash


def test_a_formula_is_found_by_milieu_and_day():
    catalogue = catalogues.compile(SHIPPED)

    assert catalogue.formula(Milieu.RURAL, date(2026, 11, 24)).id == "rsu-rural-1"
    assert catalogue.formula(Milieu.RURAL, date(2020, 1, 1)) is None


def test_every_text_of_the_shipped_catalogue_is_in_every_language():
    catalogue = catalogues.compile(SHIPPED)

    texts = [
        text
        for purpose in catalogue.purposes.values()
        for text in (purpose.title, purpose.sentence)
    ]
    assert all(text.in_(language).strip() for text in texts for language in Language)


def test_every_duty_has_a_purpose_of_the_catalogue():
    catalogue = catalogues.compile(SHIPPED)

    assert {terms.purpose for terms in TERMS.values()} <= set(catalogue.purposes)
    assert {group for terms in TERMS.values() for group in terms.opens} <= set(catalogue.groups)


def test_nothing_that_no_lawyer_has_read_is_marked_verified():
    catalogue = catalogues.compile(SHIPPED)

    bases = [basis for agreement in catalogue.agreements.values() for basis in agreement.bases]
    dated = [*bases, *catalogue.rules.values(), *catalogue.formulas.values()]
    assert not any(each.verified for each in dated)


def test_an_agreement_knows_what_it_asks_the_person():
    catalogue = catalogues.compile(SHIPPED)

    assert catalogue.agreements["amo-tadamon/enrolment"].items == {
        "eligibility": "decision",
        "phone": "raw",
        "address": "commune",
    }
    assert catalogue.agreements["asd/eligibility"].items == {}


def test_only_what_the_law_imposes_cannot_be_objected_to():
    bases = catalogues.compile(SHIPPED).agreements["asd/eligibility"].bases

    assert {basis.kind: basis.opposable for basis in bases} == {
        "public-task": True,
        "legal-obligation": False,
    }


def test_an_attribute_says_whether_a_claim_about_it_may_be_compared():
    attributes = catalogues.compile(SHIPPED).attributes

    assert attributes["birth_date"].match
    assert not attributes["birth_place"].match


SECTOR = b"""
[sector.aid]
decision = "DPO-2026-014"
decided = 2026-10-01
name.ar = "x"
name.fr = "x"
name.en = "x"
"""


def with_sector(*programmes: bytes) -> dict[str, bytes]:
    text = SHIPPED["programmes.toml"]
    for each in programmes:
        text = text.replace(
            b"[programme." + each + b"]", b"[programme." + each + b']\nsector = "aid"'
        )
    return SHIPPED | {"programmes.toml": text + SECTOR}


def test_each_programme_knows_people_by_its_own_identifiers_where_nothing_is_said():
    catalogue = catalogues.compile(SHIPPED)

    assert {catalogue.audience(each) for each in catalogue.programmes} == set(catalogue.programmes)
    assert catalogue.sharing("asd") == ("asd",)
    assert catalogue.audience("no-such") == "no-such"


def test_programmes_of_one_sector_share_an_audience_and_no_programme_is_taken_for_one():
    catalogue = catalogues.compile(with_sector(b"asd", b"minhaty"))

    assert catalogue.audience("asd") == catalogue.audience("minhaty") == "sector:aid"
    assert catalogue.audience("amo-tadamon") == "amo-tadamon"
    assert set(catalogue.sharing("sector:aid")) == {"asd", "minhaty"}
    assert catalogue.hash != catalogues.compile(SHIPPED).hash


def test_a_sector_says_who_decided_it():
    files = with_sector(b"asd")
    files["programmes.toml"] = files["programmes.toml"].replace(b'decision = "DPO-2026-014"\n', b"")

    assert messages(files) == ["`decision` is missing"]
