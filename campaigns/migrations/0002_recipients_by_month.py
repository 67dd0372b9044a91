from django.db import migrations

from accounts.partitions import to_partitioned


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0001_initial")]

    operations = [
        migrations.RunSQL(
            to_partitioned(
                "campaigns_recipient",
                key="planned_on",
                unique="delivery_id, contact_id",
                indexes={
                    "recipient_by_state": "delivery_id, state, id",
                    "recipient_of_contact": "contact_id, id desc",
                },
            ),
            reverse_sql=migrations.RunSQL.noop,
        )
    ]
