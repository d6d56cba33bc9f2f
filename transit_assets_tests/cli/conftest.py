"""The `transit` command as a user runs it, on an empty lake of its own."""

from collections.abc import Callable, Iterator

import pytest
from typer.testing import CliRunner, Result

from transit_assets.cli import app
from transit_assets.lake import Lake
from transit_assets.settings import settings

Transit = Callable[..., Result]

# `transit` as at a terminal: a shell starts what runs in the background, such as these tests, with SIGINT ignored.
AT_A_TERMINAL = """
import signal
from transit_assets.cli import main
signal.signal(signal.SIGINT, signal.default_int_handler)
main()
"""


@pytest.fixture
def transit(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> Iterator[Transit]:
    """Run `transit ARGUMENTS` in this process on the lake of the fixture `lake`; keywords set `TRANSIT_*` variables."""

    def run(*arguments: object, **variables: str) -> Result:
        monkeypatch.setenv("TRANSIT_LAKE", lake.location.root)
        for name, value in variables.items():
            monkeypatch.setenv(f"TRANSIT_{name.upper()}", value)
        settings.cache_clear()
        return CliRunner().invoke(app, [str(argument) for argument in arguments], prog_name="transit")

    yield run
    settings.cache_clear()
