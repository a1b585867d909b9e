"""The second wall around the tables of `plans`."""

from django.db import migrations

from common.rls import guard, same_site_key


class Migration(migrations.Migration):
    dependencies = [("plans", "0001_initial"), ("instances", "0002_walls")]

    operations = [
        guard("plans_plan"),
        guard("plans_dependency"),
        guard("plans_planevent"),
        same_site_key("plans_plan", "instance_id", to="instances_instance", on_delete="CASCADE"),
        same_site_key("plans_plan", "agent_id", to="sites_agent"),
        same_site_key("plans_plan", "parent_id", to="plans_plan", on_delete="SET NULL (parent_id)"),
        same_site_key("plans_dependency", "plan_id", to="plans_plan", on_delete="CASCADE"),
        same_site_key("plans_dependency", "needs_id", to="plans_plan", on_delete="CASCADE"),
        same_site_key("plans_planevent", "plan_id", to="plans_plan", on_delete="CASCADE"),
    ]
