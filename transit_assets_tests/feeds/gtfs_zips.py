"""Small GTFS zips for tests: a line of three stations, and whatever a test changes in it."""

import io
import zipfile
from collections.abc import Mapping

FILES = {
    "agency.txt": "agency_id,agency_name,agency_url,agency_timezone\n1,RER,https://example.org,Europe/Paris\n",
    "stops.txt": (
        "stop_id,stop_name,stop_lat,stop_lon,location_type,parent_station\n"
        "IDFM:71410,Gare du Nord,48.88,2.35,1,\n"
        "nord-1,Gare du Nord,48.88,2.35,0,IDFM:71410\n"
        "plaine,La Plaine Stade de France,48.91,2.36,,\n"
        "drancy,Drancy,48.93,2.45,,\n"
        "bus,Drancy,48.93,2.46,,\n"
    ),
    "routes.txt": "route_id,route_short_name,route_type\nIDFM:C01743,B,2\nIDFM:C00001,146,3\n",
    "trips.txt": (
        "route_id,service_id,trip_id,trip_headsign,trip_short_name,direction_id\n"
        "IDFM:C01743,week,north,IPEL,IPOI01,1\n"
        "IDFM:C01743,week,south,PITO,PITO44,0\n"
        "IDFM:C00001,week,bus,,,0\n"
    ),
    "stop_times.txt": (
        "trip_id,arrival_time,departure_time,stop_id,stop_sequence\n"
        "north,23:50:00,23:51:00,nord-1,0\n"
        "north,23:55:00,23:55:30,plaine,1\n"
        "north,24:05:00,24:05:00,drancy,5\n"
        "south,8:00:00,8:00:00,drancy,0\n"
        "south,08:15:00,08:15:00,nord-1,1\n"
        "bus,09:00:00,09:00:00,bus,0\n"
        "bus,09:10:00,09:10:00,plaine,1\n"
    ),
    "calendar.txt": (
        "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date\n"
        "week,1,1,1,1,1,0,0,20260302,20260313\n"
    ),
    "calendar_dates.txt": "service_id,date,exception_type\nweek,20260304,2\nweek,20260307,1\n",
}


def gtfs_zip(changes: Mapping[str, str | bytes | None] = {}, folder: str = "") -> bytes:
    """A feed with some files replaced, or left out where None."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in {**FILES, **changes}.items():
            if content is not None:
                archive.writestr(folder + name, content)
    return buffer.getvalue()


def with_line(name: str, line: str) -> dict[str, str]:
    """A file of the small feed with one more line."""
    return {name: FILES[name] + line + "\n"}


def without(name: str, text: str, instead: str = "") -> dict[str, str]:
    """A file of the small feed with a text replaced."""
    assert text in FILES[name]
    return {name: FILES[name].replace(text, instead)}
