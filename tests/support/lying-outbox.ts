/**
 * Nonprod's outbox as somebody with root there would run it: the same port, certificate and rows, and for chosen digests other
 * bytes than the name says. The honest process checks its store before it hands out a blob; this one does not.
 */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { pipeline } from 'node:stream/promises';
import type { Pair } from '@airlock/demo/pair';
import type { Attacker } from './attacker.ts';

/** What the lying outbox answers when it is asked for its list; gets the genuine answer. */
export type ListLie = (genuine: string) => string | AsyncIterable<string>;

/** Runs `work` while the lying outbox stands in for the honest one, which is back afterwards. */
export async function withLyingOutbox<T>(
  pair: Pair,
  attacker: Attacker,
  lies: ReadonlyMap<string, Buffer>,
  work: () => Promise<T>,
  listLie: ListLie = (genuine) => genuine,
): Promise<T> {
  await pair.process('nonprod-outbox').stop();
  const { caFile, server: own } = pair.keys.edges.gate;
  const server = createServer(
    {
      ca: readFileSync(caFile),
      cert: readFileSync(own.certificateFile),
      key: readFileSync(own.keyFile),
      requestCert: true,
      minVersion: 'TLSv1.3',
    },
    (request, response) => {
      answer(pair, attacker, lies, new URL(request.url ?? '/', 'https://outbox.invalid')).then(
        (body) => {
          response.writeHead(body === null ? 204 : 200);
          if (typeof body !== 'string') {
            response.end(body ?? undefined);
            return;
          }
          const lie = listLie(body);
          // The gate may hang up on it at any time.
          pipeline(typeof lie === 'string' ? [lie] : lie, response).catch(() => {});
        },
        () => {
          response.writeHead(500);
          response.end();
        },
      );
    },
  );
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(pair.ports.outbox, '127.0.0.1', resolve);
  });
  try {
    return await work();
  } finally {
    await new Promise<void>((resolve) => {
      server.close(() => {
        resolve();
      });
      server.closeAllConnections();
    });
    await pair.start('nonprod-outbox');
  }
}

async function answer(
  pair: Pair,
  attacker: Attacker,
  lies: ReadonlyMap<string, Buffer>,
  url: URL,
): Promise<Buffer | string | null> {
  const digest = /^\/v1\/blobs\/sha256\/([0-9a-f]{64})$/.exec(url.pathname)?.[1];
  if (digest !== undefined) return lies.get(digest) ?? readFileSync(attacker.blobFile(digest));
  if (url.pathname !== '/v1/outbox') return null;
  const rows = await pair.query<{ item: unknown }>(
    'nonprod',
    `select json_build_object('seq', seq, 'prevHash', prev_hash, 'id', id, 'createdAt', created_at,
       'bundle', json_build_object('digest', bundle_digest, 'size', bundle_size),
       'artifact', json_build_object('digest', artifact_digest, 'size', artifact_size),
       'claimedTarget', claimed_target, 'hash', hash) as item
     from outbox_item where seq > $1 order by seq limit 16`,
    [Number(url.searchParams.get('after') ?? 0)],
  );
  const [tip] = await pair.query<{ seq: string }>('nonprod', 'select seq from outbox_counter');
  return JSON.stringify({ items: rows.map(({ item }) => item), head: Number(tip?.seq ?? 0) });
}
