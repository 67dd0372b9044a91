import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("reporting", "0003_facts_found_by_reading_back")]

    operations = [
        migrations.RemoveConstraint(model_name="hourfigures", name="hour_figures_once"),
        migrations.RenameModel("HourFigures", "SpanFigures"),
        migrations.RenameField("spanfigures", "hour_at", "start_at"),
        migrations.AlterModelOptions("spanfigures", options={"verbose_name_plural": "span figures"}),
        migrations.AlterField(
            model_name="spanfigures",
            name="delivery",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="span_figures",
                to="campaigns.delivery",
            ),
        ),
        migrations.AddConstraint(
            model_name="spanfigures",
            constraint=models.UniqueConstraint(fields=("delivery", "start_at"), name="span_figures_once"),
        ),
    ]
