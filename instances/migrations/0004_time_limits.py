"""How long an instance may run, and what ends it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("instances", "0003_dashboard"),
    ]

    operations = [
        migrations.AddField(
            model_name="instance",
            name="active_until",
            field=models.DateTimeField(editable=False, help_text="In use until then, without an action.", null=True),
        ),
        migrations.AddField(
            model_name="instance",
            name="expires_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="instance",
            name="idle_stop_minutes",
            field=models.PositiveIntegerField(
                blank=True, help_text="Stopped when nobody has used it for so long. None: never.", null=True
            ),
        ),
        migrations.AddField(
            model_name="instance",
            name="on_timeout",
            field=models.CharField(
                choices=[("stop", "Stop"), ("delete", "Delete")], db_default="stop", default="stop", max_length=8
            ),
        ),
        migrations.AddField(
            model_name="instance",
            name="timeout_ms",
            field=models.PositiveBigIntegerField(blank=True, help_text="Of each run. None: no limit.", null=True),
        ),
        migrations.AddField(
            model_name="instance",
            name="wish_reason",
            field=models.TextField(
                blank=True, db_default="", default="", editable=False, help_text="Why, where the platform wishes it."
            ),
        ),
    ]
