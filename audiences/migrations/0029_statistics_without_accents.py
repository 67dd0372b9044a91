from django.db import migrations


class Migration(migrations.Migration):
    """What rules compare has to be estimated: names have an index that counts, these two have none."""

    dependencies = [("audiences", "0028_suppression_by_time")]

    operations = [
        migrations.RunSQL(
            [
                f"create statistics contact_{column}_folded on (folded({column})) from audiences_contact"
                for column in ("city", "country")
            ]
            + ["analyze audiences_contact"],
            reverse_sql=[f"drop statistics contact_{column}_folded" for column in ("city", "country")],
        )
    ]
