from pathlib import Path

import pytest

from policies import catalogue as catalogues

FOLDER = Path(catalogues.__file__).parent / "catalogue"


@pytest.fixture(scope="session")
def catalogue():
    return catalogues.compile(
        {str(path.relative_to(FOLDER)): path.read_bytes() for path in FOLDER.rglob("*.toml")}
    )
