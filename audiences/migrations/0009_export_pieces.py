from django.db import migrations


class Migration(migrations.Migration):
    """An export can be made again: its pieces need no log. They are stored as they are, not packed a second time."""

    dependencies = [("audiences", "0008_last_received")]

    operations = [
        migrations.RunSQL(
            """
            alter table audiences_exportpiece set unlogged;
            alter table audiences_exportpiece alter column body set storage external;
            """,
            reverse_sql="""
            alter table audiences_exportpiece alter column body set storage extended;
            alter table audiences_exportpiece set logged;
            """,
        )
    ]
