"""Every setting is documented, and nothing that is documented is no setting."""

import re
from pathlib import Path

import msgspec

from api.settings import PREFIX, Settings

ROOT = Path(__file__).parents[2]


def test_the_table_of_settings_is_the_settings():
    page = (ROOT / "docs" / "operations.md").read_text()
    documented = set(re.findall(r"^\| `(AMANA_[A-Z0-9_]+)` \|", page, re.MULTILINE))

    assert documented == {
        f"{PREFIX}{field.name.upper()}" for field in msgspec.structs.fields(Settings)
    }
