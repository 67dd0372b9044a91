from django.db import migrations


class Migration(migrations.Migration):
    """What is in the activity log stays as it was written, whoever asks."""

    dependencies = [("accounts", "0001_initial")]

    operations = [
        migrations.RunSQL(
            """
            create function accounts_activity_is_append_only() returns trigger language plpgsql as $$
            begin
                raise exception 'The activity log is append-only.';
            end $$;
            create trigger activity_append_only before update or delete on accounts_activityentry
                for each row execute function accounts_activity_is_append_only();
            """,
            reverse_sql="drop trigger activity_append_only on accounts_activityentry;"
            "drop function accounts_activity_is_append_only();",
        )
    ]
