"""The second wall around schedules, and keys that keep them within their site."""

from django.db import migrations

from common.rls import guard, same_site_key


class Migration(migrations.Migration):
    dependencies = [("instances", "0015_schedules")]

    operations = [
        guard("instances_schedule"),
        guard("instances_occurrence"),
        same_site_key("instances_schedule", "template_id", to="instances_template", on_delete="CASCADE"),
        same_site_key("instances_occurrence", "schedule_id", to="instances_schedule", on_delete="CASCADE"),
    ]
