"""Webhooks, and the messages that go to them."""

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.manager
from django.conf import settings
from django.db import migrations, models

import common.ids
import common.secrets


class Migration(migrations.Migration):
    dependencies = [
        ("instances", "0004_time_limits"),
        ("sites", "0006_kept_answer_walls"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Webhook",
            fields=[
                ("id", models.UUIDField(default=common.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("url", models.CharField(max_length=2000)),
                ("description", models.CharField(blank=True, max_length=200)),
                (
                    "events",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=60), blank=True, default=list, size=None
                    ),
                ),
                ("is_active", models.BooleanField(default=True)),
                ("keys", common.secrets.EncryptedJSONField(default=dict)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                ("cursor_xid", models.BigIntegerField(editable=False)),
                ("cursor_id", models.UUIDField(editable=False)),
                ("last_number", models.PositiveBigIntegerField(default=0, editable=False)),
                ("failing_since", models.DateTimeField(editable=False, null=True)),
                ("paused_until", models.DateTimeField(editable=False, null=True)),
                ("disabled_at", models.DateTimeField(editable=False, null=True)),
                ("disabled_reason", models.CharField(blank=True, editable=False, max_length=300)),
                (
                    "created_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "site",
                    models.ForeignKey(
                        editable=False, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="sites.site"
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
            },
            managers=[
                ("everywhere", django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name="WebhookDelivery",
            fields=[
                ("id", models.UUIDField(default=common.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("number", models.PositiveBigIntegerField()),
                ("message_id", models.UUIDField(default=common.ids.new_id)),
                ("kind", models.CharField(max_length=60)),
                ("subject", models.UUIDField(help_text="The instance that it tells of; for a ping, the webhook.")),
                ("payload", models.JSONField(default=dict)),
                (
                    "status",
                    models.CharField(
                        choices=[("pending", "Pending"), ("delivered", "Delivered"), ("given_up", "Given Up")],
                        default="pending",
                        max_length=16,
                    ),
                ),
                (
                    "is_extra",
                    models.BooleanField(default=False, help_text="A ping or a repetition: it waits for no other one."),
                ),
                ("attempts", models.PositiveIntegerField(default=0)),
                ("tries", models.JSONField(default=list)),
                ("next_attempt_at", models.DateTimeField(null=True)),
                ("give_up_at", models.DateTimeField()),
                ("lease_token", models.PositiveBigIntegerField(default=0)),
                ("delivered_at", models.DateTimeField(null=True)),
                (
                    "site",
                    models.ForeignKey(
                        editable=False, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="sites.site"
                    ),
                ),
                (
                    "webhook",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="instances.webhook",
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
            },
            managers=[
                ("everywhere", django.db.models.manager.Manager()),
            ],
        ),
        migrations.AddIndex(
            model_name="webhook",
            index=models.Index(fields=["site", "-id"], name="webhook_newest"),
        ),
        migrations.AddIndex(
            model_name="webhook",
            index=models.Index(condition=models.Q(("is_active", True)), fields=["id"], name="webhook_active"),
        ),
        migrations.AddConstraint(
            model_name="webhook",
            constraint=models.UniqueConstraint(fields=("site", "id"), name="webhook_of_site"),
        ),
        migrations.AddIndex(
            model_name="webhookdelivery",
            index=models.Index(fields=["site", "webhook", "-id"], name="delivery_newest"),
        ),
        migrations.AddIndex(
            model_name="webhookdelivery",
            index=models.Index(
                condition=models.Q(("status", "pending")), fields=["webhook", "number"], name="delivery_pending"
            ),
        ),
        migrations.AddIndex(
            model_name="webhookdelivery",
            index=models.Index(
                condition=models.Q(("is_extra", False), ("status", "pending")),
                fields=["webhook", "subject", "number"],
                name="delivery_in_order",
            ),
        ),
        migrations.AddIndex(
            model_name="webhookdelivery",
            index=models.Index(
                condition=models.Q(("status", "pending")), fields=["next_attempt_at"], name="delivery_due"
            ),
        ),
        migrations.AddIndex(
            model_name="webhookdelivery",
            index=models.Index(
                condition=models.Q(("status", "pending"), _negated=True), fields=["id"], name="delivery_done"
            ),
        ),
        migrations.AddConstraint(
            model_name="webhookdelivery",
            constraint=models.UniqueConstraint(fields=("webhook", "number"), name="delivery_number_once"),
        ),
    ]
