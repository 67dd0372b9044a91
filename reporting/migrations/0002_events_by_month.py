from django.db import migrations

from accounts.partitions import to_partitioned


class Migration(migrations.Migration):
    dependencies = [("reporting", "0001_initial")]

    operations = [
        migrations.RunSQL(
            to_partitioned(
                "reporting_event",
                key="at",
                unique="key",
                indexes={
                    "event_of_delivery": "delivery_id, kind, at",
                    "event_of_contact": "contact_id, at",
                },
            ),
            reverse_sql=migrations.RunSQL.noop,
        )
    ]
