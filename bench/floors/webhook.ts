/** The least that takes a signed webhook durably in our stack: Express, an HMAC over the raw bytes, one committed insert. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import express from 'express';
import pg from 'pg';

const [port = '0', secret = '', database = ''] = process.argv.slice(2);
const pool = new pg.Pool({ connectionString: database, max: 10 });
await pool.query(
  'create table if not exists delivery (id text primary key, event text, body bytea, at timestamptz default now())',
);
const app = express();
app.post('/hook', express.raw({ type: () => true, limit: '5mb' }), async (request, response) => {
  // express.raw leaves a Buffer for every body that there is.
  const body = request.body as Buffer;
  const expected = Buffer.from(`sha256=${createHmac('sha256', secret).update(body).digest('hex')}`);
  const given = Buffer.from(request.get('x-hub-signature-256') ?? '');
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
    response.status(403).end();
    return;
  }
  await pool.query({
    name: 'take',
    text: 'insert into delivery (id, event, body) values ($1, $2, $3) on conflict do nothing',
    values: [request.get('x-github-delivery'), request.get('x-github-event'), body],
  });
  response.status(202).json({});
});
app.listen(Number(port), '127.0.0.1', () => process.send?.('listening'));
