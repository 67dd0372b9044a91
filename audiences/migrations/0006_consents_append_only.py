from django.db import migrations


class Migration(migrations.Migration):
    """A consent stays as it was written down. It goes with its person, and only with them."""

    dependencies = [("audiences", "0005_imports")]

    operations = [
        migrations.RunSQL(
            """
            create function audiences_consent_is_append_only() returns trigger language plpgsql as $$
            begin
                raise exception 'Consents are append-only.';
            end $$;
            create trigger consent_append_only before update on audiences_consent
                for each row when (old.list_id is not distinct from new.list_id or new.list_id is not null)
                execute function audiences_consent_is_append_only();
            create trigger consent_basis_append_only before update on audiences_consentbasis
                for each row when (old.by_id is not distinct from new.by_id or new.by_id is not null)
                execute function audiences_consent_is_append_only();
            create function audiences_consent_outlives_nobody() returns trigger language plpgsql as $$
            begin
                if exists (select 1 from audiences_contact where id = old.contact_id) then
                    raise exception 'Consents are append-only.';
                end if;
                return null;
            end $$;
            create constraint trigger consent_goes_with_its_person after delete on audiences_consent
                deferrable initially deferred for each row execute function audiences_consent_outlives_nobody();
            """,
            reverse_sql="""
            drop trigger consent_goes_with_its_person on audiences_consent;
            drop function audiences_consent_outlives_nobody();
            drop trigger consent_basis_append_only on audiences_consentbasis;
            drop trigger consent_append_only on audiences_consent;
            drop function audiences_consent_is_append_only();
            """,
        )
    ]
