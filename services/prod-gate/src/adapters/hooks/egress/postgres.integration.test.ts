/** The socket of a database, against a real Postgres with TLS and against servers that lie. */
import {
  createCertificateAuthority,
  issueCertificate,
  type CertificateAndKey,
} from '@airlock/cli/setup/pki';
import type { Egress } from '@airlock/common/policy/target-egress';
import { Secret } from '@airlock/common/secret';
import { startPostgres, type Postgres } from '@airlock/testkit/postgres';
import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { TLSSocket } from 'node:tls';
import pg from 'pg';
import type { Credential } from '../../../app/vault-ports.ts';
import { createMask } from '../mask.ts';
import { openEgress } from './open.ts';
import { encode, sslRequest } from './postgres-wire.ts';

type PostgresEgress = Extract<Egress, { kind: 'postgres' }>;

const password = 'pässword-of-the-rôle-0123456789';
const role = 'v-jwt-prod-shop-1';
const directory = mkdtempSync(join(tmpdir(), 'airlock-pgproxy-'));
let postgres: Postgres;
let admin: pg.Client;
let authority: CertificateAndKey;

before(async () => {
  chmodSync(directory, 0o755);
  // TLS is turned on below, which is nobody else's server to bear.
  delete process.env['AIRLOCK_POSTGRES_URL'];
  postgres = await startPostgres({
    directory: join(directory, 'server'),
    removeDirectoryAtEnd: true,
  });
  await postgres.createDatabase('shop');
  const { host, port, superuser: user, password: own } = postgres;
  admin = new pg.Client({ host, port, user, password: own, database: 'postgres' });
  await admin.connect();
  await admin.query(`create role "${role}" login password '${password}'`);
  authority = await createCertificateAuthority('production');
  const { certificatePem, keyPem } = await serverCertificate(authority, ['localhost']);
  const owner = statSync(await setting('data_directory'));
  for (const [name, text] of [
    ['ssl_cert_file', certificatePem],
    ['ssl_key_file', keyPem],
  ] as const) {
    const file = join(directory, name);
    writeFileSync(file, text, { mode: 0o600 });
    chownSync(file, owner.uid, owner.gid);
    await admin.query(`alter system set ${name} = '${file}'`);
  }
  await admin.query('alter system set ssl = on');
  await admin.query('select pg_reload_conf()');
  while ((await setting('ssl')) !== 'on') await sleep(20);
});

after(async () => {
  await admin.end();
  await postgres.stop();
  rmSync(directory, { recursive: true, force: true });
});

test('whatever a hook asks to be, it is the role of the credential in the approved database, without a password', async (t) => {
  const { host, lines } = await open(t, {});
  const client = new pg.Client({
    ...{ host, user: 'airlock', database: 'postgres', password: 'guess' },
    ...{ replication: 'database', options: '-c work_mem=1MB', application_name: 'my hook' },
    statement_timeout: 12_345,
  });
  await client.connect();
  const { rows } = await client.query(
    `select session_user::text as who, current_database() as at, current_setting('application_name') as application,
       current_setting('statement_timeout') as timeout, current_setting('work_mem') as memory,
       (select backend_type from pg_stat_activity where pid = pg_backend_pid()) as type`,
  );
  await client.end();
  assert.deepEqual(rows, [
    {
      ...{ who: role, at: 'shop', application: 'my hook', timeout: '12345ms', memory: '4MB' },
      type: 'client backend',
    },
  ]);
  assert.deepEqual(lines, ['egress db: not passed on from the hook: "replication", "options"']);
});

test('where the target file names a ca, the session with the server is encrypted', async (t) => {
  const { host } = await open(t, { host: 'localhost', ca: authority.certificatePem });
  const client = await connected(t, { host });
  const { rows } = await client.query(
    'select session_user::text as who, ssl, version from pg_stat_ssl where pid = pg_backend_pid()',
  );
  assert.deepEqual(rows, [{ who: role, ssl: true, version: 'TLSv1.3' }]);
});

test('without a credential the hook logs in itself, over the TLS of the gate', async (t) => {
  const { host } = await open(t, {
    ...{ host: 'localhost', ca: authority.certificatePem, credential: undefined },
  });
  const client = await connected(t, { host, user: role, password, database: 'shop' });
  const { rows } = await client.query('select ssl from pg_stat_ssl where pid = pg_backend_pid()');
  assert.deepEqual(rows, [{ ssl: true }]);
  const guess = new pg.Client({ host, user: role, password: 'guess', database: 'shop' });
  await assert.rejects(guess.connect(), { code: '28P01' });
});

for (const [claim, ca] of [
  ['another authority', (): Promise<string> => strangerPem()],
  ['another name', (): Promise<string> => Promise.resolve(authority.certificatePem)],
] as const) {
  test(`a server whose certificate is of ${claim} hears of no user, and the hook is told`, async (t) => {
    // Its certificate is for localhost.
    const name = claim === 'another name' ? '127.0.0.1' : 'localhost';
    const { host, lines } = await open(t, { host: name, ca: await ca() });
    await assert.rejects(connected(t, { host }), { code: '08006', message: /TLS with/ });
    assert.match(lines.join(), new RegExp(`the database could not be reached: TLS with ${name}`));
  });
}

test('a query of the hook is cancelled by its own key, which is not the one of the server', async (t) => {
  const { host } = await open(t, { host: 'localhost', ca: authority.certificatePem });
  const client = await connected(t, { host });
  const facts = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
  const { processID, secretKey } = client as unknown as { processID: number; secretKey: number };
  assert.equal(processID, facts.rows[0]?.pid);
  const sleeping = client.query('select pg_sleep(20)');
  const cancelled = assert.rejects(sleeping, { code: '57014' });
  await untilRunning('select pg_sleep(20)');
  // The server knows no such key: sent past the gate it ends nothing.
  await sendCancel(connect(postgres.port, postgres.host), processID, secretKey);
  await sleep(200);
  await untilRunning('select pg_sleep(20)');
  await sendCancel(connect(join(host, '.s.PGSQL.5432')), processID, secretKey);
  await cancelled;
});

test('a request to cancel what another began is refused', async (t) => {
  const { host, lines } = await open(t, {});
  await sendCancel(connect(join(host, '.s.PGSQL.5432')), 4711, 815);
  assert.deepEqual(lines, ['egress db: a request to cancel what was not begun here']);
});

test('16 MiB pass in each direction, and the seventeenth connection does not', async (t) => {
  const { host, lines } = await open(t, {});
  const client = await connected(t, { host });
  const text = 'x'.repeat(16 * 1024 * 1024);
  const { rows } = await client.query<{ same: string }>('select $1::text as same', [text]);
  assert.equal(rows[0]?.same === text, true);
  for (let others = 0; others < 15; others += 1) await connected(t, { host });
  await assert.rejects(connected(t, { host }));
  assert.deepEqual(lines, ['egress db: more than 16 connections at once']);
});

test('what the server says of a refused login reaches the hook, without the password', async (t) => {
  const { host, lines } = await open(t, {}, 'not the password');
  await assert.rejects(connected(t, { host }), { code: '28P01', message: new RegExp(role) });
  assert.match(lines.join(), /password authentication failed/);
  assert.ok(!lines.join().includes('not the password'));
});

test('a database that is down is an error that says so', async (t) => {
  const { host } = await open(t, { port: 1 });
  await assert.rejects(connected(t, { host }), {
    code: '08006',
    message: /could not reach the database: 127\.0\.0\.1:1: .*ECONNREFUSED/,
  });
});

// ── servers that lie ────────────────────────────────────────────────────────────────────────────────────────────

const authentication = (code: number, rest = ''): Buffer => {
  const body = Buffer.alloc(4);
  body.writeUInt32BE(code);
  return encode({ type: 'R', body: Buffer.concat([body, Buffer.from(rest)]) });
};
const sasl = authentication(10, 'SCRAM-SHA-256\0\0');
const lies: [claim: string, answers: (said: string) => Buffer[], told: RegExp][] = [
  ['asks for the password in clear', () => [authentication(3)], /asks for the password in clear/],
  ['asks for its MD5', () => [authentication(5, 'salt')], /asks for the MD5/],
  ['asks for nothing', () => [authentication(0)], /asks for no password/],
  ['asks for Kerberos', () => [authentication(7)], /a login of kind 7/],
  ['knows another mechanism only', () => [authentication(10, 'PLAIN\0\0')], /SCRAM-SHA-256/],
  [
    'asks for a thousand million rounds',
    (said) => [sasl, authentication(11, `r=${nonceIn(said)}x,s=c2FsdA==,i=1000000000`)],
    /iteration count/,
  ],
  [
    'answers with a nonce of its own',
    () => [sasl, authentication(11, 'r=mine,s=c2FsdA==,i=4096')],
    /nonce/,
  ],
  [
    'does not know the password itself',
    (said) => [
      sasl,
      authentication(11, `r=${nonceIn(said)}x,s=c2FsdA==,i=4096`),
      authentication(12, `v=${Buffer.alloc(32).toString('base64')}`),
    ],
    /signature does not match/,
  ],
  [
    'lets in before it has proven that it knows the password',
    (said) => [
      sasl,
      authentication(11, `r=${nonceIn(said)}x,s=c2FsdA==,i=4096`),
      authentication(0),
    ],
    /asks for no password/,
  ],
  [
    'changes its mind to clear text',
    (said) => [
      sasl,
      authentication(11, `r=${nonceIn(said)}x,s=c2FsdA==,i=4096`),
      authentication(3),
    ],
    /asks for the password in clear/,
  ],
  ['is no Postgres', () => [Buffer.from('SSH-2.0-OpenSSH_9.6\r\n')], /no Postgres/],
  ['sends data before the login', () => [encode({ type: 'D', body: Buffer.alloc(2) })], /login/],
];
for (const [claim, answers, told] of lies) {
  test(`a server that ${claim} learns no password, and the hook is not let in`, async (t) => {
    const liar = await lying(t, answers);
    const { host } = await open(t, { port: liar.port });
    await assert.rejects(connected(t, { host }), told);
    assert.ok(liar.heard().includes(role), 'the case itself must reach the login');
    assert.ok(!liar.heard().includes(password));
  });
}

test('an error of a lying server that names the password reaches the hook masked', async (t) => {
  const liar = await lying(t, () => [
    encode({ type: 'E', body: Buffer.from(`SFATAL\0C28000\0M${password} is wrong\0\0`) }),
  ]);
  const { host, lines } = await open(t, { port: liar.port });
  await assert.rejects(connected(t, { host }), { message: '[masked] is wrong' });
  assert.ok(!lines.join().includes(password));
});

for (const [claim, answer, told] of [
  ['speaks no TLS', 'N', /speaks no TLS/],
  ['slips words in before TLS', 'Sxxxx', /said more than it was asked/],
] as const) {
  test(`a server that ${claim} hears no user where a ca is demanded`, async (t) => {
    const liar = await listening(t, (socket, said) => {
      if (said.length === sslRequest.length) socket.write(answer);
    });
    const { host } = await open(t, { port: liar.port, ca: authority.certificatePem });
    await assert.rejects(connected(t, { host }), told);
    assert.equal(liar.heard(), sslRequest.toString('latin1'));
  });
}

test('where the server offers to bind the login to its certificate, it is bound', async (t) => {
  const { certificatePem, keyPem } = await serverCertificate(authority, ['localhost']);
  let heard = '';
  const server = createServer((raw) => {
    raw.once('data', () => {
      raw.write('S');
      const socket = new TLSSocket(raw, { isServer: true, cert: certificatePem, key: keyPem });
      socket.on('error', () => {});
      socket.on('data', (bytes: Buffer) => {
        heard += bytes.toString('latin1');
        if (heard.includes('SCRAM-SHA-256-PLUS')) socket.destroy();
        else socket.write(authentication(10, 'SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0'));
      });
    });
  });
  const port = await listen(t, server);
  const { host } = await open(t, { host: 'localhost', port, ca: authority.certificatePem });
  await assert.rejects(connected(t, { host }));
  assert.match(heard, /SCRAM-SHA-256-PLUS\0.{4}p=tls-server-end-point,,/s);
});

// ── hooks that lie ──────────────────────────────────────────────────────────────────────────────────────────────

const openings: [claim: string, bytes: Buffer, told: RegExp][] = [
  ['HTTP', Buffer.from('GET / HTTP/1.1\r\n\r\n'), /not the beginning of a Postgres connection/],
  ['a startup of 1 MiB', words(1_048_576, 196_608), /not the beginning/],
  ['a startup of four bytes', words(4, 196_608), /not the beginning/],
  ['protocol 2', words(8, 131_072), /protocol 3/],
  [
    'a startup that does not end',
    Buffer.concat([words(13, 196_608), Buffer.from('user\0')]),
    /malformed/,
  ],
  [
    'encryption again and again',
    Buffer.concat([sslRequest, sslRequest, sslRequest]),
    /again and again/,
  ],
];
for (const [claim, bytes, told] of openings) {
  test(`a hook that begins with ${claim} is cut, and the server hears nothing`, async (t) => {
    const server = await listening(t, () => {});
    const { host, lines } = await open(t, { port: server.port });
    const socket = connect(join(host, '.s.PGSQL.5432'));
    socket.on('error', () => {});
    socket.write(bytes);
    await new Promise((resolve) => socket.resume().once('close', resolve));
    assert.match(lines.join(), told);
    assert.equal(server.heard(), '');
  });
}

test('a client of a later protocol is told that 3.0 is spoken, and let in', async (t) => {
  const { host } = await open(t, {});
  const socket = connect(join(host, '.s.PGSQL.5432'));
  const texts = Buffer.from('user\0hook\0_pq_.new\0yes\0\0');
  socket.write(Buffer.concat([words(8 + texts.length, 196_610), texts]));
  const answer = await new Promise<Buffer>((resolve) => socket.once('data', resolve));
  socket.destroy();
  assert.equal(answer.toString('latin1', 0, 22), 'v\0\0\0\x15\0\x03\0\0\0\0\0\x01_pq_.new\0');
  assert.ok(answer.includes(Buffer.from('R\0\0\0\x08\0\0\0\0')));
});

// ── what the tests are made of ──────────────────────────────────────────────────────────────────────────────────

async function serverCertificate(
  ca: CertificateAndKey,
  names: string[],
): Promise<CertificateAndKey> {
  return await issueCertificate({
    ...{ ca, dnsNames: names, uriSan: 'airlock://database', usage: 'server', days: 1 },
    ipAddresses: [],
  });
}

async function strangerPem(): Promise<string> {
  return (await createCertificateAuthority('stranger')).certificatePem;
}

async function setting(name: string): Promise<string> {
  const { rows } = await admin.query<{ value: string }>('select current_setting($1) as value', [
    name,
  ]);
  return rows[0]?.value ?? '';
}

let opened = 0;

async function open(t: TestContext, more: Partial<PostgresEgress>, own = password) {
  const { credential = 'credential' in more ? undefined : 'db-login', ...rest } = more;
  const egress: PostgresEgress = {
    ...{ as: 'db', kind: 'postgres', host: postgres.host, port: postgres.port, name: 'shop' },
    ...(credential === undefined ? {} : { credential }),
    ...rest,
  };
  const credentials: Credential[] = [
    {
      ...{ as: 'db-login', ending: 'revocable', leaseId: null, holder: role, seconds: 60 },
      secret: { kind: 'database', username: role, password: new Secret(own) },
    },
  ];
  const mask = createMask([own]);
  const lines: string[] = [];
  opened += 1;
  const place = join(directory, String(opened));
  const sockets = await openEgress({
    ...{ directory: place, egresses: [egress], credentials, mask: mask.text },
    say: (line) => lines.push(mask.text(line)),
  });
  t.after(() => sockets.close());
  return { host: join(place, 'db'), lines };
}

async function connected(t: TestContext, options: pg.ClientConfig): Promise<pg.Client> {
  const client = new pg.Client({ user: 'anybody', ...options });
  // Its egress closes before it does.
  client.on('error', () => {});
  await client.connect();
  t.after(() => client.end().catch(() => {}));
  return client;
}

async function untilRunning(query: string): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const { rowCount } = await admin.query(
      `select from pg_stat_activity where query = $1 and state = 'active'`,
      [query],
    );
    if (rowCount === 1) return;
    await sleep(20);
  }
  assert.fail(`${query} does not run`);
}

async function sendCancel(socket: Socket, processId: number, key: number): Promise<void> {
  socket.on('error', () => {});
  socket.write(Buffer.concat([words(16, 80_877_102), words(processId, key)]));
  await new Promise((resolve) => socket.resume().once('close', resolve));
}

function words(first: number, second: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32BE(first);
  bytes.writeInt32BE(second | 0, 4);
  return bytes;
}

function nonceIn(said: string): string {
  return /n=\*,r=([^,]+)/.exec(said)?.[1] ?? '';
}

type Listening = { port: number; heard: () => string };

/** @param hears is called with all that came on a connection so far. */
async function listening(
  t: TestContext,
  hears: (socket: Socket, said: string) => void,
): Promise<Listening> {
  let heard = '';
  const server = createServer((socket) => {
    let said = '';
    socket.on('error', () => {});
    socket.on('data', (bytes: Buffer) => {
      heard += bytes.toString('latin1');
      said += bytes.toString('latin1');
      hears(socket, said);
    });
  });
  return { port: await listen(t, server), heard: () => heard };
}

/** Gives one answer to each message that comes, whatever it says. */
async function lying(t: TestContext, answers: (said: string) => Buffer[]): Promise<Listening> {
  const given = new WeakMap<Socket, number>();
  return await listening(t, (socket, said) => {
    const count = given.get(socket) ?? 0;
    given.set(socket, count + 1);
    const answer = answers(said)[count];
    if (answer !== undefined) socket.write(answer);
  });
}

async function listen(t: TestContext, server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  t.after(() => server.close());
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  return address.port;
}
