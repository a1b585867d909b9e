"""The second wall around the tables of `sites`, and the one function that looks across it: finding a key."""

from django.db import migrations

from common.rls import guard, same_site_key

FIND_KEY = """
CREATE FUNCTION sites_find_key(wanted text)
RETURNS TABLE (
    id uuid, site_id uuid, user_id uuid, agent_id uuid, key_hash bytea, scopes varchar[], role varchar,
    expires_at timestamptz, last_used_at timestamptz
)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT k.id, k.site_id, k.user_id, k.agent_id, k.key_hash, k.scopes, m.role, k.expires_at, k.last_used_at
    FROM sites_apikey k
    JOIN sites_site s ON s.id = k.site_id AND s.is_active
    JOIN sites_user u ON u.id = k.user_id AND u.is_active
    JOIN sites_membership m ON m.site_id = k.site_id AND m.user_id = k.user_id
    LEFT JOIN sites_agent a ON a.id = k.agent_id
    WHERE k.prefix = wanted AND k.revoked_at IS NULL AND (k.agent_id IS NULL OR a.is_active)
$$
"""

MEMBERS = "EXISTS (SELECT 1 FROM sites_membership m WHERE m.user_id = sites_user.id AND m.site_id = {site})"


class Migration(migrations.Migration):
    dependencies = [("sites", "0001_who")]

    operations = [
        guard("sites_site", sees="id = {site}"),
        guard("sites_membership"),
        guard("sites_agent"),
        guard("sites_apikey"),
        guard("sites_user", sees=MEMBERS),
        same_site_key("sites_apikey", "agent_id", to="sites_agent", on_delete="CASCADE"),
        migrations.RunSQL(sql=FIND_KEY, reverse_sql="DROP FUNCTION sites_find_key(text)"),
    ]
