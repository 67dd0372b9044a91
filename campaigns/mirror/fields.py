"""The fields of people that a mail uses, as an account calls them."""

from collections.abc import Set

from accounts.models import Connection, MirrorKind, MirrorRow
from accounts.providers.base import Provider
from audiences.models import Contact, Field
from campaigns.queries import people


def names_there(connection: Connection, provider: Provider, keys: Set[str]) -> dict[str, str]:
    """Our key → the account's name, of those among `keys` that there are. What it lacks is made there first."""
    names = people.field_names(connection)
    missing = keys - names.keys()
    if missing:
        _make(connection, provider, missing)
        names = people.field_names(connection)
    return {key: name for key, name in names.items() if key in keys}


def _make(connection: Connection, provider: Provider, keys: Set[str]) -> None:
    for key in keys & Contact.STANDARD_FIELDS.keys():
        label = Contact.STANDARD_FIELDS[key]
        Field.objects.get_or_create(workspace=connection.workspace, key=key, defaults={"label": label})
    there = {record.name.upper(): record for record in provider.fields()}
    for field in Field.objects.filter(workspace=connection.workspace, key__in=keys):
        name = field.key.upper()
        if name not in there:
            provider.create_field(name=name, kind=field.kind, choices=field.choices)
        MirrorRow.objects.update_or_create(
            connection=connection, kind=MirrorKind.FIELD, object_id=field.pk,
            defaults={
                "remote_id": there[name].remote_id if name in there else name,
                "theirs": {"name": there[name].name if name in there else name},
                "gone_at": None,
            },
        )  # fmt: skip
