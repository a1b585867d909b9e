-- The database and its three roles. Run as a superuser, again whenever you like; secrets come by the environment:
--
--   DATABASE=orchestrator OWNER_PASSWORD=... APP_PASSWORD=... CREW_PASSWORD=... \
--     psql --no-psqlrc --set ON_ERROR_STOP=1 --dbname postgres --file infra/postgres/roles.sql
--
-- owner  makes and changes tables (migrations, partitions); nothing serves requests as it
-- app    serves requests, and the admin to a site's own people; row-level security binds it
-- crew   sweeps, ingest, health, operators' admin; sees all sites (BYPASSRLS)

\getenv database DATABASE
\getenv owner_password OWNER_PASSWORD
\getenv app_password APP_PASSWORD
\getenv crew_password CREW_PASSWORD

SELECT format('CREATE ROLE %I', name) FROM unnest(ARRAY['owner', 'app', 'crew']) AS name
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) \gexec

ALTER ROLE owner LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'owner_password';
ALTER ROLE app LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'app_password';
ALTER ROLE crew LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION BYPASSRLS PASSWORD :'crew_password';

SELECT format('CREATE DATABASE %I OWNER owner', :'database')
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'database') \gexec

SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC', :'database') \gexec
SELECT format('GRANT CONNECT ON DATABASE %I TO app, crew', :'database') \gexec

\connect :"database"

REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO app, crew;

-- Whatever owner makes from now on, the other two may use; TRUNCATE, which no row policy stops, stays the owner's.
ALTER DEFAULT PRIVILEGES FOR ROLE owner IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO app, crew;
ALTER DEFAULT PRIVILEGES FOR ROLE owner IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO app, crew;
ALTER DEFAULT PRIVILEGES FOR ROLE owner IN SCHEMA public GRANT EXECUTE ON FUNCTIONS TO app, crew;
