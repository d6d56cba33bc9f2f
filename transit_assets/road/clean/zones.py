"""Arrondissements of Paris by place: the city's own borders (`arrondissements.json` says whose and how simplified)."""

import json
from functools import cache
from importlib.resources import files

import numpy as np


@cache
def _rings() -> dict[str, np.ndarray]:
    """The border of each zone, closed: rows of longitude and latitude."""
    text = (files(__package__) / "arrondissements.json").read_text(encoding="utf-8")
    rings = json.loads(text)["rings"]
    return {_name(int(number)): np.array([*ring, ring[0]]) for number, ring in rings.items()}


def _name(number: int) -> str:
    return f"Paris {number}{'er' if number == 1 else 'e'}"


def zones_of(latitude: np.ndarray, longitude: np.ndarray) -> list[str | None]:
    """The arrondissement of each place, `Paris 8e`; None outside Paris and where the place is not known (NaN)."""
    zones: list[str | None] = [None] * len(latitude)
    for name, ring in _rings().items():
        for at in np.flatnonzero(_is_inside(longitude, latitude, ring)):
            zones[at] = name
    return zones


def _is_inside(x: np.ndarray, y: np.ndarray, ring: np.ndarray) -> np.ndarray:
    """Whether a ray to the east from each point crosses the ring an odd number of times."""
    (x1, y1), (x2, y2) = ring[:-1].T[..., None], ring[1:].T[..., None]
    spans = (y1 > y) != (y2 > y)
    with np.errstate(divide="ignore", invalid="ignore"):
        is_east = x < x1 + (y - y1) * (x2 - x1) / (y2 - y1)
    return (spans & is_east).sum(axis=0) % 2 == 1
