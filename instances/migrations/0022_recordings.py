"""Recordings of instances, and which instances ask for them."""

import uuid

import django.db.models.deletion
import django.db.models.manager
from django.conf import settings
from django.db import migrations, models

import common.ids


class Migration(migrations.Migration):
    dependencies = [
        ("instances", "0021_place"),
        ("sites", "0013_recordings_quota"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Recording",
            fields=[
                ("id", models.UUIDField(default=common.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("max_fps", models.PositiveSmallIntegerField()),
                ("quality", models.PositiveSmallIntegerField(help_text="Of the JPEGs.")),
                ("max_minutes", models.PositiveIntegerField()),
                ("max_mib", models.PositiveIntegerField()),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("recording", "Recording"),
                            ("finished", "Finished"),
                            ("interrupted", "Interrupted"),
                        ],
                        default="waiting",
                        max_length=16,
                    ),
                ),
                ("reason", models.TextField(blank=True, default="")),
                ("stop_asked_at", models.DateTimeField(editable=False, null=True)),
                ("started_at", models.DateTimeField(editable=False, null=True)),
                ("ended_at", models.DateTimeField(editable=False, null=True)),
                ("expires_at", models.DateTimeField(editable=False, null=True)),
                (
                    "deleted_at",
                    models.DateTimeField(editable=False, help_text="Shown no more; its objects go next.", null=True),
                ),
                ("updated_at", models.DateTimeField(auto_now=True)),
                ("frames", models.PositiveIntegerField(default=0)),
                ("actions", models.PositiveIntegerField(default=0)),
                ("bytes", models.PositiveBigIntegerField(default=0)),
                ("parts", models.PositiveIntegerField(default=0)),
                (
                    "gaps",
                    models.PositiveIntegerField(default=0, help_text="How often it was without pictures and went on."),
                ),
                (
                    "cursor_xid",
                    models.BigIntegerField(
                        default=0, editable=False, help_text="The last entry of the log that it has."
                    ),
                ),
                (
                    "cursor_id",
                    models.UUIDField(default=uuid.UUID("00000000-0000-0000-0000-000000000000"), editable=False),
                ),
                ("lease_token", models.PositiveBigIntegerField(default=0, editable=False)),
                ("lease_until", models.DateTimeField(editable=False, null=True)),
            ],
            options={
                "ordering": ["-id"],
            },
            managers=[
                ("everywhere", django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name="RecordingPart",
            fields=[
                ("id", models.UUIDField(default=common.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("number", models.PositiveIntegerField()),
                ("key", models.CharField(max_length=200)),
                ("index", models.JSONField(default=list)),
                ("actions", models.PositiveIntegerField(default=0)),
                ("actions_at", models.PositiveIntegerField(default=0)),
                ("bytes", models.PositiveIntegerField(default=0)),
            ],
            options={
                "ordering": ["number"],
            },
            managers=[
                ("everywhere", django.db.models.manager.Manager()),
            ],
        ),
        migrations.AddField(
            model_name="instance",
            name="record",
            field=models.BooleanField(db_default=False, default=False, help_text="Each of its runs is recorded."),
        ),
        migrations.AddField(
            model_name="template",
            name="record",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name="templateversion",
            name="record",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddIndex(
            model_name="instance",
            index=models.Index(
                condition=models.Q(("deleted_at", None), ("pooled", False), ("record", True), ("status", "running")),
                fields=["id"],
                name="instance_recorded",
            ),
        ),
        migrations.AddField(
            model_name="recording",
            name="created_by",
            field=models.ForeignKey(
                help_text="None: the instance's own `record` asked for it.",
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="recording",
            name="instance",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="instances.instance",
            ),
        ),
        migrations.AddField(
            model_name="recording",
            name="site",
            field=models.ForeignKey(
                editable=False, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="sites.site"
            ),
        ),
        migrations.AddField(
            model_name="recordingpart",
            name="recording",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="instances.recording",
            ),
        ),
        migrations.AddField(
            model_name="recordingpart",
            name="site",
            field=models.ForeignKey(
                editable=False, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="sites.site"
            ),
        ),
        migrations.AddIndex(
            model_name="recording",
            index=models.Index(
                condition=models.Q(("deleted_at", None)), fields=["site", "-id"], name="recording_newest"
            ),
        ),
        migrations.AddIndex(
            model_name="recording",
            index=models.Index(fields=["instance", "-id"], name="recording_of_instance"),
        ),
        migrations.AddIndex(
            model_name="recording",
            index=models.Index(
                condition=models.Q(("deleted_at", None), ("status__in", ["waiting", "recording"])),
                fields=["id"],
                name="recording_live",
            ),
        ),
        migrations.AddIndex(
            model_name="recording",
            index=models.Index(
                condition=models.Q(("deleted_at", None)), fields=["expires_at"], name="recording_expires"
            ),
        ),
        migrations.AddIndex(
            model_name="recording",
            index=models.Index(
                condition=models.Q(("deleted_at__isnull", False)), fields=["deleted_at"], name="recording_deleted"
            ),
        ),
        migrations.AddConstraint(
            model_name="recording",
            constraint=models.UniqueConstraint(fields=("site", "id"), name="recording_of_site"),
        ),
        migrations.AddConstraint(
            model_name="recording",
            constraint=models.UniqueConstraint(
                condition=models.Q(("deleted_at", None), ("status__in", ["waiting", "recording"])),
                fields=("instance",),
                name="recording_one_at_a_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="recordingpart",
            constraint=models.UniqueConstraint(fields=("recording", "number"), name="recording_part_once"),
        ),
    ]
