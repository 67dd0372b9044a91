from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("audiences", "0029_statistics_without_accents"),
    ]

    operations = [
        migrations.AddField(
            model_name="segment",
            name="left_count",
            field=models.PositiveIntegerField(blank=True, null=True),
        ),
    ]
