import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, request as httpsRequest, type Server } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { connect } from 'node:tls';
import type { Log } from '@airlock/process/log';
import { freePort } from '@airlock/testkit/ports';
import { testPostgres } from '@airlock/testkit/stack';
import { WebListen } from '@airlock/web/listen-settings';
import { route } from '@airlock/web/route';
import { z } from 'zod';
import { createPersonStore } from '../adapters/postgres/person-store.ts';
import { requireOneSignIn, SignInSettings, type ProxySettings } from '../sign-in-config.ts';
import { testDatabase, type TestDatabase } from '../testing/database.ts';
import { startTestWeb, type TestWeb } from '../testing/web.ts';
import { createSignInProxy } from './proxy-sign-in.ts';

const directory = mkdtempSync(join(tmpdir(), 'airlock-proxy-'));
const file = (name: string): string => join(directory, name);
const host = 'ci.example';
const logged: unknown[] = [];
const log = new Proxy({} as Log, {
  get: () => (event: string, fields: object) => logged.push([event, fields]),
});

const openssl = (...args: readonly string[]): unknown =>
  execFileSync('openssl', args, { stdio: 'ignore' });
const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
const authority = (name: string): unknown =>
  openssl(
    ...['req', '-x509', ...newKey, '-days', '2', '-subj', `/CN=${name}`],
    ...['-keyout', file(`${name}.key`), '-out', file(`${name}.pem`)],
  );

/** A certificate of the one authority, for a key of its own or for that of another. */
function issue(name: string, keyOf = name): void {
  const key =
    keyOf === name
      ? [...newKey, '-keyout', file(`${name}.key`)]
      : ['-new', '-key', file(`${keyOf}.key`)];
  openssl('req', ...key, '-subj', `/CN=${name}`, '-out', file(`${name}.csr`));
  const ca = ['-CA', file('ca.pem'), '-CAkey', file('ca.key'), '-CAcreateserial'];
  openssl(
    'x509',
    '-req',
    '-in',
    file(`${name}.csr`),
    '-out',
    file(`${name}.pem`),
    ...ca,
    '-days',
    '2',
  );
}
const fingerprint = (name: string): string =>
  new X509Certificate(readFileSync(file(`${name}.pem`))).fingerprint256
    .replaceAll(':', '')
    .toLowerCase();

const settings = (certificate: string): ProxySettings => {
  const headers = { user: 'x-remote-user', mail: 'x-remote-mail', groups: 'x-remote-groups' };
  const { proxy } = SignInSettings.parse({
    proxy: { name: 'corp', certificateSha256: fingerprint(certificate), headers },
  });
  assert.ok(proxy !== null);
  return proxy;
};

let database: TestDatabase;
let web: TestWeb;
let port: number;
let proxy: Server;
let proxyPort: number;

const start = async (certificate: string, at: number, now = () => new Date()): Promise<TestWeb> =>
  startTestWeb(
    database,
    [
      route({
        ...{ name: 'show-me', method: 'get', path: '/api/v1/me', summary: 'Who I am' },
        access: 'signed-in',
        handle(_request, response, { viewer }) {
          response.json(viewer);
        },
      }),
    ],
    {
      origin: `https://${host}`,
      listen: WebListen.parse({
        ...{ host: '127.0.0.1', port: at },
        tls: { certificateFile: file('site.pem'), keyFile: file('site.key') },
      }),
      saml: null,
      log,
      signedIn: (identity) => createPersonStore(database.as('nonprod_web')).signedIn(identity),
      proxy: createSignInProxy(settings(certificate), {
        certificateFiles: [file('site.pem')],
        ...{ now, log },
      }),
    },
  );

before(async () => {
  authority('ca');
  authority('site');
  for (const name of ['proxy', 'other']) issue(name);
  issue('shared', 'site');
  copyFileSync(file('site.key'), file('shared.key'));
  database = await testDatabase(await testPostgres());
  port = await freePort();
  proxyPort = await freePort();
  web = await start('proxy', port);
  // Knows who is signed in by the header "as"; hands on, as careless ones do, whatever else the browser sends.
  proxy = createServer(
    { cert: readFileSync(file('site.pem')), key: readFileSync(file('site.key')) },
    (incoming, outgoing) => {
      const { as, ...others } = incoming.headers;
      const onward = httpsRequest(
        {
          ...{ host: '127.0.0.1', port, agent: false, rejectUnauthorized: false },
          ...{ method: incoming.method, path: incoming.url },
          cert: readFileSync(file('proxy.pem')),
          key: readFileSync(file('proxy.key')),
          headers: {
            ...others,
            ...(as === undefined ? {} : { 'x-remote-user': as }),
            'x-remote-mail': `${String(as)}@corp.example`,
            'x-remote-groups': 'developers, night-shift',
          },
        },
        (answer) => {
          outgoing.writeHead(answer.statusCode ?? 0, answer.headers);
          answer.pipe(outgoing);
        },
      );
      incoming.pipe(onward);
    },
  );
  await new Promise<void>((done) => proxy.listen(proxyPort, '127.0.0.1', done));
});
after(async () => {
  proxy.close();
  await web.close();
  await database.close();
  rmSync(directory, { recursive: true });
});

interface Heard {
  readonly status: number;
  readonly cookie: string | null;
  readonly text: string;
}

/** A request written by hand, so that nothing joins, renames or drops a header. */
function say(
  to: number,
  certificate: string | null,
  lines: readonly string[],
  body = '',
): Promise<Heard> {
  return new Promise((done, fail) => {
    const socket = connect({
      ...{ host: '127.0.0.1', port: to, rejectUnauthorized: false },
      ...(certificate === null
        ? {}
        : {
            cert: readFileSync(file(`${certificate}.pem`)),
            key: readFileSync(file(`${certificate}.key`)),
          }),
    });
    let text = '';
    socket.setTimeout(10_000, () => socket.destroy(new Error('no answer within 10 s')));
    socket.on('data', (part: Buffer) => (text += part.toString('latin1')));
    socket.on('error', fail);
    socket.on('close', () => {
      const cookie = /^set-cookie: (__Host-session=[\w-]{43});/im.exec(text)?.[1] ?? null;
      done({ status: Number(text.split(' ')[1]), cookie, text });
    });
    socket.write(`${[...lines, `host: ${host}`, 'connection: close'].join('\r\n')}\r\n\r\n${body}`);
  });
}

const signIn = 'GET /auth/sign-in?returnTo=/runs HTTP/1.1';
const me = 'GET /api/v1/me HTTP/1.1';
const mira = 'x-remote-user: mira';

test('whom the proxy names is signed in, with a session as after SAML, and the log and the person name the proxy', async () => {
  logged.length = 0;
  const { status, cookie, text } = await say(proxyPort, null, [
    signIn,
    'as: mira',
    'accept: text/html',
  ]);
  assert.equal(status, 200, text);
  assert.match(text, /; Path=\/; Secure; HttpOnly; SameSite=Strict\r\n/);
  assert.match(text, /content="0;url=\/runs"/);
  assert.ok(cookie !== null);
  const answer = await say(proxyPort, null, [me, 'as: mira', `cookie: ${cookie}`]);
  assert.equal(answer.status, 200, answer.text);
  assert.match(
    answer.text,
    /"nameId":"mira","idp":"proxy:corp","groups":\["developers","night-shift"\]/,
  );
  assert.match(answer.text, /"name":"mira@corp\.example"/);
  assert.ok(
    logged.some((each) => {
      const [event, fields] = each as [string, Record<string, unknown>];
      return (
        event === 'sign-in.accepted' &&
        fields['user.id'] === 'mira' &&
        fields['identity.provider'] === 'proxy:corp'
      );
    }),
  );
  const person = await database
    .as('nonprod_web')
    .person.findUniqueOrThrow({ where: { id: 'mira' } });
  assert.deepEqual([person.idp, person.name], ['proxy:corp', 'mira@corp.example']);
});

test('headers are no session: without the sign-in the proxy itself gets what strangers get', async () => {
  const { status } = await say(port, 'proxy', [me, mira]);
  assert.equal(status, 401);
});

const direct: readonly (readonly [
  way: string,
  certificate: string | null,
  lines: readonly string[],
])[] = [
  ['no certificate', null, [mira]],
  ['another certificate of the same authority', 'other', [mira]],
  ['the certificate of the authority itself', 'ca', [mira]],
  ['the site’s own certificate', 'site', [mira]],
  [
    'a certificate in a header',
    null,
    [mira, 'x-ssl-client-verify: SUCCESS', 'x-forwarded-client-cert: Hash=1'],
  ],
];
const malformed: readonly (readonly [way: string, lines: readonly string[]])[] = [
  ['nobody', []],
  ['an empty name', ['x-remote-user:']],
  ['the header twice', [mira, 'x-remote-user: oke']],
  ['the header twice, alike', [mira, mira]],
  ['the header twice in two cases', [mira, 'X-REMOTE-USER: oke']],
  ['an underscore beside it', [mira, 'X_Remote_User: oke']],
  ['underscores alone', ['X_Remote_User: mira']],
  ['a dot beside it', [mira, 'x.remote.user: oke']],
  ['groups twice', [mira, 'x-remote-groups: developers', 'x-remote-groups: platform']],
  ['groups with an underscore', [mira, 'x_remote_groups: platform']],
  ['mail twice', [mira, 'x-remote-mail: a@b', 'X-Remote-Mail: c@d']],
  ['bytes that are no ASCII', ['x-remote-user: mir\u00e4']],
  ['a name of 300 letters', [`x-remote-user: ${'m'.repeat(300)}`]],
  ['a list of 201 groups', [mira, `x-remote-groups: ${'g,'.repeat(201)}`]],
];

test('the right headers on any connection but the proxy’s sign nobody in', async () => {
  for (const [way, certificate, lines] of direct) {
    const { status, cookie } = await say(port, certificate, [signIn, ...lines]);
    assert.deepEqual([status, cookie], [403, null], way);
  }
});

test('on the proxy’s connection a header that is there twice, beside its like or unfit signs nobody in', async () => {
  for (const [way, lines] of malformed) {
    const { status, cookie } = await say(port, 'proxy', [signIn, ...lines]);
    assert.deepEqual([status, cookie], [403, null], way);
  }
  const shouted = await say(port, 'proxy', [signIn, 'X-REMOTE-USER: mira']);
  assert.ok(shouted.cookie !== null, 'letters of either size are the same name in HTTP');
});

test('a name in trailers is none', async () => {
  const chunked = 'transfer-encoding: chunked';
  const trailers = `0\r\n${mira}\r\n\r\n`;
  for (const lines of [[chunked, 'trailer: x-remote-user'], [chunked]]) {
    const { status, cookie } = await say(port, 'proxy', [signIn, ...lines], trailers);
    assert.deepEqual([status, cookie], [403, null]);
  }
  const { cookie, text } = await say(
    port,
    'proxy',
    [signIn, mira, chunked],
    `0\r\nx-remote-user: oke\r\n\r\n`,
  );
  assert.ok(cookie !== null, text);
  assert.match((await say(port, 'proxy', [me, `cookie: ${cookie}`])).text, /"nameId":"mira"/);
});

test('what a browser adds through a careless proxy takes its own sign-in away, and gives no other', async () => {
  for (const added of ['X_Remote_User: oke', 'x_remote_groups: platform']) {
    const { status, cookie } = await say(proxyPort, null, [signIn, 'as: mira', added]);
    assert.deepEqual([status, cookie], [403, null], added);
  }
});

test('a session ends when the proxy names somebody else beside it, and by signing out', async () => {
  const { cookie } = await say(port, 'proxy', [signIn, mira]);
  assert.equal((await say(port, 'proxy', [me, mira, `cookie: ${cookie}`])).status, 200);
  // Whoever else holds headers but not the proxy's certificate ends nobody's session.
  const stranger = [me, 'x-remote-user: oke', `cookie: ${cookie}`];
  assert.equal((await say(port, 'other', stranger)).status, 200);
  assert.equal((await say(port, 'proxy', stranger)).status, 401);
  assert.equal((await say(port, 'proxy', [me, mira, `cookie: ${cookie}`])).status, 401);
});

test('a certificate that has ended, is not valid yet, or has the key of another listener proves nothing', async () => {
  const days = (count: number) => () => new Date(Date.now() + count * 86_400_000);
  const cases = [
    ['proxy', days(3)],
    ['proxy', days(-1)],
    ['shared', days(0)],
  ] as const;
  for (const [certificate, now] of cases) {
    const at = await freePort();
    const other = await start(certificate, at, now);
    try {
      logged.length = 0;
      const { status, cookie } = await say(at, certificate, [signIn, mira]);
      assert.deepEqual([status, cookie], [403, null], certificate);
      assert.equal((logged[0] as string[])[0], 'sign-in.proxy-refused');
    } finally {
      await other.close();
    }
  }
});

const SignInOnly = z
  .object({ saml: z.looseObject({}).nullable(), signIn: SignInSettings, listen: WebListen })
  .superRefine(requireOneSignIn);

test('a configuration says who signs people in, and both only on purpose', () => {
  const saml = { entityId: 'x', idp: {} };
  const by = {
    name: 'corp',
    certificateSha256: 'a'.repeat(64),
    headers: { user: 'x-user', groups: 'x-groups' },
  };
  const tls = { certificateFile: '/c', keyFile: '/k' };
  const faults = (given: Record<string, unknown>): string[] => {
    const { data, error } = SignInOnly.safeParse({
      saml: null,
      listen: { host: 'h', port: 1, tls },
      ...given,
    });
    return data === undefined ? error.issues.map(({ path }) => path.join('.')) : [];
  };
  assert.deepEqual(faults({ signIn: { proxy: by } }), []);
  assert.deepEqual(faults({ saml }), []);
  assert.deepEqual(faults({ saml, signIn: { proxy: by, alsoBySaml: true } }), []);
  assert.deepEqual(faults({}), ['saml']);
  assert.deepEqual(faults({ saml, signIn: { proxy: by } }), ['signIn.alsoBySaml']);
  assert.deepEqual(faults({ signIn: { proxy: by, alsoBySaml: true } }), ['signIn.alsoBySaml']);
  assert.deepEqual(faults({ signIn: { proxy: by }, listen: { host: 'h', port: 1 } }), [
    'listen.tls',
  ]);
  for (const user of ['cookie', 'host', 'X-User', 'x_user', 'authorization', 'x-groups'])
    assert.equal(
      faults({ signIn: { proxy: { ...by, headers: { ...by.headers, user } } } }).length,
      1,
      user,
    );
});
