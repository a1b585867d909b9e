"""The second wall around templates, and keys that keep instances within their site's own."""

from django.db import migrations

from common.rls import guard, same_site_key


class Migration(migrations.Migration):
    dependencies = [("instances", "0013_templates")]

    operations = [
        guard("instances_template"),
        guard("instances_templateversion"),
        same_site_key("instances_templateversion", "template_id", to="instances_template", on_delete="CASCADE"),
        same_site_key("instances_instance", "template_id", to="instances_template", on_delete="SET NULL (template_id)"),
    ]
