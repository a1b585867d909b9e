"""The second wall around recordings and their parts, and keys that keep them within their site."""

from django.db import migrations

from common.rls import guard, same_site_key


class Migration(migrations.Migration):
    dependencies = [("instances", "0022_recordings")]

    operations = [
        guard("instances_recording"),
        guard("instances_recordingpart"),
        same_site_key("instances_recording", "instance_id", to="instances_instance", on_delete="CASCADE"),
        same_site_key("instances_recordingpart", "recording_id", to="instances_recording", on_delete="CASCADE"),
    ]
