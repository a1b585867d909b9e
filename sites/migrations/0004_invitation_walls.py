"""The second wall around invitations, and the function that finds one by its token before any site is known."""

from django.db import migrations

from common.rls import guard

FIND = """
CREATE FUNCTION sites_find_invitation(wanted bytea)
RETURNS TABLE (id uuid, site_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT i.id, i.site_id
    FROM sites_invitation i
    JOIN sites_site s ON s.id = i.site_id AND s.is_active
    WHERE i.token_hash = wanted
$$
"""


class Migration(migrations.Migration):
    dependencies = [("sites", "0003_invitation")]

    operations = [
        guard("sites_invitation"),
        migrations.RunSQL(sql=FIND, reverse_sql="DROP FUNCTION sites_find_invitation(bytea)"),
    ]
