"""What the requests' role may no more: the platform's tables, what makes somebody staff, what a site is allowed.

The admin's history gets a site, so that a policy shows each site its own; what was written before stays the operators'.
"""

from django.db import migrations

from common.rls import guard

HISTORY = """
ALTER TABLE django_admin_log ADD COLUMN site_id uuid DEFAULT nullif(current_setting('app.site_id', true), '')::uuid;
CREATE INDEX admin_log_of_site ON django_admin_log (site_id, action_time DESC);
REVOKE UPDATE, DELETE ON django_admin_log FROM app;
"""
HISTORY_BACK = """
GRANT UPDATE, DELETE ON django_admin_log TO app;
ALTER TABLE django_admin_log DROP COLUMN site_id;
"""

OF_PEOPLE = """
CREATE POLICY no_staff ON sites_user AS RESTRICTIVE FOR INSERT TO app WITH CHECK (NOT is_staff AND NOT is_superuser);
REVOKE UPDATE, DELETE ON sites_user FROM app;
GRANT UPDATE (email, name, password, is_active) ON sites_user TO app;
REVOKE INSERT, UPDATE, DELETE ON sites_site FROM app;
GRANT UPDATE (name, time_zone, log_retention_days, updated_at) ON sites_site TO app;
"""
OF_PEOPLE_BACK = """
DROP POLICY no_staff ON sites_user;
GRANT UPDATE, DELETE ON sites_user TO app;
GRANT INSERT, UPDATE, DELETE ON sites_site TO app;
"""

_PRIVATE = "django_session, auth_group, auth_group_permissions, sites_user_groups, sites_user_user_permissions"
_READ = "auth_permission, django_content_type, django_migrations"
OF_THE_PLATFORM = f"""
REVOKE ALL ON {_PRIVATE} FROM app;
REVOKE INSERT, UPDATE, DELETE ON {_READ} FROM app;
"""
OF_THE_PLATFORM_BACK = f"""
GRANT SELECT, INSERT, UPDATE, DELETE ON {_PRIVATE} TO app;
GRANT INSERT, UPDATE, DELETE ON {_READ} TO app;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("sites", "0011_audit_walls"),
        ("admin", "0003_logentry_add_action_flag_choices"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("sessions", "0001_initial"),
    ]

    operations = [
        migrations.RunSQL(sql=HISTORY, reverse_sql=HISTORY_BACK),
        guard("django_admin_log"),
        migrations.RunSQL(sql=OF_PEOPLE, reverse_sql=OF_PEOPLE_BACK),
        migrations.RunSQL(sql=OF_THE_PLATFORM, reverse_sql=OF_THE_PLATFORM_BACK),
    ]
