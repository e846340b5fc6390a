#!/usr/bin/env bash
# Makes the three roles and the database, once, when the volume is new. None is superuser or passes row-level security:
# plp_owner migrates and owns the schema, plp_app serves requests, plp_system runs the worker.
set -euo pipefail

# psql reads the passwords from its environment, so that no process list shows them.
psql --set ON_ERROR_STOP=1 --no-psqlrc --quiet --username "$POSTGRES_USER" --dbname postgres <<'SQL'
\getenv owner_password PLP_OWNER_PASSWORD
\getenv app_password PLP_APP_PASSWORD
\getenv system_password PLP_SYSTEM_PASSWORD
CREATE ROLE plp_owner LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'owner_password';
CREATE ROLE plp_app LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'app_password';
CREATE ROLE plp_system LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'system_password';
CREATE DATABASE plp OWNER plp_owner;
REVOKE ALL ON DATABASE plp FROM PUBLIC;
GRANT CONNECT, TEMPORARY ON DATABASE plp TO plp_owner, plp_app, plp_system;
SQL
