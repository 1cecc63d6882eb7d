"""`amana bench`: measured on this machine, beside a baseline in the same run."""

from api.cli.lazy import Family, Place

bench = Family(
    name="bench",
    help="Measure, beside a baseline in the same run.",
    places={
        "disclosure": Place("api.bench.disclosure:disclosure", "Audited disclosures a second."),
        "log": Place("api.bench.log:log", "Appends, sealed entries and proofs of the access log."),
        "matching": Place("api.bench.matching:matching", "False accepts and false refusals."),
        "oauth": Place("api.bench.oauth:oauth", "Tokens and introspections a second."),
        "vault": Place(
            "api.bench.vault:vault", "Whole persons opened a second, and rows rotated a second."
        ),
    },
)
