"""The second wall around the tables of `instances`, and the first months of the log."""

from django.db import migrations

from common.partitions import first_partitions
from common.rls import guard, same_site_key


class Migration(migrations.Migration):
    dependencies = [("instances", "0001_initial"), ("sites", "0002_walls")]

    operations = [
        guard("instances_instance"),
        guard("instances_event"),
        guard("instances_log"),
        same_site_key("instances_instance", "agent_id", to="sites_agent"),
        same_site_key("instances_event", "instance_id", to="instances_instance", on_delete="CASCADE"),
        same_site_key("instances_log", "instance_id", to="instances_instance", on_delete="CASCADE"),
        same_site_key("instances_log", "agent_id", to="sites_agent"),
        first_partitions("instances_log"),
    ]
