"""What people sign in with beside their password."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import common.ids
import common.secrets


class Migration(migrations.Migration):
    dependencies = [
        ("sites", "0006_kept_answer_walls"),
    ]

    operations = [
        migrations.CreateModel(
            name="SecondFactor",
            fields=[
                ("id", models.UUIDField(default=common.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("sealed", common.secrets.EncryptedJSONField(default=dict)),
                (
                    "last_step",
                    models.BigIntegerField(default=0, editable=False, help_text="Of the last code that was taken."),
                ),
                ("confirmed_at", models.DateTimeField(editable=False, null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
        ),
    ]
