/**
 * The production database's side of short-lived credentials.
 *
 * Vault's own login may create and drop nothing by itself. It may call two functions, which make and drop roles named `v-…`
 * and no others: before Postgres 16 a login with CREATEROLE can grant itself any role but a superuser's, so that right is
 * kept by a role nobody can log in as. What Vault's login can do is what its credentials can: act as the application's owner.
 */
import { VaultSetupError } from './error.ts';

/** What Vault runs to drop such a role, whoever owns the application. */
export const ephemeralRevocation: readonly string[] = [
  `SELECT airlock_admin.drop_ephemeral('{{name}}')`,
];

/**
 * What Vault runs to make and to drop a role that acts as `appOwner`. Vault splits statements at semicolons, so each is one
 * call; it runs them in one transaction.
 */
export function ephemeralRoleStatements(appOwner: string): {
  creation_statements: string[];
  revocation_statements: string[];
} {
  requireIdentifier(appOwner);
  return {
    creation_statements: [
      `SELECT airlock_admin.create_ephemeral('{{name}}', '{{password}}', '{{expiration}}')`,
      // What a hook creates then belongs to the application and not to a role that is about to go. Postgres refuses this
      // setting inside a SECURITY DEFINER function, and lets the role itself do it.
      `SET LOCAL ROLE "{{name}}"`,
      `ALTER ROLE "{{name}}" SET role = ${literal(appOwner)}`,
    ],
    revocation_statements: [...ephemeralRevocation],
  };
}

/**
 * Statements that prepare one production database, to be run in it, in order, by a superuser. They may be run again; a second
 * run sets Vault's password anew.
 *
 * @param setup.vaultAdmin login of Vault itself; made when absent.
 * @param setup.password of that login; left out, the login keeps the one that it has.
 * @param setup.appOwner role that owns the application's tables; made without login when absent.
 */
export function productionPostgresSetup({
  vaultAdmin,
  password,
  appOwner,
  database,
}: {
  vaultAdmin: string;
  password?: string;
  appOwner: string;
  database: string;
}): string[] {
  const definer = `${vaultAdmin}_definer`;
  for (const name of [vaultAdmin, appOwner, definer, database]) requireIdentifier(name);
  const admin = identifier(vaultAdmin);
  const owner = identifier(appOwner);
  const keeper = identifier(definer);
  return [
    createRole(appOwner, 'NOLOGIN'),
    createRole(definer, 'NOLOGIN'),
    createRole(vaultAdmin, 'LOGIN'),
    `ALTER ROLE ${keeper} NOLOGIN CREATEROLE NOSUPERUSER NOCREATEDB INHERIT`,
    `ALTER ROLE ${admin} LOGIN NOCREATEROLE NOSUPERUSER NOCREATEDB NOINHERIT${password === undefined ? '' : ` PASSWORD ${literal(password)}`}`,
    // Postgres 16 and later let CREATEROLE grant only what it holds with ADMIN; membership is what REASSIGN OWNED needs.
    `GRANT ${owner} TO ${keeper} WITH ADMIN OPTION`,
    `GRANT CONNECT ON DATABASE ${identifier(database)} TO ${admin}, ${owner}`,
    `GRANT USAGE, CREATE ON SCHEMA public TO ${owner}`,
    `CREATE SCHEMA IF NOT EXISTS airlock_admin`,
    `REVOKE ALL ON SCHEMA airlock_admin FROM PUBLIC`,
    `GRANT USAGE ON SCHEMA airlock_admin TO ${admin}`,
    `GRANT USAGE, CREATE ON SCHEMA airlock_admin TO ${keeper}`,
    createEphemeral(appOwner),
    dropEphemeral(appOwner),
    ...['create_ephemeral(text, text, text)', 'drop_ephemeral(text)'].flatMap((signature) => [
      `ALTER FUNCTION airlock_admin.${signature} OWNER TO ${keeper}`,
      `REVOKE ALL ON FUNCTION airlock_admin.${signature} FROM PUBLIC`,
      `GRANT EXECUTE ON FUNCTION airlock_admin.${signature} TO ${admin}`,
    ]),
    // Needed while the owner was changed; left over, it would let the functions be joined by others.
    `REVOKE CREATE ON SCHEMA airlock_admin FROM ${keeper}`,
  ];
}

function createRole(name: string, attribute: 'LOGIN' | 'NOLOGIN'): string {
  return `DO $do$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = ${literal(name)}) THEN
    CREATE ROLE ${identifier(name)} ${attribute};
  END IF;
END $do$`;
}

const refuseOtherNames = `IF name !~ '^v-[A-Za-z0-9_-]{1,61}$' THEN
    RAISE EXCEPTION 'airlock_admin: only roles named v-… are made and dropped here';
  END IF;`;

function createEphemeral(appOwner: string): string {
  return `CREATE OR REPLACE FUNCTION airlock_admin.create_ephemeral(name text, password text, expiration text)
RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
BEGIN
  ${refuseOtherNames}
  EXECUTE format('CREATE ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION '
    'CONNECTION LIMIT 4 PASSWORD %L VALID UNTIL %L IN ROLE %I',
    name, password, expiration::timestamptz, ${literal(appOwner)});
  EXECUTE format('GRANT %I TO %I', name, session_user);
  RETURN 'created';
END $function$`;
}

function dropEphemeral(appOwner: string): string {
  return `CREATE OR REPLACE FUNCTION airlock_admin.drop_ephemeral(name text)
RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
BEGIN
  ${refuseOtherNames}
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
    RETURN 'absent';
  END IF;
  IF NOT EXISTS (
    SELECT FROM pg_auth_members
    WHERE member = (SELECT oid FROM pg_roles WHERE rolname = name)
      AND roleid = (SELECT oid FROM pg_roles WHERE rolname = ${literal(appOwner)})
  ) THEN
    RAISE EXCEPTION 'airlock_admin: this role was not made for this database';
  END IF;
  EXECUTE format('ALTER ROLE %I NOLOGIN', name);
  -- Only members may end a role's sessions and take over what it owns.
  EXECUTE format('GRANT %I TO %I', name, current_user);
  PERFORM pg_terminate_backend(pid, 2000) FROM pg_stat_activity WHERE usename = name;
  EXECUTE format('REASSIGN OWNED BY %I TO %I', name, ${literal(appOwner)});
  EXECUTE format('DROP OWNED BY %I', name);
  EXECUTE format('DROP ROLE %I', name);
  RETURN 'dropped';
END $function$`;
}

function requireIdentifier(name: string): void {
  if (!/^[a-z_][a-z0-9_-]{0,62}$/.test(name)) {
    throw new VaultSetupError(
      'vault-setup-invalid',
      `"${name}" becomes a Postgres name; use lower-case letters, digits, _ and -, 63 at most`,
    );
  }
}

function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

function literal(text: string): string {
  if (!text.includes('\\')) return `'${text.replaceAll("'", "''")}'`;
  return `E'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
}
