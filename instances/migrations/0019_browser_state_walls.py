"""The second wall around browser states, and a key that keeps them within their site."""

from django.db import migrations

from common.rls import guard, same_site_key


class Migration(migrations.Migration):
    dependencies = [("instances", "0018_browser_states")]

    operations = [
        guard("instances_browserstate"),
        same_site_key(
            "instances_browserstate", "instance_id", to="instances_instance", on_delete="SET NULL (instance_id)"
        ),
    ]
