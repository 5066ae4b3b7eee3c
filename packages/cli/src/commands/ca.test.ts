import assert from 'node:assert/strict';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { once } from 'node:events';
import { Command } from 'commander';
import { CliError } from '../exit-codes.ts';
import { registerCa } from './ca.ts';

const root = mkdtempSync(join(tmpdir(), 'airlock-ca-'));
after(() => {
  rmSync(root, { recursive: true });
});

async function ca(...args: readonly string[]): Promise<string[]> {
  const lines: string[] = [];
  const program = new Command().exitOverride();
  registerCa(program, (printed) => lines.push(...printed));
  await program.parseAsync(['ca', ...args], { from: 'user' });
  return lines;
}

const at = (...names: string[]): string => join(root, ...names);
const pem = (path: string): string => readFileSync(path, 'utf8');

test('both hosts of an edge know each other by what ca edge and ca issue make, and by their names', async () => {
  await ca('edge', at('edge'));
  const to = ['--ca', at('edge'), '--to', at('hosts')];
  await ca('issue', 'airlock:nonprod:outbox', 'localhost', '127.0.0.1', ...to);
  assert.deepEqual(await ca('issue', 'airlock:gate:intake', ...to, '--days', '30'), [
    `${at('hosts', 'intake.pem')} is airlock:gate:intake, a client, for 30 days`,
  ]);
  const authority = pem(at('edge', 'ca.pem'));
  const server = createServer({
    ...{ key: pem(at('hosts', 'outbox.key')), cert: pem(at('hosts', 'outbox.pem')), ca: authority },
    ...{ requestCert: true, rejectUnauthorized: true, minVersion: 'TLSv1.3' },
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const accepted = once(server, 'secureConnection');
  const client = connect({
    ...{ port, host: '127.0.0.1', servername: 'localhost', ca: authority },
    ...{ key: pem(at('hosts', 'intake.key')), cert: pem(at('hosts', 'intake.pem')) },
  });
  await once(client, 'secureConnect');
  const [seen] = (await accepted) as [TLSSocket];
  assert.match(seen.getPeerX509Certificate()?.subjectAltName ?? '', /^URI:airlock:gate:intake$/);
  assert.match(
    client.getPeerX509Certificate()?.subjectAltName ?? '',
    /URI:airlock:nonprod:outbox.*DNS:localhost.*IP Address:127\.0\.0\.1/,
  );
  client.destroy();
  server.close();
  for (const name of readdirSync(at('hosts')).filter((each) => each.endsWith('.key'))) {
    assert.equal(statSync(at('hosts', name)).mode & 0o777, 0o600, name);
  }
});

test('the next certificate of an edge has a key of its own, and does not lie over the one in use', async () => {
  await ca('edge', at('renewed'));
  const issue = (to: string): Promise<string[]> =>
    ca('issue', 'airlock:rebuilder:audit', '--ca', at('renewed'), '--to', at(to));
  await issue('old');
  await assert.rejects(issue('old'), (error) => error instanceof CliError && error.exitCode === 6);
  await issue('next');
  const [old, next] = ['old', 'next'].map(
    (name) => new X509Certificate(pem(at(name, 'audit.pem'))),
  );
  assert.ok(old !== undefined && next !== undefined);
  assert.notDeepEqual(
    old.publicKey.export({ type: 'spki', format: 'pem' }),
    next.publicKey.export({ type: 'spki', format: 'pem' }),
  );
  assert.ok(next.checkPrivateKey(createPrivateKey(pem(at('next', 'audit.key')))));
});

test('a name that no edge has, a server nowhere and a client somewhere are refused in words', async () => {
  const to = ['--ca', at('edge'), '--to', at('refused')];
  for (const [args, words] of [
    [['airlock:gate:deliverer'], /no edge knows airlock:gate:deliverer/],
    [['airlock:rebuilder:'], /no edge knows airlock:rebuilder:;/],
    [['airlock:hook-relay'], /is a server; name the hosts/],
    [
      ['airlock:gate:intake', 'gate.example'],
      /is a client, which nobody reaches; leave out gate\.example/,
    ],
  ] as const) {
    await assert.rejects(ca('issue', ...args, ...to), words);
  }
  const nowhere = ['--ca', at('nowhere'), '--to', at('refused')];
  await assert.rejects(
    ca('issue', 'airlock:gate:intake', ...nowhere),
    /airlock ca edge makes them/,
  );
});
