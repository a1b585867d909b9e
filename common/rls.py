"""Migration operations for tenant tables: the row-level policy, and foreign keys that cannot cross sites.

Migrations import this page, so what it emits must never change for an operation that has shipped.
"""

from __future__ import annotations

from django.db.migrations.operations import RunSQL

_SITE = "nullif(current_setting('app.site_id', true), '')::uuid"


def guard(table: str, *, sees: str = "site_id = {site}") -> RunSQL:
    """Force row-level security on `table`: everybody but BYPASSRLS roles sees the rows where `sees` holds.

    The table's owner, who runs migrations, passes by a policy of its own. After a rollback the setting is the
    empty string, which is no site.
    """
    condition = sees.format(site=_SITE)
    return RunSQL(
        sql=[
            f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
            f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
            f"CREATE POLICY tenant ON {table} USING ({condition}) WITH CHECK ({condition})",
            f"CREATE POLICY migrations ON {table} TO CURRENT_USER USING (true) WITH CHECK (true)",
        ],
        reverse_sql=[
            f"DROP POLICY migrations ON {table}",
            f"DROP POLICY tenant ON {table}",
            f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY",
            f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY",
        ],
    )


def same_site_key(table: str, column: str, *, to: str, on_delete: str = "NO ACTION") -> RunSQL:
    """A foreign key on `(site_id, column)`, so that a row can point only at a row of its own site.

    `to` needs a unique constraint on `(site_id, id)`; the Django field says `db_constraint=False`.
    """
    name = f"{table}_{column}_same_site"
    return RunSQL(
        sql=(
            f"ALTER TABLE {table} ADD CONSTRAINT {name} FOREIGN KEY (site_id, {column}) "
            f"REFERENCES {to} (site_id, id) ON DELETE {on_delete} DEFERRABLE INITIALLY DEFERRED"
        ),
        reverse_sql=f"ALTER TABLE {table} DROP CONSTRAINT {name}",
    )
