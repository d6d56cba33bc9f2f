"""What landing holds of a month: which payloads each table takes, and how many records they hold."""

from pathlib import Path

from transit_assets.fire.archive import import_files
from transit_assets.fire.landed import FEEDS_OF, landed_by_month, payloads_of
from transit_assets.fire.schema import INCIDENTS, MOBILISATIONS
from transit_assets.lake import Fetch, Lake
from transit_assets.settings import Settings
from transit_assets_tests.fire.payloads import NOON, call, csv, sent

SETTINGS = Settings(_env_file=None, now=NOON)
MONTH = "2018-01-01"


def imported(lake: Lake, folder: Path, *payloads: bytes) -> None:
    paths = [folder / str(number) for number in range(len(payloads))]
    for path, payload in zip(paths, payloads, strict=True):
        path.write_bytes(payload)
    import_files(lake, paths, SETTINGS)


def fetched(lake: Lake, feed: str, payload: bytes) -> None:
    fetch = Fetch("fire", feed, NOON, "x", "x", "landed", False, partitions=(MONTH,))
    lake.landing.land([(fetch, payload)])


def formats(lake: Lake, relation: str) -> list[str]:
    ((_, found),) = landed_by_month(lake, FEEDS_OF[relation], [MONTH])
    return [one.source for one in found]


def test_vehicles_are_made_of_both_kinds_and_calls_of_their_own(lake: Lake, tmp_path: Path) -> None:
    imported(lake, tmp_path, csv(call()), csv(sent()))
    assert formats(lake, INCIDENTS.relation) == ["lfb_incidents_csv"]
    assert formats(lake, MOBILISATIONS.relation) == ["lfb_incidents_csv", "lfb_mobilisations_csv"]


def test_records_are_counted_apart_from_decoding(lake: Lake, tmp_path: Path) -> None:
    imported(lake, tmp_path, csv(call(), call(IncidentNumber="2")), csv(sent()))
    fetched(lake, "incidents", csv(call(IncidentNumber="3")))  # of which its row says nothing
    assert payloads_of(INCIDENTS)(lake, [MONTH])[MONTH].records == 3
    assert payloads_of(MOBILISATIONS)(lake, [MONTH])[MONTH].records == 6 + 1


def test_a_fetched_file_that_cannot_be_read_is_one_record_put_aside(lake: Lake) -> None:
    fetched(lake, "mobilisations", b"<html>")
    ((_, found),) = landed_by_month(lake, FEEDS_OF[MOBILISATIONS.relation], [MONTH])
    (one,) = found
    assert one.records["problem"].to_pylist()[0].startswith("payload_is_readable: unknown format: HTML")
    assert payloads_of(MOBILISATIONS)(lake, [MONTH])[MONTH].records == 1
