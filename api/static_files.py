"""Style, fonts and wordmark, from our own origin, cached by browsers for a day."""

from pathlib import Path
from typing import Final

from litestar.datastructures import CacheControlHeader
from litestar.static_files import create_static_files_router
from litestar.types import ControllerRouterHandler

FOLDER: Final = Path(__file__).parent / "static"
DAY_SECONDS: Final = 24 * 3600


def handlers() -> list[ControllerRouterHandler]:
    """One router, for both listeners."""
    return [
        create_static_files_router(
            path="/static",
            directories=[FOLDER],
            cache_control=CacheControlHeader(public=True, max_age=DAY_SECONDS),
            opt={"exclude_from_csrf": True},
            include_in_schema=False,
        )
    ]
