from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("instances", "0006_webhook_walls")]

    operations = [
        AddIndexConcurrently("instance", models.Index(fields=["site", "agent", "-id"], name="instance_of_agent")),
        RemoveIndexConcurrently("instance", "instance_by_agent"),
        AddIndexConcurrently(
            "instance",
            models.Index(fields=["site", "name", "id"], name="instance_by_name", condition=Q(deleted_at=None)),
        ),
        AddIndexConcurrently(
            "instance",
            models.Index(
                fields=["site", "-updated_at", "-id"], name="instance_by_update", condition=Q(deleted_at=None)
            ),
        ),
    ]
