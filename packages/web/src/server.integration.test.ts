import { createSessionStore } from '@airlock/database/session-store';
import { createBrowser, signIn, type Browser, type BrowserRequest } from '@airlock/testkit/browser';
import { startSignInStack, type SignInStack } from '@airlock/testkit/sign-in';
import assert from 'node:assert/strict';
import { request as httpRequest } from 'node:http';
import { after, before, mock, test } from 'node:test';
import { hashOf, sessionLimits } from './session.ts';
import { startTestService, type TestService } from './testing/service.ts';

let stack: SignInStack;
let service: TestService;
let origin: string;

before(async () => {
  stack = await startSignInStack('gate');
  origin = stack.origin;
  service = await startTestService({
    service: 'gate',
    port: stack.port,
    sessions: createSessionStore(stack.pool),
    saml: stack.saml,
  });
});
after(async () => {
  await service.close();
  await stack.dispose();
});

async function signedIn(person: string): Promise<{ browser: Browser; csrfToken: string }> {
  const browser = createBrowser();
  await signIn(browser, origin, person);
  const me = await browser.send(`${origin}/api/v1/me`);
  assert.equal(me.status, 200, me.body);
  return { browser, csrfToken: (JSON.parse(me.body) as { csrfToken: string }).csrfToken };
}

const everywhere = {
  'content-security-policy':
    "default-src 'none';script-src 'self';style-src 'self';img-src 'self';connect-src 'self';form-action 'self';frame-ancestors 'none';base-uri 'none';require-trusted-types-for 'script';trusted-types 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), microphone=(), geolocation=(), payment=(), usb=()',
  'referrer-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'x-powered-by': undefined,
};

const answers: [path: string, status: number, request?: BrowserRequest][] = [
  ['/.well-known/security.txt', 200],
  ['/public', 200],
  ['/', 303],
  ['/api/v1/me', 401, { headers: { accept: '*/*' } }],
  ['/things', 401, { form: { name: 'lamp' } }],
  ['/auth/sign-in', 303],
  ['/auth/signed-out', 200],
  ['/auth/finish?c=nothing', 403],
  ['/auth/saml/acs', 303],
  ['/nowhere', 303],
  ['/%E0%A4%A', 303],
  ['/livez', 303],
  ['/favicon.ico', 303],
  ['/assets/style.css', 200],
  ['/assets', 303],
  ['/assets/nothing.css', 303],
  ['/assets/..%2fsaml.key', 303],
  ['/fault', 500],
  ['/conflict', 409],
  ['/public', 403, { method: 'POST', from: 'http://evil.example' }],
  ['/public', 421, { headers: { host: 'evil.example' } }],
  ['/public', 421, { headers: { host: 'gate.localhost' } }],
  ['/hooks/push', 200, { form: 'a=1' }],
];
for (const [path, status, request] of answers) {
  test(`${request?.method ?? 'GET'} ${path} answers ${status} with every security header`, async () => {
    const answer = await createBrowser().send(`${origin}${path}`, request);
    assert.equal(answer.status, status, answer.body);
    for (const [name, value] of Object.entries(everywhere))
      assert.equal(answer.headers[name], value, name);
    if (path !== '/assets/style.css') assert.equal(answer.headers['cache-control'], 'no-store');
  });
}

test('security.txt says whom to tell of a vulnerability, and where it stands', async () => {
  const { body, headers } = await createBrowser().send(`${origin}/.well-known/security.txt`);
  assert.equal(headers['content-type'], 'text/plain; charset=utf-8');
  assert.match(body, /^Contact: mailto:security@company\.example\nExpires: 20\d\d-/);
  assert.ok(body.includes(`Canonical: ${origin}/.well-known/security.txt`));
});

test('whoever names another host in a forwarded header changes nothing', async () => {
  const answer = await createBrowser().send(`${origin}/`, {
    headers: { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https' },
  });
  assert.equal(answer.headers.location, '/auth/sign-in?returnTo=%2F');
});

test('who is not signed in is sent to sign in, and a client or a stream is told', async () => {
  const page = await createBrowser().send(`${origin}/releases?page=2`);
  assert.equal(page.headers.location, '/auth/sign-in?returnTo=%2Freleases%3Fpage%3D2');
  for (const accept of ['application/json', 'text/event-stream']) {
    const answer = await createBrowser().send(`${origin}/releases`, { headers: { accept } });
    assert.equal(answer.status, 401);
    assert.equal(answer.headers['content-type'], 'application/problem+json; charset=utf-8');
  }
});

test('by no method and in no form does an answer tell a stranger whether an address is there', async () => {
  const there = [
    '/',
    '/releases',
    '/events',
    '/api/v1/me',
    '/things',
    '/things/%ff',
    '/livez',
    '/api',
  ];
  for (const method of ['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'DELETE', 'PROPFIND']) {
    for (const accept of ['*/*', 'text/html', 'application/json']) {
      const ask = async (path: string): Promise<unknown[]> => {
        const request = { method, headers: { accept, origin } };
        const { status, headers, body } = await createBrowser().send(origin + path, request);
        const others = { ...headers, date: undefined, location: undefined };
        const told = body.replace(/req_[0-9a-f-]{36}/g, '');
        return [status, others, told, headers.location?.replace(/returnTo=.*/, '') ?? null];
      };
      const nowhere = await ask('/nowhere');
      assert.equal(nowhere[0], method === 'GET' && accept === 'text/html' ? 303 : 401);
      for (const path of there)
        assert.deepEqual(await ask(path), nowhere, `${method} ${path} (${accept})`);
    }
  }
});

test('who is signed in is told what is there', async () => {
  const { browser } = await signedIn('dana');
  const places = [
    ['/livez', 200],
    ['/favicon.ico', 302],
    ['/nowhere', 404],
    ['/assets/nothing.css', 404],
  ] as const;
  for (const [path, status] of places)
    assert.equal((await browser.send(origin + path)).status, status, path);
});

test('a missing role is a 403 that names it, on the page and in JSON', async () => {
  const { browser } = await signedIn('dana');
  const page = await browser.send(`${origin}/releases`);
  assert.equal(page.status, 403);
  assert.match(page.body, /Missing role: release-managers/);
  assert.match(page.body, /roles: /);
  const json = await browser.send(`${origin}/releases`, {
    headers: { accept: 'application/json' },
  });
  const problem = JSON.parse(json.body) as Record<string, unknown>;
  assert.deepEqual(problem['needs'], [{ group: 'release-managers' }]);
  assert.equal(problem['code'], 'group-missing');
});

test('whoever has the role is let in', async () => {
  const { browser } = await signedIn('leo');
  assert.equal((await browser.send(`${origin}/releases`)).body, 'releases');
});

test('somebody nobody knows here is refused and not sent round in circles', async () => {
  const browser = createBrowser();
  await signIn(browser, origin, 'aud');
  const answer = await browser.send(`${origin}/`);
  assert.equal(answer.status, 403);
  assert.match(answer.body, /aud@demo\.airlock\.example is signed in, and nobody of that name/);
});

test('the page and the JSON of an unexpected error tell a request id and nothing of the error', async () => {
  for (const accept of ['text/html', 'application/json']) {
    const { body } = await createBrowser().send(`${origin}/fault`, { headers: { accept } });
    assert.doesNotMatch(body, /pin|secret|server\.ts/);
    const id = /req_[0-9a-f-]{36}/.exec(body)?.[0];
    assert.ok(
      service.logged.some(
        ({ level, fields }) => level === 'error' && fields['http.request.id'] === id,
      ),
    );
  }
});

test('a refusal of a use case keeps its words', async () => {
  const { body } = await createBrowser().send(`${origin}/conflict`);
  assert.match(body, /mira decided while you were reading/);
});

const forgeries: [
  claim: string,
  accepted: boolean,
  given: {
    from?: string | null;
    token?: 'own' | 'none' | 'other';
    headers?: Record<string, string>;
  },
][] = [
  ['a form of our own page', true, {}],
  [
    'a browser without Sec-Fetch-Site, with our Origin',
    true,
    { headers: { 'sec-fetch-site': '' } },
  ],
  ['a form without the token', false, { token: 'none' }],
  ['a form with the token of another session', false, { token: 'other' }],
  ['a form of another site', false, { from: 'http://evil.example', headers: { cookie: 'own' } }],
  ['a form of a sibling site', false, { headers: { 'sec-fetch-site': 'same-site' } }],
  ['a sandboxed frame', false, { headers: { origin: 'null' } }],
  [
    'another Origin that claims to be the same',
    false,
    { headers: { origin: 'http://evil.example' } },
  ],
  ['the same host under another scheme', false, { headers: { origin: 'https://gate.localhost' } }],
  ['neither Sec-Fetch-Site nor Origin', false, { headers: { 'sec-fetch-site': '', origin: '' } }],
];
for (const [claim, accepted, { from, token = 'own', headers = {} }] of forgeries) {
  test(`${claim} ${accepted ? 'may' : 'may not'} change something`, async () => {
    const { browser, csrfToken } = await signedIn('dana');
    const tokens = {
      own: { _csrf: csrfToken },
      none: {},
      other: { _csrf: (await signedIn('dana')).csrfToken },
    };
    const sid = browser.cookie(origin, '__Host-session') ?? '';
    const sent: Record<string, string> = { ...headers };
    if (sent['cookie'] === 'own') sent['cookie'] = `__Host-session=${sid}`;
    const answer = await browser.send(`${origin}/things`, {
      ...(from === undefined ? {} : { from }),
      form: { name: 'lamp', ...tokens[token] },
      headers: sent,
    });
    assert.equal(answer.status, accepted ? 303 : 403, answer.body);
    if (accepted) assert.equal(answer.headers.location, '/things/lamp');
    else assert.match(answer.body, /did not come from our own page/);
  });
}

test('JSON takes the token in a header', async () => {
  const { browser, csrfToken } = await signedIn('dana');
  const put = (headers: Record<string, string>) =>
    browser.send(`${origin}/api/v1/things`, { method: 'PUT', json: { name: 'lamp' }, headers });
  assert.deepEqual(JSON.parse((await put({ 'x-csrf-token': csrfToken })).body), { name: 'lamp' });
  assert.equal((await put({})).status, 403);
});

test('a body that does not fit says which field', async () => {
  const { browser, csrfToken } = await signedIn('dana');
  const bodies: [unknown, string][] = [
    [{ name: 'x' }, 'name: '],
    [{ name: { $ne: '' } }, 'name: '],
    [{ name: 'lamp', admin: true }, 'Unrecognized key: "admin"'],
    [[], 'name: '],
  ];
  for (const [json, detail] of bodies) {
    const answer = await browser.send(`${origin}/api/v1/things`, {
      method: 'PUT',
      json,
      headers: { 'x-csrf-token': csrfToken },
    });
    assert.equal(answer.status, 400);
    assert.ok((JSON.parse(answer.body) as { detail: string }).detail.includes(detail), answer.body);
  }
});

test('a body that is too large, or that is no JSON, is the caller’s fault', async () => {
  const { browser, csrfToken } = await signedIn('dana');
  const send = (body: string) =>
    browser.send(`${origin}/api/v1/things`, {
      method: 'PUT',
      form: body,
      headers: { 'x-csrf-token': csrfToken, 'content-type': 'application/json' },
    });
  assert.equal((await send(JSON.stringify({ name: 'x'.repeat(300_000) }))).status, 413);
  assert.equal((await send('{"name":')).status, 400);
});

test('a machine route gets the raw bytes and nobody’s session', async () => {
  const { browser } = await signedIn('dana');
  const { body } = await browser.send(`${origin}/hooks/push`, {
    form: '{"a": 1}',
    headers: { 'content-type': 'application/json' },
  });
  assert.deepEqual(JSON.parse(body), { raw: true, body: '{"a": 1}', viewer: null });
});

const ages: [claim: string, column: string, seconds: number, alive: boolean][] = [
  ['idle for just under its time', 'last_seen_at', sessionLimits.gate.idleMinutes * 60 - 5, true],
  ['idle for its time', 'last_seen_at', sessionLimits.gate.idleMinutes * 60 + 1, false],
  ['just under its greatest age', 'created_at', sessionLimits.gate.absoluteHours * 3600 - 5, true],
  ['of its greatest age', 'created_at', sessionLimits.gate.absoluteHours * 3600 + 1, false],
];
for (const [claim, column, seconds, alive] of ages) {
  test(`a session ${claim} ${alive ? 'lives' : 'is over'}`, async () => {
    const { browser } = await signedIn('dana');
    const sidHash = hashOf(browser.cookie(origin, '__Host-session') ?? '');
    await stack.pool.query(
      `update web_session set ${column} = now() - make_interval(secs => $1) where sid_hash = $2`,
      [seconds, sidHash],
    );
    assert.equal((await browser.send(`${origin}/`)).status, alive ? 200 : 303);
    const { rowCount } = await stack.pool.query('select 1 from web_session where sid_hash = $1', [
      sidHash,
    ]);
    assert.equal(rowCount, alive ? 1 : 0);
  });
}

test('the database holds no session identifier, only its hash', async () => {
  const { browser } = await signedIn('dana');
  const sid = browser.cookie(origin, '__Host-session') ?? '';
  const { rows } = await stack.pool.query<{ row: string }>(
    'select web_session::text as row from web_session',
  );
  assert.ok(rows.length > 0 && rows.every(({ row }) => !row.includes(sid)));
});

test('signing out ends the session at the server and shows so, without signing in again', async () => {
  const { browser, csrfToken } = await signedIn('dana');
  const sid = browser.cookie(origin, '__Host-session') ?? '';
  const refused = await browser.send(`${origin}/auth/sign-out`, { form: {} });
  assert.equal(refused.status, 403);
  const answer = await browser.send(`${origin}/auth/sign-out`, { form: { _csrf: csrfToken } });
  assert.equal(answer.headers.location, '/auth/signed-out');
  assert.equal(browser.cookie(origin, '__Host-session'), undefined);
  const page = await browser.send(`${origin}/auth/signed-out`);
  assert.match(page.body, /You are signed out/);
  browser.setCookie(origin, '__Host-session', sid);
  assert.equal((await browser.send(`${origin}/`)).status, 303);
});

/** A stream, its text so far, and when it ends. */
function follow(browser: Browser): Promise<{
  status: number;
  type: string | undefined;
  text: () => string;
  ended: Promise<void>;
  leave: () => void;
}> {
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest(
      {
        host: '127.0.0.1',
        port: stack.port,
        path: '/events',
        agent: false,
        headers: {
          host: new URL(origin).host,
          accept: 'text/event-stream',
          cookie: `__Host-session=${browser.cookie(origin, '__Host-session') ?? ''}`,
        },
      },
      (incoming) => {
        let text = '';
        incoming.on('data', (chunk: Buffer) => (text += chunk.toString()));
        const ended = new Promise<void>((done) => {
          incoming.on('end', done);
          incoming.on('error', () => {
            done();
          });
        });
        resolve({
          status: incoming.statusCode ?? 0,
          type: incoming.headers['content-type'],
          text: () => text,
          ended,
          leave: () => outgoing.destroy(),
        });
      },
    );
    outgoing.on('error', reject);
    outgoing.end();
  });
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 5_000; Date.now() < end;) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.fail('not within 5 s');
}

test('a stream carries events on one line each, with their ids', async () => {
  const { browser } = await signedIn('dana');
  const stream = await follow(browser);
  assert.equal(stream.type, 'text/event-stream; charset=utf-8');
  await until(() =>
    stream.text().includes('id: 7\nevent: change\ndata: {"text":"line\\nline"}\n\n'),
  );
  stream.leave();
});

test('a fifth stream of one person is refused until one of the four is left', async () => {
  const { browser } = await signedIn('mira');
  const streams = await Promise.all([1, 2, 3, 4].map(() => follow(browser)));
  assert.deepEqual(
    streams.map(({ status }) => status),
    [200, 200, 200, 200],
  );
  assert.equal((await follow(browser)).status, 429);
  const { browser: somebodyElse } = await signedIn('dana');
  const other = await follow(somebodyElse);
  assert.equal(other.status, 200);
  streams[0]?.leave();
  await until(async () => {
    const again = await follow(browser);
    again.leave();
    return again.status === 200;
  });
  for (const stream of [other, ...streams]) stream.leave();
});

test('a stream ends within a minute of its session', async () => {
  const { browser } = await signedIn('leo');
  mock.timers.enable({ apis: ['setInterval'] });
  const stream = await follow(browser);
  assert.equal(stream.status, 200);
  await stack.pool.query('delete from web_session where sid_hash = $1', [
    hashOf(browser.cookie(origin, '__Host-session') ?? ''),
  ]);
  mock.timers.tick(60_000);
  mock.timers.reset();
  await stream.ended;
});

test('a stream that a browser keeps opening does not keep an idle session alive', async () => {
  const { browser } = await signedIn('dana');
  const sidHash = hashOf(browser.cookie(origin, '__Host-session') ?? '');
  const idle = async (): Promise<number> => {
    const { rows } = await stack.pool.query<{ seconds: number }>(
      'select extract(epoch from now() - last_seen_at)::float as seconds from web_session where sid_hash = $1',
      [sidHash],
    );
    return rows[0]?.seconds ?? 0;
  };
  await stack.pool.query(
    "update web_session set last_seen_at = now() - interval '5 minutes' where sid_hash = $1",
    [sidHash],
  );
  const stream = await follow(browser);
  stream.leave();
  assert.ok((await idle()) > 290);
  await browser.send(`${origin}/`);
  assert.ok((await idle()) < 10);
});
