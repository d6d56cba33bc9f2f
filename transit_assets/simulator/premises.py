"""What the fire brigade is called to: kinds of place, how often and when, and what it turns out to be there."""

from dataclasses import dataclass
from functools import cache

import numpy as np

from transit_assets.simulator.noise import Floats, Ints

FIRE, FALSE_ALARM, SPECIAL = range(3)
GROUPS = ("Fire", "False Alarm", "Special Service")

ALWAYS, WORK, EVENING = range(3)
ANYWHERE, INNER, OUTER = range(3)

# Category, type, calls in a thousand, shares of fires and of false alarms (the rest are special services), pumps that
# are sent on average, when and where there are more. Rounded from what the brigade publishes.
_KINDS = (
    ("Dwelling", "Purpose Built Flats/Maisonettes - 4 to 9 storeys", 120, 0.10, 0.36, 1.6, ALWAYS, INNER),
    ("Dwelling", "House - single occupancy", 120, 0.16, 0.48, 1.7, EVENING, OUTER),
    ("Dwelling", "Purpose Built Flats/Maisonettes - Up to 3 storeys", 90, 0.13, 0.40, 1.55, EVENING, ANYWHERE),
    ("Road Vehicle", "Car", 52, 0.26, 0.14, 1.4, ALWAYS, OUTER),
    ("Dwelling", "Self contained Sheltered Housing", 44, 0.06, 0.86, 2.15, ALWAYS, ANYWHERE),
    ("Non Residential", "Purpose built office", 40, 0.03, 0.88, 1.2, WORK, INNER),
    ("Dwelling", "Converted Flat/Maisonettes - 3 or more storeys", 36, 0.12, 0.48, 1.7, EVENING, INNER),
    ("Outdoor Structure", "Small refuse/rubbish container", 30, 0.87, 0.13, 1.1, EVENING, ANYWHERE),
    ("Dwelling", "Purpose Built Flats/Maisonettes - 10 or more storeys", 30, 0.08, 0.36, 1.95, ALWAYS, INNER),
    ("Dwelling", "Converted Flat/Maisonette - Up to 2 storeys", 29, 0.14, 0.39, 1.55, EVENING, ANYWHERE),
    ("Non Residential", "Single shop", 28, 0.09, 0.75, 1.3, WORK, ANYWHERE),
    ("Other Residential", "Retirement/Old Persons Home", 22, 0.03, 0.86, 2.05, ALWAYS, OUTER),
    ("Outdoor", "Road surface/pavement", 18, 0.13, 0.12, 1.15, WORK, ANYWHERE),
    ("Outdoor", "Loose refuse", 17, 0.82, 0.18, 1.35, EVENING, ANYWHERE),
    ("Road Vehicle", "Multiple Vehicles", 16, 0.05, 0.01, 1.75, WORK, ANYWHERE),
    ("Non Residential", "Infant/Primary school", 14, 0.02, 0.93, 1.1, WORK, ANYWHERE),
    ("Non Residential", "Hospital", 14, 0.06, 0.85, 1.8, ALWAYS, INNER),
    ("Outdoor", "Domestic garden (vegetation not equipment)", 13, 0.58, 0.37, 1.45, EVENING, OUTER),
    ("Non Residential", "Restaurant/cafe", 12, 0.21, 0.66, 1.5, EVENING, INNER),
    ("Other Residential", "Nursing/Care Home/Hospice", 10, 0.09, 0.70, 1.9, ALWAYS, OUTER),
    ("Road Vehicle", "Motorcycle", 9, 0.56, 0.05, 1.15, EVENING, INNER),
    ("Non Residential", "Secondary school", 9, 0.04, 0.87, 1.1, WORK, ANYWHERE),
    ("Other Residential", "Hostel (e.g. for homeless people)", 9, 0.06, 0.87, 2.0, EVENING, INNER),
    ("Outdoor", "Tree scrub", 9, 0.75, 0.11, 1.05, EVENING, OUTER),
    ("Non Residential", "College/University", 8, 0.05, 0.82, 1.2, WORK, INNER),
    ("Non Residential", "Large supermarket", 8, 0.04, 0.84, 1.15, WORK, OUTER),
    ("Outdoor Structure", "Large refuse/rubbish container (eg skip/ paladin)", 8, 0.95, 0.05, 1.25, EVENING, ANYWHERE),
    ("Non Residential", "Warehouse", 7, 0.03, 0.91, 1.1, ALWAYS, OUTER),
    ("Other Residential", "Hotel/motel", 7, 0.09, 0.69, 1.4, ALWAYS, INNER),
    ("Outdoor Structure", "Wheelie bin (domestic size)", 6, 0.88, 0.11, 1.1, EVENING, OUTER),
    ("Non Residential", "Pub/wine bar/bar", 6, 0.21, 0.59, 1.45, EVENING, INNER),
    ("Outdoor", "Park", 6, 0.48, 0.24, 1.1, EVENING, ANYWHERE),
    ("Road Vehicle", "Van", 5, 0.47, 0.13, 1.4, WORK, ANYWHERE),
    ("Other Residential", "Student Hall of Residence", 5, 0.07, 0.87, 2.15, EVENING, INNER),
    ("Outdoor", "Lake/pond/reservoir", 4, 0.01, 0.10, 2.2, ALWAYS, OUTER),
    ("Non Residential", "Private Garden Shed", 3, 0.87, 0.11, 2.05, EVENING, OUTER),
    ("Road Vehicle", "Bus/coach", 3, 0.22, 0.40, 1.35, WORK, INNER),
    ("Road Vehicle", "Lorry/HGV", 3, 0.25, 0.21, 1.65, WORK, OUTER),
    ("Non Residential", "Airport - terminal", 2, 0.32, 0.66, 2.95, ALWAYS, OUTER),
    ("Aircraft", "Civilian aircraft", 1, 0.05, 0.15, 3.2, WORK, OUTER),
    ("Boat", "Houseboat (permanent dwelling)", 1, 0.30, 0.20, 2.7, EVENING, ANYWHERE),
    ("Rail Vehicle", "Trains - above ground", 1, 0.30, 0.20, 2.3, WORK, ANYWHERE),
)
SERVICES = (
    "Flooding",
    "Effecting entry/exit",
    "Lift Release",
    "No action (not false alarm)",
    "Medical Incident",
    "Advice Only",
    "RTC",
    "Making Safe (not RTC)",
    "Spills and Leaks (not RTC)",
    "Animal assistance incidents",
)
_IN_BUILDINGS = (0.26, 0.52, 0.76, 0.85, 0.91, 0.94, 0.94, 0.96, 0.98, 1.0)
_ON_WHEELS = (0.0, 0.02, 0.02, 0.07, 0.10, 0.12, 0.82, 0.88, 0.99, 1.0)
_OUTDOORS = (0.12, 0.14, 0.14, 0.24, 0.34, 0.42, 0.42, 0.66, 0.80, 1.0)


@dataclass(frozen=True)
class Kinds:
    """One element per kind of place."""

    category: tuple[str, ...]
    type: tuple[str, ...]
    fire: Floats
    false_alarm: Floats
    pumps: Floats
    is_dwelling: Ints
    is_vehicle: Ints
    is_outdoor: Ints


@cache
def kinds() -> Kinds:
    """All of them."""
    category = np.array([row[0] for row in _KINDS])
    return Kinds(
        category=tuple(row[0] for row in _KINDS),
        type=tuple(row[1] for row in _KINDS),
        fire=np.array([row[3] for row in _KINDS]),
        false_alarm=np.array([row[4] for row in _KINDS]),
        pumps=np.array([row[5] for row in _KINDS]),
        is_dwelling=(category == "Dwelling").astype(np.int64),
        is_vehicle=np.isin(category, ["Road Vehicle", "Rail Vehicle", "Aircraft"]).astype(np.int64),
        is_outdoor=np.isin(category, ["Outdoor", "Outdoor Structure", "Boat"]).astype(np.int64),
    )


def draw(luck: Floats, hour: Ints, is_weekend: Ints, is_inner: Ints) -> Ints:
    """The kind of place of calls, from numbers in [0, 1), by the hour of the day and whether they are in the centre."""
    part = np.where((hour >= 8) & (hour < 18), 0, np.where(hour >= 18, 1, 2))
    found = np.zeros(len(luck), dtype=np.int64)
    key = 4 * part + 2 * is_weekend + is_inner
    for one in np.unique(key).tolist():
        chosen = key == one
        found[chosen] = np.searchsorted(_cumulated(one), luck[chosen], side="right")
    return found


@cache
def _cumulated(key: int) -> Floats:
    part, is_weekend, is_inner = key // 4, key // 2 % 2, key % 2
    # A workplace by day, by evening and by night; a place of the evening likewise; what never sleeps.
    when = np.array([[1.0, 1.0, 1.0], [1.5, 0.6, 0.45], [0.8, 1.45, 1.0]])[:, part]
    if is_weekend:
        when = when * np.array([1.0, 0.55, 1.2])
    where = np.array([1.0, 1.6 if is_inner else 0.7, 0.55 if is_inner else 1.3])
    weights = np.array([row[2] * when[row[6]] * where[row[7]] for row in _KINDS])
    return np.cumsum(weights)[:-1] / weights.sum()


def service_of(kind: Ints, luck: Floats) -> Ints:
    """The special service at a kind of place, a position in `SERVICES`."""
    found = kinds()
    scale = np.array([_IN_BUILDINGS, _ON_WHEELS, _OUTDOORS])[found.is_vehicle[kind] + 2 * found.is_outdoor[kind]]
    return np.minimum((luck[:, None] >= scale).sum(axis=1), len(SERVICES) - 1)
