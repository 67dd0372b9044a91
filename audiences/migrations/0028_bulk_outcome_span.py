from django.db import migrations


class Migration(migrations.Migration):
    """Those of a chunk stand in order: where one person is, by the first and the last of them, without reading the others."""

    # The table is written while the pages go on.
    atomic = False

    dependencies = [("audiences", "0027_bulk_outcomes")]

    operations = [
        migrations.RunSQL(
            "create index concurrently bulk_outcome_span on audiences_bulkoutcome"
            " (of_id, (contact_ids[1]), (contact_ids[array_upper(contact_ids, 1)]))",
            reverse_sql="drop index concurrently bulk_outcome_span",
        )
    ]
