"""The city's weather: how hard it rains and how warm it is, at any instant, from the seed alone."""

import numpy as np

from transit_assets.simulator.noise import Floats, smooth

_HOUR, _YEAR = 3600.0, 365.2425 * 86400.0


def rain(seed: int, seconds: Floats) -> Floats:
    """Intensity of rain between 0 (dry, most of the time) and 1 (a downpour), at Unix times."""
    spell = smooth(seed, "rain", 0, seconds / (9.0 * _HOUR))
    shower = smooth(seed, "shower", 0, seconds / (1.5 * _HOUR))
    return np.clip(1.6 * (0.7 * spell + 0.3 * shower) - 0.45, 0.0, 1.0)


def temperature_celsius(seed: int, seconds: Floats) -> Floats:
    """Air temperature at Unix times: a year, a day, and spells of several days."""
    year = -np.cos(2.0 * np.pi * (seconds / _YEAR - 0.055))
    day = -np.cos(2.0 * np.pi * (seconds / 86400.0 - 0.12))
    return 12.0 + 8.0 * year + 3.5 * day + 5.0 * smooth(seed, "spell", 0, seconds / (60.0 * _HOUR))
