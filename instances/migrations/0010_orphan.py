"""Machines that belong to no instance; the platform's own rows, which the role of requests sees none of."""

import django.db.models.manager
from django.db import migrations, models

import common.ids
from common.rls import guard


class Migration(migrations.Migration):
    dependencies = [
        ("instances", "0009_pause"),
    ]

    operations = [
        migrations.CreateModel(
            name="Orphan",
            fields=[
                ("id", models.UUIDField(default=common.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("provider", models.CharField(max_length=40)),
                ("machine", models.CharField(max_length=64)),
                ("instance_id", models.UUIDField(null=True)),
                (
                    "reason",
                    models.CharField(
                        choices=[
                            ("deleted", "Its instance is deleted"),
                            ("superseded", "Its instance has a newer machine"),
                            ("unknown", "There is no such instance"),
                            ("ahead", "Newer than its instance knows of, as after a restored backup"),
                            ("foreign", "Its name is none of ours"),
                        ],
                        max_length=16,
                    ),
                ),
                ("first_seen_at", models.DateTimeField()),
                ("last_seen_at", models.DateTimeField()),
                ("sightings", models.PositiveIntegerField(default=1)),
                ("destroy_sent_at", models.DateTimeField(null=True)),
                ("gone_at", models.DateTimeField(null=True)),
                (
                    "fault",
                    models.CharField(
                        blank=True, help_text="What its provider said to its destruction.", max_length=300
                    ),
                ),
            ],
            options={
                "ordering": ["-first_seen_at"],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("gone_at__isnull", True)),
                        fields=("provider", "machine"),
                        name="orphan_once",
                    )
                ],
            },
            managers=[
                ("everywhere", django.db.models.manager.Manager()),
            ],
        ),
        guard("instances_orphan", sees="false"),
    ]
