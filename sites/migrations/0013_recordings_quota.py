"""How much the recordings of a site may take."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("sites", "0012_rights_of_app"),
    ]

    operations = [
        migrations.AddField(
            model_name="site",
            name="quota_recordings_mib",
            field=models.PositiveIntegerField(blank=True, help_text="Empty: the platform's default.", null=True),
        ),
    ]
