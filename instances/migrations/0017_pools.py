"""Warm pools of templates."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("instances", "0016_schedule_walls"),
        ("sites", "0008_second_factor_walls"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="instance",
            name="pooled",
            field=models.BooleanField(
                db_default=False, default=False, editable=False, help_text="Of a warm pool, and nobody's yet."
            ),
        ),
        migrations.AddField(
            model_name="template",
            name="pool_failed_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="template",
            name="pool_failures",
            field=models.PositiveIntegerField(db_default=0, default=0, editable=False),
        ),
        migrations.AddField(
            model_name="template",
            name="pool_open_until",
            field=models.DateTimeField(editable=False, help_text="No member is made until then.", null=True),
        ),
        migrations.AddField(
            model_name="template",
            name="pool_reason",
            field=models.TextField(blank=True, db_default="", default="", editable=False),
        ),
        migrations.AddField(
            model_name="template",
            name="pool_size",
            field=models.PositiveSmallIntegerField(
                db_default=0, default=0, help_text="How many run before anybody asks."
            ),
        ),
        migrations.AddIndex(
            model_name="instance",
            index=models.Index(
                condition=models.Q(("deleted_at", None), ("pooled", True)),
                fields=["template", "id"],
                name="instance_in_pool",
            ),
        ),
    ]
