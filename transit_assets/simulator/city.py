"""The city that stands still: districts, and the stations in them.

Everything is invented from a seed except the geography: numbers of stations per arrondissement and
commune, their centres and their characters are close to those of Paris in the 2020s. What moves
(bikes, traffic) is a function of this city and an instant, in a module of its own.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from transit_assets.simulator.noise import Floats, Ints, normal, uniform


@dataclass(frozen=True)
class District:
    """An arrondissement or a commune; spreads are standard deviations in degrees.

    `office` is -1 where people sleep and 1 where they work; `fill` the mean share of docks with a bike.
    """

    prefix: int
    commune: str
    insee: str
    stations: int
    lat: float
    lon: float
    lat_spread: float
    lon_spread: float
    office: float
    fill: float


_PARIS = (
    # stations, lat, lon, spread lat, spread lon, office, fill
    (27, 48.8628, 2.3401, 0.0027, 0.0068, 0.8, 0.50),
    (24, 48.8682, 2.3427, 0.0020, 0.0055, 0.8, 0.46),
    (16, 48.8631, 2.3596, 0.0034, 0.0045, 0.3, 0.52),
    (26, 48.8554, 2.3572, 0.0035, 0.0064, 0.3, 0.50),
    (37, 48.8454, 2.3494, 0.0040, 0.0057, 0.3, 0.44),
    (33, 48.8497, 2.3332, 0.0044, 0.0055, 0.3, 0.42),
    (29, 48.8556, 2.3139, 0.0043, 0.0090, 0.5, 0.44),
    (53, 48.8740, 2.3117, 0.0044, 0.0090, 0.9, 0.38),
    (46, 48.8772, 2.3384, 0.0034, 0.0069, 0.6, 0.36),
    (49, 48.8757, 2.3599, 0.0034, 0.0069, 0.0, 0.36),
    (57, 48.8590, 2.3789, 0.0060, 0.0080, -0.5, 0.43),
    (70, 48.8399, 2.4001, 0.0065, 0.0150, 0.0, 0.45),
    (67, 48.8296, 2.3630, 0.0060, 0.0110, 0.1, 0.42),
    (55, 48.8300, 2.3258, 0.0060, 0.0090, -0.4, 0.33),
    (89, 48.8409, 2.2945, 0.0065, 0.0120, -0.1, 0.44),
    (66, 48.8607, 2.2733, 0.0100, 0.0100, -0.1, 0.34),
    (63, 48.8868, 2.3072, 0.0060, 0.0130, -0.2, 0.34),
    (59, 48.8910, 2.3459, 0.0050, 0.0100, -0.7, 0.31),
    (61, 48.8857, 2.3840, 0.0070, 0.0090, -0.6, 0.29),
    (64, 48.8623, 2.4016, 0.0080, 0.0080, -0.8, 0.27),
)
_COMMUNES = (
    (210, "Boulogne-Billancourt", "92012", 53, 48.8365, 2.2400, 0.0070, 0.0100, 0.3, 0.42),
    (213, "Issy-les-Moulineaux", "92040", 32, 48.8235, 2.2700, 0.0050, 0.0080, 0.4, 0.43),
    (217, "Vanves", "92075", 11, 48.8210, 2.2890, 0.0030, 0.0040, -0.5, 0.43),
    (224, "Malakoff", "92046", 13, 48.8190, 2.2990, 0.0030, 0.0050, -0.4, 0.43),
    (220, "Neuilly-sur-Seine", "92051", 21, 48.8850, 2.2680, 0.0040, 0.0080, 0.2, 0.42),
    (230, "Levallois-Perret", "92044", 26, 48.8935, 2.2880, 0.0030, 0.0060, 0.4, 0.42),
    (211, "Clichy", "92024", 20, 48.9035, 2.3060, 0.0030, 0.0060, 0.0, 0.38),
    (212, "Montrouge", "92049", 17, 48.8170, 2.3180, 0.0030, 0.0050, -0.2, 0.38),
    (215, "Suresnes", "92073", 7, 48.8700, 2.2270, 0.0060, 0.0060, 0.1, 0.36),
    (250, "Rueil-Malmaison", "92063", 10, 48.8770, 2.1850, 0.0090, 0.0110, 0.0, 0.33),
    (260, "Asnières-sur-Seine", "92004", 13, 48.9150, 2.2880, 0.0050, 0.0090, -0.5, 0.55),
    (270, "Colombes", "92025", 6, 48.9220, 2.2480, 0.0060, 0.0090, -0.5, 0.58),
    (300, "Bobigny", "93008", 4, 48.9090, 2.4430, 0.0040, 0.0120, 0.1, 0.46),
    (310, "Montreuil", "93048", 39, 48.8620, 2.4430, 0.0080, 0.0120, -0.5, 0.31),
    (317, "Bagnolet", "93006", 8, 48.8690, 2.4200, 0.0040, 0.0060, -0.4, 0.31),
    (350, "Pantin", "93055", 16, 48.8960, 2.4050, 0.0050, 0.0090, -0.1, 0.38),
    (320, "Saint-Denis", "93066", 22, 48.9330, 2.3560, 0.0070, 0.0080, 0.0, 0.40),
    (330, "Aubervilliers", "93001", 15, 48.9090, 2.3830, 0.0060, 0.0080, -0.4, 0.46),
    (340, "Saint-Ouen-sur-Seine", "93070", 10, 48.9085, 2.3340, 0.0040, 0.0070, 0.2, 0.46),
    (326, "Les Lilas", "93045", 18, 48.8880, 2.4150, 0.0050, 0.0070, -0.6, 0.31),
    (400, "Créteil", "94028", 16, 48.7840, 2.4570, 0.0090, 0.0100, -0.1, 0.41),
    (430, "Vincennes", "94080", 16, 48.8470, 2.4380, 0.0030, 0.0080, -0.4, 0.40),
    (434, "Joinville-le-Pont", "94042", 12, 48.8200, 2.4700, 0.0050, 0.0060, -0.6, 0.40),
    (420, "Ivry-sur-Seine", "94041", 27, 48.8140, 2.3850, 0.0060, 0.0090, -0.2, 0.44),
    (427, "Le Kremlin-Bicêtre", "94043", 15, 48.8100, 2.3600, 0.0040, 0.0060, -0.4, 0.43),
    (416, "Saint-Mandé", "94067", 12, 48.8425, 2.4185, 0.0030, 0.0040, -0.5, 0.40),
    (440, "Vitry-sur-Seine", "94081", 20, 48.7930, 2.3995, 0.0110, 0.0120, -0.5, 0.48),
    (413, "Nogent-sur-Marne", "94052", 6, 48.8370, 2.4830, 0.0050, 0.0080, -0.6, 0.48),
    (470, "Maisons-Alfort", "94046", 6, 48.8050, 2.4370, 0.0050, 0.0060, -0.4, 0.52),
    (480, "Villejuif", "94076", 11, 48.7910, 2.3620, 0.0060, 0.0050, -0.5, 0.30),
    (510, "Argenteuil", "95018", 7, 48.9470, 2.2480, 0.0050, 0.0100, -0.5, 0.37),
    (280, "Puteaux", "92062", 10, 48.8880, 2.2400, 0.0040, 0.0060, 0.9, 0.36),
)
DISTRICTS = tuple(
    District(number, "Paris", f"751{number:02d}", *values) for number, values in enumerate(_PARIS, start=1)
) + tuple(District(*values) for values in _COMMUNES)

_PLACE_NAMES = (
    "Abbesses Alésia Archives Arènes Arsenal Assas Bastille Batignolles Beaubourg Beaumarchais Belleville "
    "Benjamin_Franklin Bercy Bichat Blanche Bonaparte Botzaris Brancion Breteuil Cambronne Cardinet Censier "
    "Chanzy Charonne Châtelet Chevaleret Cluny Convention Corvisart Crimée Croulebarbe Damrémont Daumesnil "
    "Dauphine Denfert-Rochereau Diderot Dunkerque Dupleix Duroc Épinettes Étienne-Marcel Exelmans Faidherbe "
    "Falguière Flandre Gambetta Glacière Gobelins Grenelle Guy-Môquet Halles Haxo Italie Jaurès Jeanne-d'Arc "
    "Jourdain Jussieu Lamarck Laumière Lecourbe Ledru-Rollin Legendre Luxembourg Magenta Maubert Ménilmontant "
    "Michel-Ange Mirabeau Monceau Monge Montholon Montsouris Mouffetard Nationale Oberkampf Odéon Olympiades "
    "Ornano Ourcq Parmentier Pasteur Pelleport Pernety Picpus Plaisance Poissonnière Pyrénées Quinet Ranelagh "
    "Raspail Reuilly Richelieu Rivoli Roquette Rungis Saint-Antoine Saint-Fargeau Saint-Lazare Saint-Marcel "
    "Sébastopol Sèvres Simplon Solférino Stalingrad Tolbiac Trocadéro Turbigo Vaugirard Victor-Hugo Villiers "
    "Vivienne Voltaire Wagram"
)
PLACES = [name.replace("_", " ") for name in _PLACE_NAMES.split()]

_BOOM = (datetime(2022, 3, 1, tzinfo=UTC), datetime(2026, 9, 1, tzinfo=UTC))


@dataclass(frozen=True)
class Stations:
    """The bike stations, one element of every array each, in the order in which the operator lists them."""

    station_id: Ints
    code: tuple[str, ...]
    name: tuple[str, ...]
    commune: tuple[str, ...]
    insee: tuple[str, ...]
    lat: Floats
    lon: Floats
    capacity: Ints
    has_card_reader: NDArray[np.bool_]
    office: Floats
    leisure: Floats
    fill: Floats
    ebike_share: Floats
    opened_at: Ints
    report_seconds: Ints
    report_phase: Ints

    def __len__(self) -> int:
        return len(self.code)


@lru_cache(maxsize=4)
def stations(seed: int) -> Stations:
    """All stations of the city of one seed, those that open later included."""
    home = np.repeat(np.arange(len(DISTRICTS)), [district.stations for district in DISTRICTS])
    home = home[np.argsort(uniform(seed, "order", np.arange(len(home))), kind="stable")]
    index = np.arange(len(home))

    def of_district(name: str) -> Floats:
        return np.array([getattr(district, name) for district in DISTRICTS], dtype=np.float64)[home]

    capacity = np.clip(np.round(31.0 * np.exp(0.33 * normal(seed, "capacity", index))), 12, 76).astype(np.int64)
    is_large_id = uniform(seed, "idsize", index) < 0.25
    random_id = np.where(is_large_id, 18.5e9 + 1.5e9 * uniform(seed, "id", index), 3e8 * uniform(seed, "id", index))
    is_recent = uniform(seed, "recent", index) < 0.065
    boom = np.array([instant.timestamp() for instant in _BOOM])
    opened = boom[0] + (boom[1] - boom[0]) * uniform(seed, "opened", index)
    seconds = 180 + (1500 * uniform(seed, "period", index) ** 2).astype(np.int64)
    return Stations(
        station_id=random_id.astype(np.int64) // 2048 * 2048 + index,
        code=_codes(seed, home),
        name=_names(seed, len(home)),
        commune=tuple(DISTRICTS[number].commune for number in home),
        insee=tuple(DISTRICTS[number].insee for number in home),
        lat=np.round(of_district("lat") + of_district("lat_spread") * normal(seed, "lat", index), 6),
        lon=np.round(of_district("lon") + of_district("lon_spread") * normal(seed, "lon", index), 6),
        capacity=capacity,
        has_card_reader=uniform(seed, "card", index) < 0.58,
        office=np.clip(of_district("office") + 0.3 * normal(seed, "office", index), -1.0, 1.0),
        leisure=np.clip(0.5 * normal(seed, "leisure", index), -1.0, 1.0),
        fill=np.clip(of_district("fill") + 0.13 * normal(seed, "fill", index), 0.1, 0.85),
        ebike_share=np.clip(0.45 + 0.15 * normal(seed, "ebike", index), 0.1, 0.9),
        opened_at=np.where(is_recent, opened, 0).astype(np.int64),
        report_seconds=seconds,
        report_phase=(seconds * uniform(seed, "phase", index)).astype(np.int64),
    )


def _codes(seed: int, home: Ints) -> tuple[str, ...]:
    """Codes as the operator builds them, with gaps: arrondissement and three digits, or commune and two."""
    last: dict[int, int] = {}
    steps = 1 + (2.2 * uniform(seed, "code", np.arange(len(home)))).astype(np.int64)
    codes = []
    for district, step in zip(home.tolist(), steps.tolist(), strict=True):
        prefix = DISTRICTS[district].prefix
        # Gaps in the two digits of a large commune would run out of numbers.
        last[prefix] = last.get(prefix, 0) + (step if prefix <= len(_PARIS) or DISTRICTS[district].stations < 45 else 1)
        digits = 2 if prefix > len(_PARIS) else 3
        codes.append(f"{prefix}{last[prefix]:0{digits}d}")
    return tuple(codes)


def _names(seed: int, count: int) -> tuple[str, ...]:
    """Two different places joined by a dash; the numbering keeps names apart where a pair repeats."""
    first = (uniform(seed, "name1", np.arange(count)) * len(PLACES)).astype(np.int64)
    other = (uniform(seed, "name2", np.arange(count)) * (len(PLACES) - 1)).astype(np.int64)
    seen: dict[str, int] = {}
    names = []
    for one, two in zip(first.tolist(), other.tolist(), strict=True):
        name = f"{PLACES[one]} - {PLACES[two + (two >= one)]}"
        seen[name] = seen.get(name, 0) + 1
        names.append(name if seen[name] == 1 else f"{name} {seen[name]}")
    return tuple(names)
