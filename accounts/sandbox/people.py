"""People who do not exist: plausible names from several languages, always the same for the same number."""

import unicodedata
from functools import cache
from random import Random
from typing import NamedTuple

from accounts.sandbox.timeline import chance


class Place(NamedTuple):
    language: str
    cities: tuple[str, ...]
    first: tuple[str, ...]
    last: tuple[str, ...]


PLACES = (
    Place("de", ("Basel", "Köln", "Wien", "Zürich", "Leipzig"),
          ("Anna", "Jürgen", "Lena", "Matthias", "Sophie", "Björn", "Katharina", "Felix"),
          ("Müller", "Schäfer", "Weiß", "Baumann", "Huber", "Vogel", "Krüger", "Lindner")),
    Place("fr", ("Lyon", "Genève", "Nantes", "Liège", "Montréal"),
          ("Chloé", "Étienne", "Margaux", "Loïc", "Inès", "Mathéo", "Aurélie", "Hugo"),
          ("Lefèvre", "Moreau", "Dubois", "Girard", "Perrin", "Garnier", "Chevalier", "Benoît")),
    Place("es", ("Sevilla", "Bogotá", "Valparaíso", "Bilbao", "Córdoba"),
          ("Lucía", "Íñigo", "Martina", "Joaquín", "Sofía", "Andrés", "Ximena", "Rubén"),
          ("García", "Núñez", "Ortega", "Ibáñez", "Castillo", "Peña", "Domínguez", "Salas")),
    Place("en", ("Bristol", "Dublin", "Toronto", "Perth", "Austin"),
          ("Grace", "Oliver", "Aoife", "Jack", "Priya", "Daniel", "Zoe", "Liam"),
          ("O'Connor", "Wright", "Sharma", "Bennett", "Clarke", "Murphy", "Hughes", "Walker")),
    Place("it", ("Torino", "Bologna", "Lugano", "Trieste", "Palermo"),
          ("Giulia", "Niccolò", "Chiara", "Matteo", "Elisa", "Davide", "Noemi", "Luca"),
          ("Rossi", "Ferrari", "Esposito", "Conti", "Galli", "Marchetti", "Riva", "Fontana")),
    Place("pl", ("Gdańsk", "Łódź", "Kraków", "Wrocław", "Poznań"),
          ("Zofia", "Paweł", "Agnieszka", "Michał", "Małgorzata", "Łukasz", "Kinga", "Tomasz"),
          ("Kowalska", "Wiśniewski", "Zieliński", "Dąbrowska", "Wójcik", "Kamińska", "Nowak", "Mazur")),
    Place("tr", ("İzmir", "Ankara", "Bursa", "Antalya", "Eskişehir"),
          ("Ayşe", "Emre", "Elif", "Çağlar", "Zeynep", "Oğuz", "Defne", "Mert"),
          ("Yılmaz", "Şahin", "Kaya", "Öztürk", "Aydın", "Çelik", "Arslan", "Güneş")),
)  # fmt: skip
DOMAINS = (
    "mail.example",
    "inbox.example",
    "post.example",
    "letters.example",
    "example.com",
    "example.org",
    "firm.example",
)
PLAIN = str.maketrans({"ß": "ss", "ł": "l", "Ł": "L", "ı": "i", "ø": "o", "'": ""})


class Person(NamedTuple):
    email: str
    first: str
    last: str
    language: str
    city: str


def person(luck: Random, number: int) -> Person:
    """The number stands in the address, so that no two people share one."""
    place = luck.choice(PLACES)
    first, last = luck.choice(place.first), luck.choice(place.last)
    domain = luck.choices(DOMAINS, (30, 18, 12, 8, 16, 10, 6))[0]
    return Person(
        f"{_plain(first)}.{_plain(last)}{number}@{domain}",
        first,
        last,
        place.language,
        luck.choice(place.cities),
    )


def demo_person(number: int) -> tuple[Person, Random]:
    """Person `number` of the demo, the same in every account that knows them, and their luck for all else."""
    luck = chance("demo", number)
    return person(luck, number + 1), luck


@cache
def _plain(name: str) -> str:
    decomposed = unicodedata.normalize("NFKD", name.translate(PLAIN))
    return "".join(c for c in decomposed if c.isascii() and c.isalnum()).lower()
