"""The second wall around the tables of `plans`."""

from django.db import migrations

from common.rls import guard, same_site_key


class Migration(migrations.Migration):
    dependencies = [("plans", "0001_initial"), ("instances", "0002_walls")]

    operations = [
        guard("plans_plan"),
        same_site_key("plans_plan", "instance_id", to="instances_instance", on_delete="CASCADE"),
        same_site_key("plans_plan", "agent_id", to="sites_agent"),
    ]
