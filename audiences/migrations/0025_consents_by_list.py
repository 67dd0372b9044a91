from django.db import migrations, models

from accounts.indexes import AddIndexAnew


class Migration(migrations.Migration):
    # People leave while it is made.
    atomic = False

    dependencies = [
        ("audiences", "0024_journal_indexes"),
    ]

    operations = [
        AddIndexAnew(
            model_name="consent",
            index=models.Index(
                condition=models.Q(("list__isnull", False)), fields=["list"], name="consent_of_list"
            ),
        ),
    ]
