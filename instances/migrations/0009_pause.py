"""A wish to pause."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("instances", "0008_asked_at"),
    ]

    operations = [
        migrations.AlterField(
            model_name="instance",
            name="desired_state",
            field=models.CharField(
                choices=[("running", "Running"), ("stopped", "Stopped"), ("paused", "Paused"), ("deleted", "Deleted")],
                default="running",
                editable=False,
                max_length=16,
            ),
        ),
    ]
