"""What goes wrong on the simulated RER B, and what travellers are told of it, at any instant.

An incident happens, is noticed, is told with an end that is guessed anew every so often, and lingers a while after its
end. As at the real provider every change makes a new identifier. Works at night are told days before, and a lift that
is out for weeks.
"""

from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from uuid import UUID

import numpy as np

from transit_assets.simulator.noise import uniform
from transit_assets.simulator.rail_line import AIRPORT_BRANCH, AULNAY, CDG1, GARE_DU_NORD, MITRY_BRANCH, STOPS, TRUNK
from transit_assets.simulator.rail_timetable import start_of

BLOCKING, DISTURBED, INFORMATION = "BLOQUANTE", "PERTURBEE", "INFORMATION"
WORKS, INCIDENT = "TRAVAUX", "PERTURBATION"

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_SLOTS = 3  # most incidents of a day
_CHANCE = 0.4  # of each: 1.2 a day; of RER B the recordings of three weeks have about as many
_REASONS = (
    "panne de signalisation",
    "malaise d'un voyageur",
    "bagage oublié",
    "panne d'un train",
    "présence de personnes sur les voies",
    "obstacle sur la voie",
    "difficultés d'exploitation",
)
_OF_EXPRESS = {*AIRPORT_BRANCH, *TRUNK}  # what it passes between two calls
_SECTIONS = (AIRPORT_BRANCH, MITRY_BRANCH, TRUNK, TRUNK, range(TRUNK.start, len(STOPS)))
_WORKS_AT, _WORKS_END = 22 * _HOUR + 45 * _MINUTE, 28 * _HOUR
_WORKS_TOLD = 5 * _DAY


@dataclass(frozen=True)
class Incident:
    """What keeps trains from running as planned between two stations (positions), both ways, from start to end (Unix
    times). Travellers hear of it from `told_at` until `closed_at`; `slows` multiplies running times."""

    key: str
    stops: tuple[int, ...]
    start: int
    end: int
    told_at: int
    closed_at: int
    is_blocking: bool
    slows: float
    reason: str
    cause: str = INCIDENT

    def touches(self, first: int, second: int) -> bool:
        """Whether trains between two stations, the next call of each other, go through it."""
        low, high = min(first, second), max(first, second)
        passed = _OF_EXPRESS if (low, high) == (CDG1, GARE_DU_NORD) else {low, high}
        return len(passed.intersection(self.stops)) > 1


@dataclass(frozen=True)
class Notice:
    """One version of what travellers are told. `begin` and `end` bound when it applies, as it says."""

    id: str
    number: int
    incident: Incident
    updated_at: int
    begin: int
    end: int
    severity: str
    title: str
    message: str


@lru_cache(maxsize=512)
def incidents_of(seed: int, day: int) -> tuple[Incident, ...]:
    """The incidents that start on a service date (counted since 1970), and its works at night."""
    found = []
    slots = np.arange(_SLOTS)
    happens, at, length, detection, kind, where, after, slow = (
        uniform(seed, f"rail/{name}", slots, day).tolist()
        for name in ("happens", "at", "length", "noticed", "kind", "where", "after", "slow")
    )
    for slot in range(_SLOTS):
        if happens[slot] >= _CHANCE:
            continue
        start = start_of(day) + int((5.5 + 18 * at[slot]) * _HOUR)
        end = start + int(12 * _MINUTE * 8 ** length[slot])
        is_blocking = kind[slot] < 0.3
        found.append(
            Incident(
                key=f"{day}-{slot}",
                stops=tuple(_SECTIONS[int(where[slot] * len(_SECTIONS))]),
                start=start,
                end=end,
                told_at=start + int((2 + 4 * detection[slot]) * _MINUTE),
                closed_at=end + int((8 + 15 * after[slot]) * _MINUTE),
                is_blocking=is_blocking,
                slows=1.3 + 0.9 * slow[slot],
                reason=_REASONS[int(kind[slot] * 97) % len(_REASONS)],
            )
        )
    return (*found, *_works(seed, day))


def _works(seed: int, day: int) -> tuple[Incident, ...]:
    """Works of a night from Monday to Thursday, in every third week, on one of the branches."""
    week, weekday = (day + 3) // 7, (day + 3) % 7
    if weekday > 3 or uniform(seed, "rail/works", week)[0] >= 1 / 3:
        return ()
    branch = AIRPORT_BRANCH if uniform(seed, "rail/branch", week)[0] < 0.5 else MITRY_BRANCH
    start, end = start_of(day) + _WORKS_AT, start_of(day) + _WORKS_END
    monday = start_of(day - weekday)
    stops = (*branch, AULNAY)
    return (Incident(f"works-{week}", stops, start, end, monday - _WORKS_TOLD, end, True, 1.0, "travaux", WORKS),)


def notices(seed: int, at: int) -> list[Notice]:
    """What travellers are told at a Unix time, newest first."""
    today = at // _DAY
    found: dict[str, Notice] = {}
    for day in range(today - 1, today + _WORKS_TOLD // _DAY + 5):
        for incident in incidents_of(seed, day):
            if incident.key not in found and incident.told_at <= at < incident.closed_at:
                found[incident.key] = _notice(seed, incident, at)
    return sorted([*found.values(), _lift(seed, at)], key=lambda one: one.updated_at, reverse=True)


def _notice(seed: int, incident: Incident, at: int) -> Notice:
    if incident.cause == WORKS:
        return _of_works(seed, incident)
    step = 15 * _MINUTE
    is_over = at >= incident.end
    number = (min(at, incident.end) - incident.told_at) // step + int(is_over)
    updated_at = incident.end if is_over else incident.told_at + number * step
    # Ends are guessed too early at first, in round quarters of an hour.
    guess = incident.closed_at if is_over else -(-(updated_at + 20 * _MINUTE) // step) * step
    stops = incident.stops
    between = f"entre {STOPS[stops[0]].name} et {STOPS[stops[-1]].name}"
    what = "reprend progressivement" if is_over else "est interrompu" if incident.is_blocking else "est perturbé"
    label = "Retour à la normale" if is_over else "Trafic interrompu" if incident.is_blocking else "Trafic perturbé"
    return Notice(
        id=_uuid(seed, incident.key, number),
        number=number,
        incident=incident,
        updated_at=updated_at,
        begin=incident.start,
        end=guess,
        severity=BLOCKING if incident.is_blocking and not is_over else DISTURBED,
        title=f"RER B : {incident.reason.capitalize()} - {label}",
        message=f"<p>Le trafic {what} {between}.<br>Motif : {incident.reason}.<br></p>",
    )


def _of_works(seed: int, incident: Incident) -> Notice:
    stops = incident.stops
    between = f"entre {STOPS[stops[0]].name} et {STOPS[stops[-1]].name}"
    return Notice(
        id=_uuid(seed, incident.key, 0),
        number=0,
        incident=incident,
        updated_at=incident.told_at,
        begin=incident.start,
        end=incident.end,
        severity=BLOCKING,
        title="RER B : Travaux - Trafic interrompu",
        message=f"<p>&Agrave; partir de 22h45, le trafic est interrompu {between} en raison de travaux.<br></p>",
    )


def _lift(seed: int, at: int) -> Notice:
    """A lift that is out for weeks: what is told without touching any train."""
    spell = at // (20 * _DAY)
    stop = int(uniform(seed, "rail/lift", spell)[0] * len(STOPS))
    start, end = spell * 20 * _DAY, (spell + 1) * 20 * _DAY
    lift = Incident(f"lift-{spell}", (stop,), start, end, start, end, False, 1.0, "ascenseur", INFORMATION)
    return Notice(
        id=_uuid(seed, lift.key, 0),
        number=0,
        incident=lift,
        updated_at=start,
        begin=start,
        end=end,
        severity=INFORMATION,
        title=f"{STOPS[stop].name} : Ascenseur indisponible",
        message=f"<p>L'ascenseur de la gare {STOPS[stop].name} est hors service.</p>",
    )


def _uuid(seed: int, key: str, number: int) -> str:
    return str(UUID(bytes=blake2b(f"{seed}|{key}|{number}".encode(), digest_size=16).digest(), version=4))
