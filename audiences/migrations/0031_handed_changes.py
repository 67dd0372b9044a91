from django.db import migrations, models

# What was handed over before, when nothing said so. A row that changes nothing but a membership was handed over if it repeats
# what an import wrote down, or made, that was rolled back after the import of the row had begun.
_MARK = """
with undone as materialized (
    select s.*, i.list_id from audiences_importstep s join audiences_import i on i.id = s.of_id where s.undone_at is not null
), said as (
    select u.id, u.of_id, u.list_id, u.undone_at, k.contact_id, k.membership
    from undone u join audiences_importchange k on k.step_id = u.id
    where k.membership is not null
    union all
    select u.id, u.of_id, u.list_id, u.undone_at, c.id, '{"status": null, "evidence": null, "changed_at": null}'
    from undone u join audiences_contact c on c.id between u.first_contact and u.last_contact and c.created_at = u.at
)
update audiences_importchange j set is_handed = true
from said join audiences_importstep t on t.of_id <> said.of_id and t.id > said.id and t.at < said.undone_at
join audiences_import i on i.id = t.of_id and i.list_id = said.list_id
where j.contact_id = said.contact_id and j.step_id = t.id and j.changes = '{}' and j.membership = said.membership;
update audiences_importchange set is_handed = true where changes = '{}' and membership is null and kept is null
"""


class Migration(migrations.Migration):
    dependencies = [
        ("audiences", "0030_segment_left"),
    ]

    operations = [
        migrations.AddField(
            model_name="importchange",
            name="is_handed",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.RunSQL(_MARK, reverse_sql=migrations.RunSQL.noop),
    ]
