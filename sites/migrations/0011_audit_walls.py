"""The second wall around the audit log, its first months, and what makes it append-only."""

from django.db import migrations

from common.partitions import first_partitions
from common.rls import guard

APPEND_ONLY = "REVOKE UPDATE, DELETE, TRUNCATE ON sites_auditentry FROM app, crew"


class Migration(migrations.Migration):
    dependencies = [("sites", "0010_audit_log")]

    operations = [
        guard("sites_auditentry"),
        first_partitions("sites_auditentry"),
        migrations.RunSQL(sql=APPEND_ONLY, reverse_sql="GRANT UPDATE, DELETE ON sites_auditentry TO app, crew"),
    ]
