"""The simulated RER B: its northern stations, the first four south of Gare du Nord, and how trains run between them.

Names, identifiers and places are those of Île-de-France Mobilités; running times and stops are the medians of the real
schedule of 24 June 2022, rounded.
"""

from dataclasses import dataclass

LINE = "C01743"
NORTH, SOUTH = 1, 0  # `direction_id` of the real feed


@dataclass(frozen=True)
class Stop:
    """A station: the number of its area (ZdC) and of the railway's part of it (ZdA)."""

    name: str
    area: int
    place: int
    lat: float
    lon: float
    dwell: int = 30


STOPS = (
    Stop("Aéroport Charles de Gaulle 2 (Terminal 2)", 73699, 473364, 49.004146, 2.570980, 0),
    Stop("Aéroport CDG 1 (Terminal 3) - RER", 73596, 462398, 49.009794, 2.561412, 60),
    Stop("Parc des Expositions", 73568, 47878, 48.973568, 2.514551),
    Stop("Villepinte", 73547, 58793, 48.962565, 2.512784),
    Stop("Sevran Beaudottes", 73491, 43193, 48.947002, 2.524726),
    Stop("Mitry - Claye", 69065, 43164, 48.975748, 2.642234, 0),
    Stop("Villeparisis - Mitry-le-Neuf", 68916, 46725, 48.953162, 2.603221),
    Stop("Vert Galant", 73482, 46222, 48.944092, 2.566397),
    Stop("Sevran - Livry", 73439, 43194, 48.936402, 2.535289),
    Stop("Aulnay-sous-Bois", 72646, 43071, 48.932151, 2.495597, 50),
    Stop("Le Blanc-Mesnil", 72648, 46163, 48.932307, 2.475388),
    Stop("Drancy", 72652, 43122, 48.932733, 2.454883),
    Stop("Le Bourget", 72641, 43231, 48.930744, 2.425826),
    Stop("La Courneuve - Aubervilliers", 72598, 43140, 48.924297, 2.386114),
    Stop("La Plaine Stade de France", 72211, 43145, 48.918077, 2.362460, 50),
    Stop("Gare du Nord", 71410, 462394, 48.882307, 2.356693, 60),
    Stop("Châtelet les Halles", 474151, 45102, 48.861745, 2.346977, 40),
    Stop("Saint-Michel Notre-Dame", 73620, 44877, 48.853024, 2.344960, 40),
    Stop("Luxembourg", 71161, 43833, 48.845432, 2.339809, 40),
    Stop("Denfert-Rochereau", 71056, 473890, 48.833186, 2.333221, 50),
)
"""From north to south, the airport's branch before Mitry's."""

CDG1, AULNAY, GARE_DU_NORD = 1, 9, 15
AIRPORT_BRANCH, MITRY_BRANCH, TRUNK = range(0, 5), range(5, 9), range(9, 16)

# Seconds between two stations that a train calls at one after the other.
_RUN = {
    (0, 1): 130,
    (1, 2): 285,
    (2, 3): 90,
    (3, 4): 110,
    (4, 9): 170,
    (5, 6): 220,
    (6, 7): 150,
    (7, 8): 210,
    (8, 9): 170,
    (9, 10): 110,
    (10, 11): 100,
    (11, 12): 140,
    (12, 13): 170,
    (13, 14): 120,
    (14, 15): 270,
    (1, 15): 1650,
    (15, 16): 180,
    (16, 17): 80,
    (17, 18): 90,
    (18, 19): 120,
}


@dataclass(frozen=True)
class Service:
    """A kind of train: where it stops, from north to south, when it leaves Gare du Nord (minutes after each interval
    begins), and its missions to the north and to the south."""

    stops: tuple[int, ...]
    minute: int
    missions: tuple[tuple[str, ...], tuple[str, ...]]
    last_hour: int = 24

    @property
    def is_express(self) -> bool:
        return AULNAY not in self.stops


_PARIS = (15, 16, 17, 18, 19)
SERVICES = (
    Service((0, 1, *_PARIS), 0, (("EPOC", "EPON"), ("PIKI", "PIDO")), 21),
    Service((5, 6, 7, 8, *TRUNK, *_PARIS[1:]), 5, (("ILIT", "ILEK"), ("SODA", "SONO"))),
    Service((*AIRPORT_BRANCH, *TRUNK, *_PARIS[1:]), 10, (("ERUI", "ERDI"), ("KAPA", "KALI"))),
)


def run_seconds(first: int, second: int) -> int:
    """Seconds from one station to another at which the train calls next, either way."""
    return _RUN[min(first, second), max(first, second)]


def stop_of_area(number: int) -> int | None:
    """The position of the station with this area (ZdC) or railway part (ZdA); None where it is none of the line's."""
    return next((place for place, stop in enumerate(STOPS) if number in (stop.area, stop.place)), None)
