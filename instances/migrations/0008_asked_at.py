"""Up to when an incarnation's machine may have been asked for."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("instances", "0007_lists_by_index"),
    ]

    operations = [
        migrations.AddField(
            model_name="instance",
            name="asked_at",
            field=models.DateTimeField(
                editable=False, help_text="Up to when this incarnation's machine may have been asked for.", null=True
            ),
        ),
    ]
