"""One line and two figures per request; no path of a person's is in either."""

from collections.abc import Mapping

import pytest
from litestar import get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.testing import create_test_client
from prometheus_client import REGISTRY

from api import observing


@get("/of/{name:str}")
async def page(name: FromPath[str]) -> Mapping[str, str]:
    if name == "nobody":
        raise NotFoundException
    if name == "broken":
        raise RuntimeError
    return {"name": name}


@pytest.fixture
def client():
    with create_test_client(page, middleware=[observing.Observed()]) as client:
        yield client


def counted(status):
    labels = {"method": "GET", "path": "/of/{name}", "status_code": str(status)}
    figures = ("amana_requests_total", "amana_request_duration_seconds_count")
    return [REGISTRY.get_sample_value(figure, labels) or 0.0 for figure in figures]


@pytest.mark.parametrize(("name", "status"), [("fatima", 200), ("nobody", 404), ("broken", 500)])
def test_each_answer_counts_once_under_its_route(client, name, status):
    before = counted(status)
    assert client.get(f"/of/{name}").status_code == status
    assert counted(status) == [each + 1 for each in before]


def test_no_figure_names_who_was_asked_about(client):
    client.get("/of/fatima")
    labels = {
        value
        for metric in REGISTRY.collect()
        for sample in metric.samples
        for value in sample.labels.values()
    }
    assert "/of/{name}" in labels
    assert not any("fatima" in value for value in labels)
