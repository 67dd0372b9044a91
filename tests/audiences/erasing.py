"""Whom these tests erase, and a look into every table there is."""

import base64
import contextlib
import json
import zlib
from hashlib import blake2b

from django.db import connection as database

from audiences import services
from reporting.mirror import inbox
from reporting.models import InboxCall

ANA = "ana.muster@example.com"
NAMES = ("Anabelle", "Musterfrau")
FILE = f"Email,Vorname,Nachname\n{ANA},{NAMES[0]},{NAMES[1]}\nben@example.com,Ben,Beispiel\n"


def erase(workspace, by, email=ANA):
    return services.erase_person(
        person=services.person_of(workspace=workspace, email=email), by=by, typed=email
    )


def export(workspace, by, email=ANA):
    return services.export_person(person=services.person_of(workspace=workspace, email=email), by=by)


def call(connection, *bodies):
    for body in bodies:
        body = json.dumps(body).encode()
        InboxCall.objects.create(
            connection=connection, body=body, digest=blake2b(body, digest_size=32).digest()
        )
    while inbox.apply_some(connection):
        pass


def everything():
    """table.column → all its text, bytes opened: of every table there is, whoever made it."""
    found = {}
    with database.cursor() as cursor:
        cursor.execute(
            "select table_name, column_name, data_type from information_schema.columns"
            " where table_schema = current_schema()"
            " and data_type in ('text', 'character varying', 'json', 'jsonb', 'bytea', 'ARRAY', 'inet')"
        )
        for table, column, kind in cursor.fetchall():
            cursor.execute(f'select "{column}" from "{table}" where "{column}" is not null')
            values = [value for (value,) in cursor.fetchall()]
            found[f"{table}.{column}"] = "\n".join(
                _opened(bytes(value)) if kind == "bytea" else str(value) for value in values
            )
    return found


def _opened(value):
    with contextlib.suppress(zlib.error):
        value = zlib.decompress(value)
    return value.decode("latin-1") + base64.b64encode(value).decode()


def mentions(*words):
    return {
        name for name, text in everything().items() if any(word.lower() in text.lower() for word in words)
    }
