from django.db import migrations, models
from django.db.models.fields.json import KeyTransform

from accounts.indexes import AddIndexAnew


class Migration(migrations.Migration):
    # The log is written while the pages go on.
    atomic = False

    dependencies = [("accounts", "0007_folded")]

    operations = [
        AddIndexAnew(
            model_name="activityentry",
            index=models.Index(
                models.F("workspace"),
                KeyTransform("other", "before"),
                condition=models.Q(verb="contact.merged"),
                name="activity_merged",
            ),
        ),
    ]
