/** The "production" service of the demo: the shop, as far as it says to anybody which releases its products are of. */
import { createServer } from 'node:http';
import type { Postgres } from '@airlock/testkit/postgres';
import { production } from './names.ts';
import { adminPool } from './prepare.ts';

/** Whoever holds a table's lock, such as a release that is being loaded, must not hold the page. */
const patience = "set statement_timeout = '2s'";

export interface Shop {
  /** Of the page that says it. */
  readonly url: string;
  close(): Promise<void>;
}

export async function startShop(options: { port: number; postgres: Postgres }): Promise<Shop> {
  const pool = adminPool(options.postgres, production.database);

  /** `sha256:…` of every artifact that a product comes from. @throws Error for a product of a release that nothing notes. */
  async function artifacts(): Promise<string[]> {
    const client = await pool.connect();
    try {
      await client.query(patience);
      const { rows: tables } = await client.query<{ there: boolean }>(
        `select to_regclass('public.product') is not null as there`,
      );
      if (tables[0]?.there !== true) return [];
      const { rows } = await client.query<{ release: string; artifact: string | null }>(
        `select distinct p.release, h.artifact from product p left join release_history h on h.release = p.release`,
      );
      return [
        ...new Set(
          rows.map(({ release, artifact }) => {
            if (artifact === null)
              throw new Error(`nothing notes where release ${release} is from`);
            return `sha256:${artifact}`;
          }),
        ),
      ];
    } finally {
      client.release();
    }
  }

  const server = createServer((request, response) => {
    const answer = (status: number, body: unknown): void => {
      response.writeHead(status, { 'Content-Type': 'application/json' });
      response.end(`${JSON.stringify(body)}\n`);
    };
    if (request.method !== 'GET' || request.url !== '/version') {
      answer(404, { error: 'the shop has /version' });
      return;
    }
    artifacts().then(
      (found) => {
        answer(200, { artifacts: found });
      },
      (error: unknown) => {
        answer(503, { error: error instanceof Error ? error.message : 'unknown' });
      },
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${options.port}/version`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await pool.end();
    },
  };
}
