import django.db.models.functions.text
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("audiences", "0019_import_new_list")]

    operations = [
        migrations.AlterModelOptions(
            name="field", options={"ordering": (django.db.models.functions.text.Lower("label"), "id")}
        ),
    ]
