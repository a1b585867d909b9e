"""The second wall around the answers that are kept for idempotency keys."""

from django.db import migrations

from common.rls import guard


class Migration(migrations.Migration):
    dependencies = [("sites", "0005_kept_answer")]

    operations = [guard("sites_keptanswer")]
