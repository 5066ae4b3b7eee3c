/** The databases that stand for production in the suite, and how they go again. */
import { testPostgres } from '@airlock/testkit/stack';
import pg from 'pg';

/** What `productionPostgresSetup` was given. */
export type Production = { database: string; vaultAdmin: string; appOwner: string };

/** Call it after the mounts that give out roles of this database are gone: they need it to drop those. */
export async function dropProduction({
  database,
  vaultAdmin,
  appOwner,
}: Production): Promise<void> {
  const { host, port, user, password } = await testPostgres();
  const client = new pg.Client({ host, port, user, password, database: 'postgres' });
  await client.connect();
  try {
    await client.query(`DROP DATABASE IF EXISTS "${database}" WITH (FORCE)`);
    for (const role of [vaultAdmin, `${vaultAdmin}_definer`, appOwner]) {
      await client.query(`DROP ROLE IF EXISTS "${role}"`);
    }
  } finally {
    await client.end();
  }
}
