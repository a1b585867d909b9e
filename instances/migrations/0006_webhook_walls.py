"""The second wall around webhooks and their messages."""

from django.db import migrations

from common.rls import guard, same_site_key


class Migration(migrations.Migration):
    dependencies = [("instances", "0005_webhooks")]

    operations = [
        guard("instances_webhook"),
        guard("instances_webhookdelivery"),
        same_site_key("instances_webhookdelivery", "webhook_id", to="instances_webhook", on_delete="CASCADE"),
    ]
