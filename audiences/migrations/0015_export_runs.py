from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("audiences", "0014_suppression_imports")]

    operations = [
        migrations.AddField(
            model_name="export",
            name="run",
            field=models.PositiveIntegerField(db_default=1, default=1),
        ),
    ]
