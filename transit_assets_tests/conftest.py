"""Fixtures every test may use: the recordings, a lake in a folder, a lake on S3."""

import logging
import multiprocessing
import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from transit_assets.lake import Lake

BESIDE_THE_CHECKOUT = Path(__file__).resolve().parents[2] / "shared" / "recordings"
RECORDINGS = Path(os.environ.get("TRANSIT_RECORDINGS", BESIDE_THE_CHECKOUT))


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Payloads are named by their argument: a zip holds the second it was made in, in which two workers differ."""
    return argname if isinstance(val, bytes) else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files whose tests may take longest run first, so that no worker is left alone with them at the end."""

    def longest(item: pytest.Item) -> float:
        mark = item.get_closest_marker("timeout")
        return mark.args[0] if mark else 0

    limits: dict[Path, float] = {}
    for item in items:
        limits[item.path] = max(limits.get(item.path, 0), longest(item))
    items.sort(key=lambda item: -limits[item.path])


@pytest.fixture(scope="session")
def recordings() -> Path:
    """Real data beside the checkout: required in CI, else a skip that says so."""
    if not RECORDINGS.is_dir():
        message = f"no recordings in {RECORDINGS}; TRANSIT_RECORDINGS says where they are"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return RECORDINGS


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """An empty lake in a folder."""
    return Lake.at(tmp_path / "lake")


def _serve_s3(pipe: Connection) -> None:
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    # One request at a time: moto looks and then stores, so that two threads would both win a conditional put.
    server = make_server("127.0.0.1", 0, DomainDispatcherApplication(create_backend_app), threaded=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    pipe.send((server.host, server.server_port))
    with suppress(EOFError):
        pipe.recv()  # returns when the tests end or die


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """The address of a moto server on loopback, with `AWS_*` set for this process and its children.

    A process of its own: delta-rs holds the interpreter's lock in some calls, which stops a server thread.
    """
    ours, theirs = multiprocessing.Pipe()
    context = multiprocessing.get_context("spawn")
    server = context.Process(target=_serve_s3, args=(theirs,), daemon=True)
    server.start()
    theirs.close()
    host, port = ours.recv()
    endpoint = f"http://{host}:{port}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", endpoint)
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        patch.setenv("AWS_REGION", "eu-west-3")
        patch.setenv("AWS_DEFAULT_REGION", "eu-west-3")
        yield endpoint
    ours.close()
    server.join(10)


@pytest.fixture
def s3_lake(s3_endpoint: str, request: pytest.FixtureRequest) -> Lake:
    """An empty lake in a bucket of its own."""
    import uuid

    import boto3

    bucket = f"lake-{uuid.uuid4().hex[:12]}"
    boto3.client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-3"})
    return Lake.at(f"s3://{bucket}/city")


@pytest.fixture(params=["folder", "s3"])
def any_lake(request: pytest.FixtureRequest) -> Lake:
    """The same test on a folder and on S3."""
    return request.getfixturevalue("lake" if request.param == "folder" else "s3_lake")
