"""The stations of RER B: UIC code, name, place on the line, and what the feeds call them.

Names and order are those of the original project's `relation_ordre_RER_B.csv`, which has no codes south of Gare du
Nord. There they are SNCF's own, as in the API of its open data; the termini among them stand in the polls of 2022 too.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import Literal

Branch = Literal["airport", "mitry", "trunk", "south"]


@dataclass(frozen=True)
class Station:
    """A station. `order` is its place from the north, `area` its number at Île-de-France Mobilités (ZdC), where known.

    `other_uics` are codes of SNCF for parts of it; `spellings` are names in feeds that folding does not make equal.
    """

    uic: str
    name: str
    order: int
    branch: Branch
    area: str | None = None
    spellings: tuple[str, ...] = ()
    other_uics: tuple[str, ...] = ()


STATIONS = (
    Station(
        "87001479",
        "Aéroport Charles de Gaulle 2 (Terminal 2)",
        1,
        "airport",
        "73699",
        ("Aéroport CDG 2 TGV", "Aéroport Charles de Gaulle 2 TGV", "Aéroport CDG 2", "Aéroport Charles de Gaulle 2"),
    ),
    Station(
        "87271460",
        "Aéroport CDG 1 (Terminal 3) - RER",
        2,
        "airport",
        "73596",
        ("Aéroport Charles de Gaulle 1 (Terminal 3)", "Aéroport CDG 1", "Aéroport Charles de Gaulle 1"),
    ),
    Station("87271486", "Parc des Expositions", 3, "airport", "73568"),
    Station("87271452", "Villepinte", 4, "airport", "73547"),
    Station("87271445", "Sevran Beaudottes", 5, "airport", "73491"),
    Station("87271528", "Mitry - Claye", 6, "mitry", "69065"),
    Station("87271510", "Villeparisis - Mitry-le-Neuf", 7, "mitry", "68916"),
    Station("87271437", "Vert Galant", 8, "mitry", "73482", ("Le Vert Galant",)),
    Station("87271429", "Sevran - Livry", 9, "mitry", "73439"),
    Station("87271411", "Aulnay-sous-Bois", 10, "trunk", "72646"),
    Station("87271478", "Le Blanc-Mesnil", 11, "trunk", "72648", ("Blanc-Mesnil",)),
    Station("87271403", "Drancy", 12, "trunk", "72652"),
    Station("87271395", "Le Bourget", 13, "trunk", "72641", ("Bourget",)),
    Station("87271304", "La Courneuve - Aubervilliers", 14, "trunk", "72598"),
    Station("87164798", "La Plaine Stade de France", 15, "trunk", "72211"),
    Station(
        "87271007",
        "Gare du Nord",
        16,
        "trunk",
        "71410",
        ("Paris Nord", "Paris Gare du Nord", "Gare du Nord RER"),
        ("87271031",),
    ),
    Station("87758607", "Châtelet les Halles", 17, "south", "474151", ("Châtelet",)),
    Station("87785436", "Saint-Michel Notre-Dame", 18, "south", "73620", ("Saint-Michel",), other_uics=("87547315",)),
    Station("87758615", "Luxembourg", 19, "south", "71161"),
    Station("87758623", "Port Royal", 20, "south"),
    Station("87758631", "Denfert-Rochereau", 21, "south", "71056"),
    Station("87758649", "Cité Universitaire", 22, "south", "70623"),
    Station("87758656", "Gentilly", 23, "south", "70543"),
    Station("87758664", "Laplace", 24, "south", "70427"),
    Station("87758672", "Arcueil - Cachan", 25, "south", "70263"),
    Station("87758680", "Bagneux", 26, "south", "70210"),
    Station("87758698", "Bourg-la-Reine", 27, "south", "70033"),
    Station("87758706", "Sceaux", 28, "south", "74265"),
    Station("87758714", "Fontenay-aux-Roses", 29, "south", "70133"),
    Station("87758722", "Robinson", 30, "south", "427230"),
    Station("87758730", "Parc de Sceaux", 31, "south", "69906"),
    Station("87758748", "La Croix de Berny", 32, "south", "69813"),
    Station("87758755", "Antony", 33, "south", "69759"),
    Station("87758763", "Fontaine Michalon", 34, "south", "69647"),
    Station("87758771", "Les Baconnets", 35, "south", "69622"),
    Station("87758789", "Massy - Verrières", 36, "south", "63320"),
    Station("87393579", "Massy - Palaiseau", 37, "south", "63244"),
    Station("87758805", "Palaiseau", 38, "south", "63175"),
    Station("87758813", "Palaiseau - Villebon", 39, "south", "63067"),
    Station("87758821", "Lozère", 40, "south", "63029"),
    Station("87758839", "Le Guichet", 41, "south", "63025"),
    Station("87758847", "Orsay Ville", 42, "south", "62892"),
    Station("87758854", "Bures-sur-Yvette", 43, "south", "62851"),
    Station("87758862", "La Hacquinière", 44, "south", "62825"),
    Station("87758870", "Gif-sur-Yvette", 45, "south", "62890"),
    Station("87758888", "Courcelle-sur-Yvette", 46, "south", "62951"),
    Station("87758896", "Saint-Rémy-lès-Chevreuse", 47, "south", "62978"),
)
"""From north to south, the airport's branch before Mitry's."""

# The number of a station in the forms that hold one: `IDFM:71410`, `stop_area:IDFM:71410`, `STIF:StopArea:SP:71410:`.
# A number after another word (`StopPoint:Q`) counts something else.
_AREA = re.compile(r"(?:(?:^|:)IDFM:|STIF:StopArea:SP:)(\d+):?$")
_PLACE = re.compile(r"(?:monomodalStopPlace:|STIF:StopArea:SP:)(\d+):?$")
# Numbers of the railway's part of an area (ZdA), by which estimated timetables and disruptions name stations. They are
# those of the recorded disruptions; none is the number of another area.
_PLACES = {
    "473364": "87001479",
    "462398": "87271460",
    "47878": "87271486",
    "58793": "87271452",
    "43193": "87271445",
    "43164": "87271528",
    "46725": "87271510",
    "46222": "87271437",
    "43194": "87271429",
    "43071": "87271411",
    "46163": "87271478",
    "43122": "87271403",
    "43231": "87271395",
    "43140": "87271304",
    "43145": "87164798",
    "462394": "87271007",
    "45102": "87758607",
    "44877": "87785436",
    "43833": "87758615",
    "44500": "87758623",
    "473890": "87758631",
    "473843": "87758649",
    "45877": "87758656",
    "43607": "87758664",
    "43067": "87758672",
    "44493": "87758680",
    "43097": "87758698",
    "59206": "87758706",
    "43125": "87758714",
    "43186": "87758722",
    "43177": "87758730",
    "46007": "87758748",
    "43066": "87758755",
    "43124": "87758763",
    "43228": "87758771",
    "47940": "87758789",
    "58774": "87393579",
    "47009": "87758805",
    "43175": "87758813",
    "474069": "87758821",
    "43232": "87758839",
    "43086": "87758847",
    "43103": "87758854",
    "47046": "87758862",
    "47888": "87758870",
    "47052": "87758888",
    "47889": "87758896",
}
_UIC = re.compile(r"(?<!\d)87\d{6}(?!\d)")
_EMPTY_WORDS = frozenset({"gare", "rer", "b", "de", "d"})


def by_uic(code: str | None) -> Station | None:
    """The station with a UIC code."""
    return _by_uic().get(code or "")


def station_of(identifier: str | None, name: str | None = None) -> Station | None:
    """The station that an identifier of any feed (`stop_area:SNCF:87271007`, `IDFM:71410`) says, else a name.

    Names of stations are names of bus stops too: give one only for a stop of the line.
    """
    return _of_identifier(identifier or "") or (_by_name().get(folded(name)) if name else None)


def direction_of_number(train_number: str | None) -> str | None:
    """The direction by the last digit of the number of a train (`PITO44`, `147347`): even south, odd north."""
    digit = (train_number or "")[-1:]
    return (None if not digit.isdecimal() else "south" if int(digit) % 2 == 0 else "north") if digit else None


def folded(name: str) -> str:
    """A name without accents, case, punctuation and words that only say what it is."""
    plain = unicodedata.normalize("NFKD", name)
    letters = "".join(letter for letter in plain if not unicodedata.combining(letter)).casefold()
    words = ["saint" if word == "st" else word for word in re.findall(r"[a-z]+|[0-9]+", letters)]
    if words[:2] == ["gare", "du"]:  # of Gare du Nord it is the name
        return " ".join(word for word in words if word not in _EMPTY_WORDS - {"gare"})
    return " ".join(word for word in words if word not in _EMPTY_WORDS)


def _of_identifier(identifier: str) -> Station | None:
    for code in _UIC.findall(identifier):
        if (found := by_uic(code)) is not None:
            return found
    area, place = _AREA.search(identifier), _PLACE.search(identifier)
    return (area and _by_area().get(area.group(1))) or (place and by_uic(_PLACES.get(place.group(1)))) or None


@cache
def _by_uic() -> dict[str, Station]:
    return {code: station for station in STATIONS for code in (station.uic, *station.other_uics)}


@cache
def _by_area() -> dict[str, Station]:
    return {station.area: station for station in STATIONS if station.area is not None}


@cache
def _by_name() -> dict[str, Station]:
    return {folded(name): station for station in STATIONS for name in (station.name, *station.spellings)}
