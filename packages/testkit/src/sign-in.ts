/** What a service needs around it before anybody can sign in: an identity provider, a key of its own, the sign-in tables. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createSamlKey } from '@airlock/cli/setup/saml-key';
import pg from 'pg';
import { startIdentityProvider, type IdentityProvider, type IdpPerson } from './idp.ts';
import { freePort } from './ports.ts';
import { testPostgres } from './stack.ts';

export interface SignInStack {
  /** Free for the service to listen on; its origin is `http://<service>.localhost:<port>`. */
  readonly port: number;
  readonly origin: string;
  readonly idp: IdentityProvider;
  readonly saml: {
    readonly entityId: string;
    readonly idp: {
      readonly entityId: string;
      readonly signInUrl: string;
      readonly certificatePem: string;
    };
    readonly keyPem: string;
    readonly certificatePem: string;
  };
  readonly pool: pg.Pool;
  dispose(): Promise<void>;
}

const people: readonly IdpPerson[] = [
  ['dana', 'Dana', ['developers']],
  ['leo', 'Leo', ['release-managers', 'developers']],
  ['mira', 'Mira', ['release-managers', 'developers']],
  ['aud', 'Aud', ['auditors']],
].map(([id, name, groups]) => ({
  id: String(id),
  name: String(name),
  email: `${String(id)}@demo.airlock.example`,
  groups: Array.isArray(groups) ? groups : [],
}));

/** A person by id, for answers that a test makes without the identity provider's page. */
export function personNamed(id: string): IdpPerson {
  const person = people.find((each) => each.id === id);
  if (person === undefined) throw new Error(`nobody is called ${id}`);
  return person;
}

/** The statements that make the sign-in tables, out of the service's own first migration. */
function tables(service: 'nonprod' | 'gate'): string {
  const directory = service === 'gate' ? 'prod-gate' : 'nonprod';
  const migration = readFileSync(
    fileURLToPath(
      new URL(`../../../prisma/${directory}/migrations/0001_init/migration.sql`, import.meta.url),
    ),
    'utf8',
  );
  return ['web_session', 'saml_login', 'saml_assertion', 'login_ticket']
    .map((name) => {
      const statement = new RegExp(`create table "?${name}"? \\([^;]*;`, 'i').exec(migration)?.[0];
      if (statement === undefined) throw new Error(`${directory}'s migration makes no ${name}`);
      return statement;
    })
    .join('\n');
}

export async function startSignInStack(service: 'nonprod' | 'gate'): Promise<SignInStack> {
  const directory = mkdtempSync(join(tmpdir(), 'airlock-sign-in-'));
  const { host, port: databasePort, user, password, createDatabase } = await testPostgres();
  const pool = new pg.Pool({
    host,
    port: databasePort,
    user,
    password,
    database: await createDatabase(),
  });
  await pool.query(tables(service));
  const port = await freePort();
  const origin = `http://${service}.localhost:${port}`;
  const entityId = `urn:airlock:test:${service}`;
  const key = await createSamlKey(service);
  const idp = await startIdentityProvider({
    port: 0,
    entityId: 'urn:airlock:test:idp',
    people,
    serviceProviders: [
      { entityId, acs: `${origin}/auth/saml/acs`, certificatePem: key.certificatePem },
    ],
    keyDirectory: directory,
  });
  return {
    port,
    origin,
    idp,
    saml: {
      entityId,
      idp: {
        entityId: idp.entityId,
        signInUrl: `${idp.url}/sso`,
        certificatePem: idp.certificatePem,
      },
      ...key,
    },
    pool,
    async dispose() {
      await idp.stop();
      await pool.end();
      rmSync(directory, { recursive: true });
    },
  };
}
