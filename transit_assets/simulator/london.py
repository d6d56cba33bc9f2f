"""The simulated London: its boroughs, its fire stations and what ground is whose. The same for every seed.

Names are public ones; positions are made up around the middle of each borough, right to a few kilometres. A place
belongs to the nearest station's ground, to that station's borough, and to a ward: the ground's part to one side.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, lru_cache
from zoneinfo import ZoneInfo

import numpy as np

from transit_assets.simulator.noise import Floats, Ints

# Name, easting and northing of the middle (km), reach of the stations (km), share of the calls, postcodes, stations.
_BOROUGHS = (
    ("City of London", 532.5, 181.2, 0.0, 4, "EC", "Dowgate"),
    ("Barking and Dagenham", 548.5, 185.0, 2.1, 7, "RM", "Barking|Dagenham"),
    ("Barnet", 523.5, 191.5, 3.3, 10, "N", "Barnet|Finchley|Hendon|Mill Hill"),
    ("Bexley", 549.0, 175.5, 2.7, 7, "DA", "Bexley|Erith|Sidcup"),
    ("Brent", 520.5, 185.5, 2.1, 10, "NW", "Wembley|Willesden|Park Royal"),
    ("Bromley", 542.0, 166.5, 4.2, 9, "BR", "Beckenham|Biggin Hill|Bromley|Orpington"),
    ("Camden", 527.8, 184.3, 1.6, 15, "NW", "Euston|Kentish Town|West Hampstead"),
    ("Croydon", 533.0, 164.5, 3.2, 12, "CR", "Addington|Croydon|Norbury|Purley|Woodside"),
    ("Ealing", 516.5, 181.0, 2.7, 10, "W", "Acton|Ealing|Northolt|Southall"),
    ("Enfield", 532.5, 195.5, 2.9, 10, "EN", "Edmonton|Enfield|Southgate"),
    ("Greenwich", 542.5, 176.5, 2.6, 10, "SE", "East Greenwich|Eltham|Greenwich|Lee Green|Plumstead"),
    ("Hackney", 534.5, 185.0, 1.5, 12, "E", "Homerton|Shoreditch|Stoke Newington"),
    ("Hammersmith and Fulham", 523.8, 178.2, 1.4, 9, "W", "Fulham|Hammersmith"),
    ("Haringey", 531.5, 189.8, 1.8, 9, "N", "Hornsey|Tottenham"),
    ("Harrow", 515.5, 189.0, 2.1, 5, "HA", "Harrow|Stanmore"),
    ("Havering", 553.5, 186.5, 3.9, 7, "RM", "Harold Hill|Hornchurch|Romford|Wennington"),
    ("Hillingdon", 508.0, 183.0, 3.7, 10, "UB", "Hayes|Heathrow|Hillingdon|Ruislip"),
    ("Hounslow", 513.5, 176.0, 2.6, 8, "TW", "Chiswick|Feltham|Heston"),
    ("Islington", 531.0, 184.8, 1.1, 10, "N", "Holloway|Islington"),
    ("Kensington and Chelsea", 525.5, 179.6, 1.3, 10, "SW", "Chelsea|Kensington|North Kensington"),
    ("Kingston upon Thames", 519.5, 168.0, 2.0, 5, "KT", "Kingston|New Malden|Surbiton"),
    ("Lambeth", 530.8, 175.5, 1.9, 14, "SW", "Brixton|Clapham|Lambeth|West Norwood"),
    ("Lewisham", 537.5, 174.0, 2.0, 11, "SE", "Deptford|Forest Hill|Lewisham|New Cross"),
    ("Merton", 526.0, 169.5, 1.8, 6, "SW", "Mitcham|Wimbledon"),
    ("Newham", 541.0, 183.0, 2.0, 10, "E", "East Ham|Plaistow|Stratford"),
    ("Redbridge", 543.5, 189.5, 2.4, 7, "IG", "Hainault|Ilford|Woodford"),
    ("Richmond upon Thames", 517.5, 173.5, 2.2, 6, "TW", "Richmond|Twickenham"),
    ("Southwark", 533.5, 177.0, 1.7, 14, "SE", "Dockhead|Old Kent Road|Peckham"),
    ("Sutton", 526.5, 164.5, 1.9, 5, "SM", "Sutton|Wallington"),
    ("Tower Hamlets", 536.0, 181.8, 1.6, 13, "E", "Bethnal Green|Millwall|Poplar|Shadwell|Whitechapel"),
    ("Waltham Forest", 537.8, 189.8, 2.3, 9, "E", "Chingford|Leyton|Leytonstone|Walthamstow"),
    ("Wandsworth", 526.8, 174.0, 2.0, 10, "SW", "Battersea|Tooting|Wandsworth"),
    ("Westminster", 528.0, 181.0, 1.3, 25, "W", "Paddington|Soho"),
)
_SIDES = ("East", "North", "West", "South", "Central")
_CENTRAL_M = 550.0
_CENTRE = (531_000.0, 180_500.0)
_COMMANDS = "EAGH"  # first letter of a station's code, by quarter of London
_LONDON = ZoneInfo("Europe/London")
_HOUR = 3600


@dataclass(frozen=True)
class London:
    """One element of every array or tuple per station; `borough` is a position in `boroughs`, in alphabetical order.

    `spread` is how far (m) from the station most calls of its ground are; `weight` its share of all calls.
    """

    station: tuple[str, ...]
    code: tuple[str, ...]
    easting: Floats
    northing: Floats
    spread: Floats
    weight: Floats
    is_inner: Ints
    borough: Ints
    boroughs: tuple[str, ...]
    borough_codes: tuple[str, ...]
    postcodes: tuple[str, ...]

    def distances(self, easting: Floats, northing: Floats) -> Floats:
        """Metres as the crow flies from places (rows) to stations (columns)."""
        return np.hypot(easting[:, None] - self.easting[None, :], northing[:, None] - self.northing[None, :])

    @property
    def wards(self) -> list[str]:
        """Names of all wards; that of a station and a side has the number `5 * station + side`."""
        return [f"{station} {side}" for station in self.station for side in _SIDES]

    def ward_of(self, ground: Ints, easting: Floats | Ints, northing: Floats | Ints) -> Ints:
        """The number of the ward of places in these stations' grounds."""
        east, north = easting - self.easting[ground], northing - self.northing[ground]
        side = (np.arctan2(north, east) // (np.pi / 2.0)).astype(np.int64) % 4
        return len(_SIDES) * ground + np.where(np.hypot(east, north) < _CENTRAL_M, len(_SIDES) - 1, side)


@cache
def london() -> London:
    """The one there is."""
    names: list[str] = []
    codes: list[str] = []
    easting: list[float] = []
    northing: list[float] = []
    borough, weights = [], []
    for number, (_, east, north, reach, share, _, stations) in enumerate(_BOROUGHS):
        listed = stations.split("|")
        for place, name in enumerate(listed):
            angle = 2.0 * np.pi * place / len(listed) + number
            names.append(name)
            borough.append(number)
            weights.append(share / len(listed))
            easting.append(1000.0 * (east + reach * np.cos(angle)))
            northing.append(1000.0 * (north + reach * np.sin(angle)))
            command = _command(easting[-1], northing[-1])
            codes.append(f"{command}{21 + sum(code[0] == command for code in codes)}")
    e, n, of = np.round(easting, 1), np.round(northing, 1), np.array(borough, dtype=np.int64)
    apart = np.hypot(e[:, None] - e, n[:, None] - n) + np.where(np.eye(len(e)) > 0, np.inf, 0.0)
    return London(
        station=tuple(names),
        code=tuple(codes),
        easting=e,
        northing=n,
        spread=0.42 * np.sort(apart, axis=1)[:, :3].mean(axis=1),
        weight=np.array(weights) / sum(weights),
        is_inner=(np.hypot(e - _CENTRE[0], n - _CENTRE[1]) < 7_000.0).astype(np.int64),
        borough=of,
        boroughs=tuple(row[0] for row in _BOROUGHS),
        borough_codes=tuple(f"E090000{number:02}" for number in range(1, len(_BOROUGHS) + 1)),
        postcodes=tuple(row[5] for row in _BOROUGHS),
    )


def _command(easting: float, northing: float) -> str:
    return _COMMANDS[2 * (easting < _CENTRE[0]) + (northing > _CENTRE[1])]


def proper_case(borough: str) -> str:
    """A name as the brigade's `ProperCase` has it: `Kensington And chelsea`."""
    words = borough.split()
    return " ".join([*(word.capitalize() for word in words[:2]), *(word.lower() for word in words[2:])])


def utc_of(local: Ints) -> Ints:
    """Unix times of London's wall clock, itself given as seconds since 1970; the first of two, and no gap."""
    hours, place = np.unique(local // _HOUR, return_inverse=True)
    return local - np.array([_ahead(hour) for hour in hours.tolist()], dtype=np.int64)[place]


def local_of(unix: Ints) -> Ints:
    """London's wall clock at Unix times, as seconds since 1970."""
    hours, place = np.unique(unix // _HOUR, return_inverse=True)
    return unix + np.array([_ahead_at(hour) for hour in hours.tolist()], dtype=np.int64)[place]


@lru_cache(maxsize=65_536)
def _ahead(local_hour: int) -> int:
    """Seconds by which the clock is ahead of UTC in an hour of its own, counted since 1970."""
    clock = datetime.fromtimestamp(local_hour * _HOUR, UTC).replace(tzinfo=_LONDON)
    found = clock.utcoffset()
    return int(found.total_seconds()) if found is not None else 0


@lru_cache(maxsize=65_536)
def _ahead_at(hour: int) -> int:
    found = datetime.fromtimestamp(hour * _HOUR, _LONDON).utcoffset()
    return int(found.total_seconds()) if found is not None else 0
