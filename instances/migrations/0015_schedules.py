"""Schedules, and what they did."""

import django.core.validators
import django.db.models.deletion
import django.db.models.manager
from django.conf import settings
from django.db import migrations, models

import common.ids


class Migration(migrations.Migration):
    dependencies = [
        ("instances", "0014_template_walls"),
        ("sites", "0006_kept_answer_walls"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Schedule",
            fields=[
                ("id", models.UUIDField(default=common.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("name", models.CharField(max_length=200)),
                (
                    "template_version",
                    models.PositiveIntegerField(blank=True, help_text="Empty: the newest.", null=True),
                ),
                (
                    "action",
                    models.CharField(
                        choices=[("start", "Start"), ("stop", "Stop"), ("extend", "Extend")], max_length=8
                    ),
                ),
                (
                    "count",
                    models.PositiveSmallIntegerField(
                        default=1,
                        help_text="How many to start.",
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(100),
                        ],
                    ),
                ),
                (
                    "timeout_ms",
                    models.PositiveBigIntegerField(blank=True, help_text="To extend by. Empty: their own.", null=True),
                ),
                ("cron", models.CharField(blank=True, max_length=100)),
                (
                    "interval_s",
                    models.PositiveIntegerField(
                        blank=True, null=True, validators=[django.core.validators.MinValueValidator(60)]
                    ),
                ),
                ("time_zone", models.CharField(blank=True, help_text="IANA name. Empty: the site's.", max_length=64)),
                ("paused", models.BooleanField(default=False)),
                ("next_at", models.DateTimeField(editable=False, null=True)),
                ("last_at", models.DateTimeField(editable=False, null=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "site",
                    models.ForeignKey(
                        editable=False, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="sites.site"
                    ),
                ),
                (
                    "template",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="instances.template",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
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
            name="Occurrence",
            fields=[
                ("id", models.UUIDField(default=common.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("due_at", models.DateTimeField()),
                (
                    "trigger",
                    models.CharField(
                        choices=[("due", "Due"), ("catch_up", "Catch Up"), ("asked", "Asked")], max_length=8
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[("done", "Done"), ("partly", "Partly"), ("nothing", "Nothing"), ("failed", "Failed")],
                        max_length=8,
                    ),
                ),
                ("instance_ids", models.JSONField(default=list)),
                ("problems", models.JSONField(default=list)),
                (
                    "site",
                    models.ForeignKey(
                        editable=False, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="sites.site"
                    ),
                ),
                (
                    "schedule",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="instances.schedule",
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
            model_name="schedule",
            index=models.Index(fields=["site", "-id"], name="schedule_newest"),
        ),
        migrations.AddIndex(
            model_name="schedule",
            index=models.Index(fields=["template"], name="schedule_by_template"),
        ),
        migrations.AddIndex(
            model_name="schedule",
            index=models.Index(fields=["user"], name="schedule_by_user"),
        ),
        migrations.AddIndex(
            model_name="schedule",
            index=models.Index(
                condition=models.Q(("next_at__isnull", False), ("paused", False)),
                fields=["next_at"],
                name="schedule_due",
            ),
        ),
        migrations.AddConstraint(
            model_name="schedule",
            constraint=models.UniqueConstraint(fields=("site", "id"), name="schedule_of_site"),
        ),
        migrations.AddConstraint(
            model_name="schedule",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("cron", ""), ("interval_s__gte", 60)),
                    models.Q(models.Q(("cron", ""), _negated=True), ("interval_s", None)),
                    _connector="OR",
                ),
                name="schedule_cron_or_interval",
            ),
        ),
        migrations.AddIndex(
            model_name="occurrence",
            index=models.Index(fields=["site", "schedule", "-id"], name="occurrence_newest"),
        ),
        migrations.AddConstraint(
            model_name="occurrence",
            constraint=models.UniqueConstraint(fields=("schedule", "due_at"), name="occurrence_once"),
        ),
    ]
