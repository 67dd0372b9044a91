from django.contrib.postgres.operations import RemoveIndexConcurrently
from django.db import migrations, models

from accounts.indexes import AddIndexAnew


class Migration(migrations.Migration):
    # The index is of a table that is written while the pages go on.
    atomic = False

    dependencies = [
        ("audiences", "0027_bulk_outcomes"),
    ]

    operations = [
        AddIndexAnew(
            model_name="suppression",
            index=models.Index(fields=["workspace", "-at", "-id"], name="suppression_by_time"),
        ),
        RemoveIndexConcurrently(
            model_name="suppression",
            name="suppression_newest",
        ),
    ]
