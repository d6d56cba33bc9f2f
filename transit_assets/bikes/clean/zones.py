"""Zones: the arrondissement or commune a station belongs to.

The operator's numbering tells it where the provider does not: the thousands of a code are the arrondissement
up to 20, and the first three digits of a higher one are a commune (checked against the coordinates of the
1,495 stations of October 2025).
"""

_COMMUNES = {
    "210": "Boulogne-Billancourt",
    "211": "Clichy",
    "212": "Montrouge",
    "213": "Issy-les-Moulineaux",
    "214": "Clamart",
    "215": "Suresnes",
    "217": "Vanves",
    "219": "Meudon",
    "220": "Neuilly-sur-Seine",
    "221": "Saint-Cloud",
    "222": "Bagneux",
    "223": "Gennevilliers",
    "224": "Malakoff",
    "225": "La Garenne-Colombes",
    "226": "Fontenay-aux-Roses",
    "227": "Bois-Colombes",
    "230": "Levallois-Perret",
    "231": "Sèvres",
    "232": "Châtillon",
    "233": "Sceaux",
    "234": "Bourg-la-Reine",
    "237": "Chaville",
    "238": "Garches",
    "239": "Villeneuve-la-Garenne",
    "240": "Courbevoie",
    "241": "Ville-d'Avray",
    "250": "Rueil-Malmaison",
    "260": "Asnières-sur-Seine",
    "270": "Colombes",
    "280": "Puteaux",
    "300": "Bobigny",
    "310": "Montreuil",
    "311": "Rosny-sous-Bois",
    "312": "La Courneuve",
    "313": "Noisy-le-Sec",
    "317": "Bagnolet",
    "320": "Saint-Denis",
    "323": "Romainville",
    "326": "Les Lilas",
    "330": "Aubervilliers",
    "331": "Le Pré-Saint-Gervais",
    "340": "Saint-Ouen-sur-Seine",
    "345": "L'Île-Saint-Denis",
    "350": "Pantin",
    "400": "Créteil",
    "411": "Arcueil",
    "412": "Fontenay-sous-Bois",
    "413": "Nogent-sur-Marne",
    "414": "Alfortville",
    "416": "Saint-Mandé",
    "420": "Ivry-sur-Seine",
    "422": "Charenton-le-Pont",
    "423": "Cachan",
    "425": "Gentilly",
    "427": "Le Kremlin-Bicêtre",
    "430": "Vincennes",
    "432": "Thiais",
    "434": "Joinville-le-Pont",
    "440": "Vitry-sur-Seine",
    "441": "Saint-Maurice",
    "450": "Champigny-sur-Marne",
    "460": "Choisy-le-Roi",
    "470": "Maisons-Alfort",
    "480": "Villejuif",
    "510": "Argenteuil",
    "920": "Nanterre",
}
_LAST_ARRONDISSEMENT = 20


def zone_of(station_code: str | None, commune: str | None) -> tuple[str | None, str | None]:
    """The zone of a station and what tells it (`provider` or `station_code`); nulls where nothing does."""
    numbered = _numbered(station_code)
    if commune is not None and commune != "Paris":
        return commune, "provider"
    return (numbered, "station_code") if numbered else (commune, "provider" if commune else None)


def _numbered(station_code: str | None) -> str | None:
    digits = (station_code or "").partition("_")[0]
    if not digits.isdecimal() or len(digits) not in (4, 5):
        return None
    arrondissement = int(digits) // 1000
    if 1 <= arrondissement <= _LAST_ARRONDISSEMENT:
        return f"Paris {arrondissement}{'er' if arrondissement == 1 else 'e'}"
    return _COMMUNES.get(digits[:3])
