import django.contrib.postgres.indexes
from django.contrib.postgres.operations import RemoveIndexConcurrently
from django.db import migrations

import accounts.names
from accounts.indexes import AddIndexAnew


def trigrams(name: str, text: object) -> django.contrib.postgres.indexes.GinIndex:
    return django.contrib.postgres.indexes.GinIndex(
        django.contrib.postgres.indexes.OpClass(text, name="gin_trgm_ops"), name=name
    )


class Migration(migrations.Migration):
    # People are found and written meanwhile.
    atomic = False

    dependencies = [("accounts", "0007_folded"), ("audiences", "0025_consents_by_list")]

    operations = [
        migrations.AlterModelOptions(
            name="field", options={"ordering": (accounts.names.Folded("label"), "id")}
        ),
        AddIndexAnew("contact", trigrams("contact_first_folded", accounts.names.Folded("first_name"))),
        AddIndexAnew("contact", trigrams("contact_last_folded", accounts.names.Folded("last_name"))),
        RemoveIndexConcurrently("contact", "contact_first_trgm"),
        RemoveIndexConcurrently("contact", "contact_last_trgm"),
        AddIndexAnew("formeraddress", trigrams("former_address_trgm", "email")),
    ]
