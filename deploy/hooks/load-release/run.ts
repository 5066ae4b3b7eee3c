/**
 * Deploy hook: loads a release of the catalogue into the target's database.
 *
 * Runs in the gate's sandbox, under the hook contract: the environment names the artifact (already checked), the params, the
 * file that says where the database's socket is, and the directory for result.json. It holds no credential: the gate's side of
 * that socket logs in. Everything happens in one transaction whose last row is unique per promotion, so that running it twice
 * changes nothing the second time.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { readRelease, type Release } from './read-release.ts';

function environment(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === '')
    throw new Error(`${name} is not set: this hook runs under the gate only`);
  return value;
}

/** The socket of the target's database, at which the gate logs in for whoever connects. */
function readEgress(): { host: string; database: string } {
  const egress: unknown = JSON.parse(readFileSync(environment('AIRLOCK_EGRESS'), 'utf8'));
  const db: unknown =
    typeof egress === 'object' && egress !== null ? Reflect.get(egress, 'db') : null;
  if (typeof db === 'object' && db !== null) {
    const { host, database, authenticated } = db as Record<string, unknown>;
    if (typeof host === 'string' && typeof database === 'string' && authenticated === true) {
      return { host, database };
    }
  }
  throw new Error(
    'egress db does not log in; name the credential of the database in deliver.egress of the target file',
  );
}

type Params = { schema: string; table: string };

function readParams(): Params {
  const value: unknown = JSON.parse(readFileSync(environment('AIRLOCK_PARAMS'), 'utf8'));
  const identifier = (name: string, left: string): string => {
    const given: unknown =
      typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
    const text = given ?? left;
    // It becomes part of a statement, where no parameter can stand.
    if (typeof text !== 'string' || !/^[a-z_][a-z0-9_]{0,62}$/.test(text)) {
      throw new Error(`params.${name}: a lower-case name expected`);
    }
    return text;
  };
  return { schema: identifier('schema', 'public'), table: identifier('table', 'product') };
}

async function load(
  client: Client,
  params: Params,
  { products }: Release,
): Promise<'loaded' | 'loaded-before'> {
  const release = environment('AIRLOCK_RELEASE');
  const productTable = `"${params.schema}"."${params.table}"`;
  const historyTable = `"${params.schema}".release_history`;
  await client.query('begin');
  // One loader at a time, also when an old one is still ending.
  await client.query(`select pg_advisory_xact_lock(hashtext('airlock load-release'))`);
  await client.query(`create table if not exists ${productTable} (
    sku text primary key, name text not null, price_cents integer not null, release text not null)`);
  await client.query(`create table if not exists ${historyTable} (
    promotion_digest text primary key, release text not null, delivery text not null, products integer not null,
    loaded_at timestamptz not null default now())`);
  // By it the shop says what it serves.
  await client.query(`alter table ${historyTable} add column if not exists artifact text`);
  const { rowCount } = await client.query(
    `insert into ${historyTable} (promotion_digest, release, delivery, products, artifact) values ($1, $2, $3, $4, $5)
     on conflict (promotion_digest) do nothing`,
    [
      environment('AIRLOCK_PROMOTION_DIGEST'),
      release,
      environment('AIRLOCK_DELIVERY'),
      products.length,
      environment('AIRLOCK_ARTIFACT_SHA256'),
    ],
  );
  if (rowCount === 0) {
    await client.query('rollback');
    return 'loaded-before';
  }
  await client.query(
    `insert into ${productTable} (sku, name, price_cents, release)
     select sku, name, price_cents, $4 from unnest($1::text[], $2::text[], $3::int[]) as given (sku, name, price_cents)
     on conflict (sku) do update set name = excluded.name, price_cents = excluded.price_cents, release = excluded.release`,
    [
      products.map((product) => product.sku),
      products.map((product) => product.name),
      products.map((product) => product.priceCents),
      release,
    ],
  );
  await client.query(`delete from ${productTable} where release <> $1`, [release]);
  await client.query('commit');
  return 'loaded';
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function main(): Promise<void> {
  const artifact = environment('AIRLOCK_ARTIFACT');
  const release = readRelease(readFileSync(artifact));
  if (release.commit !== environment('AIRLOCK_COMMIT')) {
    throw new Error(
      `the artifact was built from ${release.commit}, approved was ${environment('AIRLOCK_COMMIT')}`,
    );
  }
  say(`release ${environment('AIRLOCK_RELEASE')}: ${release.products.length} products`);
  const params = readParams();
  const { host, database } = readEgress();
  const client = new Client({
    host,
    database,
    // Any name does: the gate's side answers with its own.
    user: 'hook',
    connectionTimeoutMillis: 10_000,
    statement_timeout: 60_000,
  });
  await client.connect();
  try {
    const { rows } = await client.query<{ session: string }>('select session_user as session');
    say(`connected as ${rows[0]?.session ?? 'nobody'}`);
    const outcome = await load(client, params, release);
    say(
      outcome === 'loaded'
        ? `${release.products.length} products in ${params.schema}.${params.table}, release noted in release_history`
        : 'this promotion was loaded before; nothing changed',
    );
  } finally {
    await client.end();
  }
  writeFileSync(
    join(environment('AIRLOCK_OUT'), 'result.json'),
    JSON.stringify({ release: environment('AIRLOCK_RELEASE'), rows: release.products.length }),
  );
}

main().catch((error: unknown) => {
  process.stderr.write(`load-release: ${error instanceof Error ? error.message : 'failed'}\n`);
  process.exitCode = 1;
});
