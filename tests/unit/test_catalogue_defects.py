"""Each defect a catalogue can have is named, in words a DPO reads, at the line that has it."""

from pathlib import Path

import pytest

from policies import catalogue as catalogues
from policies.catalogue import CatalogueError

FOLDER = Path(catalogues.__file__).parent / "catalogue"
SHIPPED = {
    path.relative_to(FOLDER).as_posix(): path.read_bytes() for path in FOLDER.rglob("*.toml")
}
AMO = "agreements/amo-tadamon-enrolment.toml"
ASD = "agreements/asd-eligibility.toml"
MINHATY = "agreements/minhaty-scholarship.toml"
SAKANE = "agreements/daam-sakane-first-home.toml"
URBAN = "formulas/rsu-urban.toml"


BASIS_OF_MINHATY = "[[" + SHIPPED[MINHATY].decode().partition("[[")[2]
RULE_OF_MINHATY = (
    "[rule.minhaty]" + SHIPPED["eligibility.toml"].decode().partition("[rule.minhaty]")[2]
)
OTHER_USE = " was collected for `registers/social`, which does not allow "


def with_change(file: str, old: str, new: str) -> dict[str, bytes]:
    text = SHIPPED[file].decode()
    assert old in text
    return SHIPPED | {file: text.replace(old, new, 1).encode()}


def problems(files: dict[str, bytes]) -> list[tuple[str, int, str]]:
    with pytest.raises(CatalogueError) as raised:
        catalogues.compile(files)
    return [(at.file, at.line, at.message) for at in raised.value.problems]


def line_of(content: bytes, marker: str) -> int:
    lines = content.decode().splitlines()
    return next(number for number, line in enumerate(lines, 1) if marker in line)


# The file changed, what is replaced, by what; what the wrong line says, and what is said about it;
# the file of that line, where it is another.
DEFECTS = {
    "an unknown key": (
        "programmes.toml", 'kind = "public"', 'kind = "public"\nsort = 1', "sort = 1",
        "unknown key `sort`",
    ),
    "a missing language": (
        "programmes.toml", 'name.en = "Minhaty"\n', "", 'name.ar = "منحتي"', "`en` is missing",
    ),
    "an empty text": (
        "programmes.toml", 'name.en = "Minhaty"', 'name.en = " "', 'name.en = " "',
        "Expected `str` matching regex '\\\\S'",
    ),
    "a missing key": (
        AMO, 'purpose = "social-support/health-cover"\n', "", '[agreement."amo-tadamon/enrolment"]',
        "`purpose` is missing",
    ),
    "a value of the wrong type": (
        AMO, "retention_days = 365", 'retention_days = "long"', "retention_days",
        "Expected `int`, got `str`",
    ),
    "no retention": (
        AMO, "retention_days = 365", "retention_days = 0", "retention_days", "Expected `int` >= 1",
    ),
    "a text where a table stands": (
        "eligibility.toml", "age = { below = 26, counted_on = 2026-06-01 }", "age = 26", "age = 26",
        "expected a table",
    ),
    "a sector that is not declared": (
        "programmes.toml", "[programme.asd]\n", '[programme.asd]\nsector = "aid"\n',
        'sector = "aid"', "unknown sector `aid`",
    ),
    "a number that ends by itself and is restored": (
        "numbers.toml", "uses = 1", "uses = 1\nrestored = true", "restored = true",
        "a number that ends by itself is not restored",
    ),
    "a timed number that is restored": (
        "numbers.toml", "minutes = 10080", "minutes = 10080\nrestored = true", "restored = true",
        "a number that ends by itself is not restored",
    ),
    "several numbers without end": (
        "numbers.toml", "[number.standing]\ninstances = 1", "[number.standing]\ninstances = 2",
        "instances = 2",
        "one at a time, of a number that never ends",
    ),
    "an unknown table": (
        "programmes.toml", "[programme.minhaty]", "[project.minhaty]", "[project.minhaty]",
        "`project` is not a table of the catalogue",
    ),
    "an entry that is no table": (
        "attributes.toml", '[group.contact]\nholder = "person"', "[group]\ncontact = 1",
        "contact = 1", "expected a table",
    ),
    "a name that is no identifier": (
        "attributes.toml", "[group.civil]", '[group."Civil status"]', "Civil status",
        "`Civil status` is not an identifier",
    ),
    "a name said twice": (
        "programmes.toml", "[programme.asd]", '[programme.asd]\nid = "asd"', 'id = "asd"',
        "the name of the table says this already",
    ),
    "a parent that is not there": (
        "purposes.toml", 'parent = "housing"', 'parent = "houses"', 'parent = "houses"',
        "unknown purpose `houses`",
    ),
    "compatibility with nothing": (
        "purposes.toml", '"education/scholarship"]', '"education/grant"]', "education/grant",
        "unknown purpose `education/grant`",
    ),
    "a prohibition of nothing": (
        "purposes.toml", 'prohibited_with = ["housing"]', 'prohibited_with = ["houses"]', "houses",
        "unknown purpose `houses`",
    ),
    "a purpose above itself": (
        "purposes.toml", '[purpose."housing"]',
        '[purpose."housing"]\nparent = "housing/first-home"  # here', "# here",
        "purpose `housing` is above itself",
    ),
    "a purpose both compatible and prohibited": (
        "purposes.toml", 'prohibited_with = ["housing"]',
        'prohibited_with = ["housing", "social-support"]', "prohibited_with",
        "`social-support` is both compatible and prohibited",
    ),
    "an IRI of no vocabulary": (
        "purposes.toml", "https://w3id.org/dpv#LegalCompliance", "urn:x", "urn:x",
        "expected an IRI in https://w3id.org/dpv",
    ),
    "a group that is not there": (
        "attributes.toml", 'group = "civil"', 'group = "status"', 'group = "status"',
        "unknown group `status`",
    ),
    "a source purpose that is not there": (
        "attributes.toml", 'collected_for = "registers/social"', 'collected_for = "fun"', '"fun"',
        "unknown purpose `fun`",
    ),
    "a form derived from nothing": (
        "attributes.toml", 'forms.age_band = ["year"]', 'forms.age_band = ["decade"]', "decade",
        "unknown form `decade`",
    ),
    "a form nobody can make": (
        "attributes.toml", 'forms.masked = ["raw"]', 'forms.hidden = ["raw"]', "forms.hidden",
        "no way is known to make `hidden`",
    ),
    "an ambiguous lattice": (
        "attributes.toml", 'forms.age_band = ["year"]\nforms.over_18 = ["raw"]',
        'forms.age_band = ["year", "match"]\nforms.over_18 = ["year", "match"]',
        'forms.year = ["raw"]',
        "`match` and `year` leave more than one form",
    ),
    "an index with a form": (
        "attributes.toml", 'label.en = "Socio-economic index"',
        'label.en = "Socio-economic index"\nforms.raw = []  # here', "# here",
        "the index has no form that a programme may be given",
    ),
    "a decision computed from nothing": (
        "attributes.toml", "forms.last4 = []", "forms.decision = []", "[attribute.idcs]",
        "a decision is computed from what it reads, and nothing else is",
    ),
    "a reading of what is not there": (
        "attributes.toml", '"household_facts", "index"]', '"facts", "index"]', "reads =",
        "unknown attribute `facts`",
    ),
    "a reading of what is computed": (
        "attributes.toml", '"household_facts", "index"]', '"household_facts", "eligibility"]',
        "reads =", "`eligibility` is itself computed",
    ),
    "a rule of nobody": (
        "eligibility.toml", "[rule.minhaty]", "[rule.tayssir]", "[rule.tayssir]",
        "unknown programme `tayssir`",
    ),
    "a rule that ends before it begins": (
        "eligibility.toml", "ends = 2028-12-31", "ends = 2023-12-31", "ends = 2023",
        "ends before it takes effect",
    ),
    "an unknown variable": (
        URBAN, "garage = 0.117", "swimming_pool = 0.117", "swimming_pool",
        "unknown variable `swimming_pool`",
    ),
    "a region without effect": (
        URBAN, "oriental = 0.196\n", "", "[formula.rsu-urban-1.regions]", "no effect for oriental",
    ),
    "an unknown coefficient that is given": (
        "formulas/rsu-rural.toml", "cows = 0.0257", "cows = 0.0257\nowns_car = 1", "owns_car = 1",
        "`owns_car` is said to be unknown",
    ),
    "two formulas at once": (
        "formulas/rsu-rural.toml", 'milieu = "rural"', 'milieu = "urban"', "effective",
        "overlaps `rsu-rural-1` in time", URBAN,
    ),
    "an agreement of nobody": (
        AMO, 'programme = "amo-tadamon"', 'programme = "amo"', 'programme = "amo"',
        "unknown programme `amo`",
    ),
    "an agreement by another's name": (
        AMO, 'programme = "amo-tadamon"', 'programme = "asd"',
        '[agreement."amo-tadamon/enrolment"]',
        "the name must begin with the programme's and a slash",
    ),
    "an unknown purpose": (
        AMO, '"social-support/health-cover"', '"social-support/dental"', "dental",
        "unknown purpose `social-support/dental`",
    ),
    "an end before the beginning": (
        AMO, "ends = 2028-12-31", "ends = 2025-12-31", "ends = 2025",
        "ends before it takes effect",
    ),
    "no end": (
        AMO, "ends = 2028-12-31\n", "", '[agreement."amo-tadamon/enrolment"]', "`ends` is missing",
    ),
    "a law shorter than the agreement": (
        MINHATY, "valid_until = 2029-12-31", "valid_until = 2028-12-30", "[[agreement",
        "Loi 09-08, art. 4 is not in force all the time",
    ),
    "a law younger than the agreement": (
        MINHATY, "valid_from = 2009-03-05", "valid_from = 2026-07-02", "[[agreement",
        "Loi 09-08, art. 4 is not in force all the time",
    ),
    "no CNDP reference": (
        AMO, '"DEMO-A-AMOT-001/2026"', '" "', "cndp_reference", "the CNDP reference is missing",
    ),
    "a CNDP reference of the past": (
        AMO, "cndp_expires = 2029-12-31", "cndp_expires = 2025-12-31", "cndp_expires",
        "the CNDP reference expires before it is used",
    ),
    "no legal basis": (
        MINHATY, BASIS_OF_MINHATY, "", "[agreement.", "`bases` is missing",
    ),
    "a basis that covers what is not asked": (
        AMO, '["eligibility", "phone", "address"]', '["eligibility", "phone", "address", "email"]',
        '"email"', "covers `email`, which is not asked",
    ),
    "a basis that covers nothing": (
        AMO, 'covers = ["eligibility", "phone", "address"]', "covers = []", "covers = []",
        "covers nothing",
    ),
    "a basis that does not say what it covers": (
        SAKANE, 'covers = ["given_name", "family_name", "birth_date", "nationality"]', "",
        "[[agreement", "`covers` is missing",
    ),
    "a private body with a public task": (
        "programmes.toml", 'kind = "public"\nname.ar = "دعم سكن"',
        'kind = "private"\nname.ar = "دعم سكن"', 'kind = "public-task"',
        "a private body has no public task", SAKANE,
    ),
    "an attribute without basis": (
        AMO, '["eligibility", "phone", "address"]', '["eligibility", "phone"]', "address = ",
        "`address` rests on no basis",
    ),
    "an optional attribute that is not asked": (
        AMO, 'optional = ["phone", "address"]', 'optional = ["phone", "address", "email"]',
        "optional =", "`email` is optional, but not asked",
    ),
    "an optional attribute that the law imposes": (
        AMO, 'optional = ["phone", "address"]', 'optional = ["phone", "address", "sex"]',
        "optional =", "`sex` is optional: it must rest on consent alone",
    ),
    "an agreement that asks nothing": (
        MINHATY, 'eligibility = "decision"\nphone = "masked"\naddress = "commune"\n', "",
        '"minhaty/scholarship".attributes', "asks nothing",
    ),
    "an unknown attribute": (
        MINHATY, 'phone = "masked"', 'phone = "masked"\nblood = "raw"', "blood",
        "unknown attribute `blood`",
    ),
    "a form outside the lattice": (
        MINHATY, 'phone = "masked"', 'phone = "year"', "phone = ", "`phone` has no form `year`",
    ),
    "the index in an agreement": (
        ASD, 'sex = "match"', 'sex = "match"\nindex = "raw"', "index = ",
        "the index is never given: a programme gets eligible or not (registries reference 3)",
    ),
    "the IDCS in an agreement": (
        SAKANE, 'nationality = "raw"', 'nationality = "raw"\nidcs = "last4"', "idcs = ",
        "the IDCS is never given: a programme gets its own pairwise identifier (CNDP, 2020)",
    ),
    "a decision without a rule": (
        "eligibility.toml", RULE_OF_MINHATY, "", 'eligibility = "decision"',
        "`eligibility` needs a rule of `minhaty`", MINHATY,
    ),
    "a use that the source prohibits": (
        SAKANE, 'nationality = "raw"', 'nationality = "raw"\nhousehold_size = "band"',
        "household_size",
        "`household_size`" + OTHER_USE + "`housing/first-home`",
    ),
    "eligibility for the housing aid": (
        SAKANE, 'nationality = "raw"', 'nationality = "raw"\neligibility = "decision"  # here',
        "# here", "`eligibility`" + OTHER_USE + "`housing/first-home`",
    ),
    "a use that the source does not name": (
        "purposes.toml", '"social-support", "education/scholarship"]', '"social-support"]',
        'eligibility = "decision"',
        "`eligibility`" + OTHER_USE + "`education/scholarship`",
        MINHATY,
    ),
}  # fmt: skip


@pytest.mark.parametrize("defect", DEFECTS)
def test_one_defect_is_named_at_its_line(defect):
    changed, old, new, marker, message, *elsewhere = DEFECTS[defect]
    files = with_change(changed, old, new)
    file = elsewhere[0] if elsewhere else changed

    found = [(at, line, said.partition(" - at")[0]) for at, line, said in problems(files)]

    assert (file, line_of(files[file], marker), message) in found
