from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("audiences", "0015_export_runs")]

    operations = [
        migrations.AlterField(
            model_name="erasedthere",
            name="state",
            field=models.CharField(
                choices=[
                    ("asked", "Asked to delete them"),
                    ("gone", "Deleted there"),
                    ("held", "Still holds them"),
                    ("settled", "Deleted there by hand"),
                    ("returned", "Came back before"),
                ],
                default="asked",
                max_length=10,
            ),
        ),
    ]
