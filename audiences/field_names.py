"""What a field is called elsewhere → what it is here."""

import re
import unicodedata

# What accounts and files call the fields that have a column of their own here, folded.
STANDARD_NAMES: dict[str, str] = {
    name: key
    for key, names in {
        "first_name": "firstname fname givenname forename prenom vorname nombre nome voornaam fornavn fornamn"
        " etunimi imie jmeno keresztnev primeironome nombres",
        "last_name": "lastname lname surname familyname nom nomdefamille nachname familienname apellido apellidos"
        " cognome sobrenome apelido achternaam etternavn efternavn efternamn sukunimi nazwisko prijmeni vezeteknev",
        "language": "language lang locale langue sprache idioma lingua taal sprog sprak kieli jezyk jazyk nyelv",
        "city": "city town ville stadt ort wohnort ciudad citta cidade stad plaats by kaupunki miasto mesto varos",
        "country": "country countrycode pays land pais paese maa kraj zeme orszag",
        "phone": "sms phone phonenumber mobile mobilephone telephone tel telefon telefono telefone telefoon puhelin"
        " handy portable movil cellulare celular",
    }.items()
    for name in names.split()
}
EMAIL_NAMES = frozenset(
    [
        "email",
        "emailaddress",
        "emailadress",
        "mail",
        "mailaddress",
        "address",
        "emailadresse",
        "mailadresse",
        "adresseemail",
        "adressemail",
        "courriel",
        "mel",
        "correo",
        "correoelectronico",
        "indirizzoemail",
        "endemail",
        "epost",
        "epostadress",
        "epostadresse",
        "sahkoposti",
        "emailadres",
        "adresemail",
        "subscriber",
        "recipient",
    ]
)
# What tells when somebody agreed, folded.
_CONSENT_NAMES = (
    "consent consentat consentdate consentday consenttime consentwhen consentgiven consentgivenat consentgivenon dateofconsent"
    " optin optinat optindate optintime doptin doubleoptin doubleoptinat doubleoptindate agreedat agreedon einwilligung"
    " einwilligungam einwilligungsdatum einwilligungvom zustimmung zustimmungam zustimmungsdatum dateduconsentement"
    " dateconsentement consentement datadelconsenso dataconsenso consenso fechadeconsentimiento fechaconsentimiento"
    " consentimiento toestemming toestemmingsdatum datumtoestemming samtycke samtykke"
)
CONSENT_NAMES = frozenset(_CONSENT_NAMES.split())
# Folded.
_BIRTHDAY_NAMES = frozenset(
    [
        "birthday",
        "birthdate",
        "birth",
        "born",
        "dob",
        "dateofbirth",
        "bday",
        "geburtstag",
        "geburtsdatum",
        "geboren",
        "gebdatum",
        "datedenaissance",
        "naissance",
        "fechadenacimiento",
        "nacimiento",
        "cumpleanos",
        "datadenascimento",
        "nascimento",
        "aniversario",
        "geboortedatum",
        "geboorte",
        "verjaardag",
        "datadinascita",
        "compleanno",
        "fodselsdag",
        "fodelsedag",
        "fodselsdato",
        "syntymaaika",
        "dataurodzenia",
    ]
)


def fold(name: str) -> str:
    """Without accents, case and punctuation."""
    return re.sub(r"[^a-z0-9]", "", _ascii(name).lower())


def in_letters(name: str) -> str:
    """What is the same for names that differ in nothing but capitals, accents and blanks."""
    letters = unicodedata.normalize("NFKD", name.casefold())
    return "".join(
        letter for letter in letters if not (unicodedata.combining(letter) or letter.isspace())
    ).casefold()


def tells_births(*names: str) -> bool:
    """Whether by one of its names a field tells when somebody was born."""
    return not _BIRTHDAY_NAMES.isdisjoint(map(fold, names))


def key_of(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", _ascii(name).lower()).strip("_")[:50] or "field"


def label_of(name: str, *, keeps_capitals: bool = False) -> str:
    """A name to show; accounts write all of theirs in capitals, a file only what it means to."""
    words = name.replace("_", " ").strip()
    return (words.capitalize() if words.isupper() and not keeps_capitals else words)[:120] or "Field"


def _ascii(text: str) -> str:
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
