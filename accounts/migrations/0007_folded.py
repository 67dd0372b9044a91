from django.db import migrations


class Migration(migrations.Migration):
    """Texts without accents and capitals, for searching and ordering names; most are plain, and cost nothing."""

    dependencies = [("accounts", "0006_hash_key")]

    operations = [
        # The marks go first: a capital İ is an I with one.
        migrations.RunSQL(
            r"""
            create function folded(text) returns text language sql immutable parallel safe
            return case when octet_length($1) = length($1) then lower($1) else
                replace(replace(replace(lower(translate(
                    regexp_replace(normalize($1, NFKD), '[\u0300-\u036F]', '', 'g'), 'ıłŁøØđĐ', 'ilLoOdD'
                )), 'ß', 'ss'), 'æ', 'ae'), 'œ', 'oe') end
            """,
            reverse_sql="drop function folded(text)",
        )
    ]
