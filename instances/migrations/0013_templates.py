"""Templates and their versions, and what instances take from them."""

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.manager
from django.conf import settings
from django.db import migrations, models

import common.ids
import common.secrets
import instances.models.instance


class Migration(migrations.Migration):
    dependencies = [
        ("instances", "0012_bootstrap"),
        ("sites", "0006_kept_answer_walls"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="TemplateVersion",
            fields=[
                ("id", models.UUIDField(default=common.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "instance_type",
                    models.CharField(
                        choices=[
                            ("ubuntu", "Linux desktop"),
                            ("browser", "Web browser"),
                            ("windows", "Windows desktop"),
                        ],
                        default="browser",
                        max_length=16,
                    ),
                ),
                ("configuration", models.JSONField(blank=True, default=dict)),
                ("startup_script", models.TextField(blank=True, default="")),
                ("environment_variables", common.secrets.EncryptedJSONField(default=dict)),
                (
                    "environment_names",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=128), default=list, editable=False, size=None
                    ),
                ),
                (
                    "required_variables",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=128),
                        blank=True,
                        default=list,
                        help_text="Names whose values come with each use.",
                        size=None,
                    ),
                ),
                (
                    "tools_enabled",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=32),
                        blank=True,
                        default=instances.models.instance.default_tools,
                        size=None,
                    ),
                ),
                ("timeout_ms", models.PositiveBigIntegerField(blank=True, null=True)),
                (
                    "on_timeout",
                    models.CharField(choices=[("stop", "Stop"), ("delete", "Delete")], default="stop", max_length=8),
                ),
                ("idle_stop_minutes", models.PositiveIntegerField(blank=True, null=True)),
                ("number", models.PositiveIntegerField()),
            ],
            options={
                "ordering": ["-id"],
            },
            managers=[
                ("everywhere", django.db.models.manager.Manager()),
            ],
        ),
        migrations.AddField(
            model_name="instance",
            name="startup_boot_id",
            field=models.CharField(blank=True, db_default="", default="", editable=False, max_length=64),
        ),
        migrations.AddField(
            model_name="instance",
            name="startup_due_at",
            field=models.DateTimeField(editable=False, help_text="When to see to its start-up script.", null=True),
        ),
        migrations.AddField(
            model_name="instance",
            name="startup_script",
            field=models.TextField(blank=True, db_default="", default=""),
        ),
        migrations.AddField(
            model_name="instance",
            name="template_version",
            field=models.PositiveIntegerField(editable=False, null=True),
        ),
        migrations.CreateModel(
            name="Template",
            fields=[
                ("id", models.UUIDField(default=common.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "instance_type",
                    models.CharField(
                        choices=[
                            ("ubuntu", "Linux desktop"),
                            ("browser", "Web browser"),
                            ("windows", "Windows desktop"),
                        ],
                        default="browser",
                        max_length=16,
                    ),
                ),
                ("configuration", models.JSONField(blank=True, default=dict)),
                ("startup_script", models.TextField(blank=True, default="")),
                ("environment_variables", common.secrets.EncryptedJSONField(default=dict)),
                (
                    "environment_names",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=128), default=list, editable=False, size=None
                    ),
                ),
                (
                    "required_variables",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=128),
                        blank=True,
                        default=list,
                        help_text="Names whose values come with each use.",
                        size=None,
                    ),
                ),
                (
                    "tools_enabled",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=32),
                        blank=True,
                        default=instances.models.instance.default_tools,
                        size=None,
                    ),
                ),
                ("timeout_ms", models.PositiveBigIntegerField(blank=True, null=True)),
                (
                    "on_timeout",
                    models.CharField(choices=[("stop", "Stop"), ("delete", "Delete")], default="stop", max_length=8),
                ),
                ("idle_stop_minutes", models.PositiveIntegerField(blank=True, null=True)),
                ("name", models.CharField(max_length=200)),
                ("description", models.TextField(blank=True)),
                ("version", models.PositiveIntegerField(default=1, editable=False)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "created_by",
                    models.ForeignKey(
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
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
        migrations.AddField(
            model_name="instance",
            name="template",
            field=models.ForeignKey(
                db_constraint=False,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="instances.template",
            ),
        ),
        migrations.AddIndex(
            model_name="instance",
            index=models.Index(
                condition=models.Q(("template__isnull", False)), fields=["template"], name="instance_by_template"
            ),
        ),
        migrations.AddIndex(
            model_name="instance",
            index=models.Index(
                condition=models.Q(("startup_due_at__isnull", False)),
                fields=["startup_due_at"],
                name="instance_startup_due",
            ),
        ),
        migrations.AddField(
            model_name="templateversion",
            name="created_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="templateversion",
            name="site",
            field=models.ForeignKey(
                editable=False, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="sites.site"
            ),
        ),
        migrations.AddField(
            model_name="templateversion",
            name="template",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="instances.template",
            ),
        ),
        migrations.AddIndex(
            model_name="template",
            index=models.Index(fields=["site", "-id"], name="template_newest"),
        ),
        migrations.AddIndex(
            model_name="template",
            index=models.Index(fields=["created_by"], name="template_by_author"),
        ),
        migrations.AddConstraint(
            model_name="template",
            constraint=models.UniqueConstraint(fields=("site", "id"), name="template_of_site"),
        ),
        migrations.AddConstraint(
            model_name="template",
            constraint=models.UniqueConstraint(fields=("site", "name"), name="template_name_once"),
        ),
        migrations.AddIndex(
            model_name="templateversion",
            index=models.Index(fields=["template", "-number"], name="template_version_newest"),
        ),
        migrations.AddIndex(
            model_name="templateversion",
            index=models.Index(fields=["created_by"], name="template_version_by_author"),
        ),
        migrations.AddConstraint(
            model_name="templateversion",
            constraint=models.UniqueConstraint(fields=("site", "template", "number"), name="template_version_once"),
        ),
    ]
