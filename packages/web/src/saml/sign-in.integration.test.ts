/** Signing in, and every way in which it must not work, over HTTP against the built-in identity provider and Postgres. */
import { createSessionStore } from '@airlock/database/session-store';
import { createSamlKey } from '@airlock/cli/setup/saml-key';
import {
  attribute,
  createBrowser,
  signIn,
  type Browser,
  type BrowserAnswer,
} from '@airlock/testkit/browser';
import type { Forgery } from '@airlock/testkit/idp';
import { personNamed, startSignInStack, type SignInStack } from '@airlock/testkit/sign-in';
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { startTestService, type TestService } from '../testing/service.ts';

let stack: SignInStack;
let service: TestService;
let origin: string;
let acs: string;
let otherKeyPem: string;

before(async () => {
  stack = await startSignInStack('gate');
  ({ origin } = stack);
  acs = `${origin}/auth/saml/acs`;
  ({ keyPem: otherKeyPem } = await createSamlKey('somebody else'));
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

let addresses = 1;
/** From an address of its own, so that what is counted by address does not add up over the tests. */
const newBrowser = (): Browser => createBrowser(`127.0.1.${(addresses += 1)}`);

interface Begun {
  readonly requestId: string;
  readonly relayState: string;
}

async function begin(browser: Browser, returnTo = '/'): Promise<Begun> {
  const { headers } = await browser.send(
    `${origin}/auth/sign-in?returnTo=${encodeURIComponent(returnTo)}`,
  );
  const location = headers.location ?? '';
  return {
    requestId: attribute(authnRequest(location), 'ID'),
    relayState: new URL(location).searchParams.get('RelayState') ?? '',
  };
}

const authnRequest = (location: string): string =>
  inflateRawSync(
    Buffer.from(new URL(location).searchParams.get('SAMLRequest') ?? '', 'base64'),
  ).toString();

const answerTo = ({ requestId }: Begun, person = 'leo', forgery: Forgery = {}): string =>
  stack.idp.respond(
    { acs, requestId, audience: stack.saml.entityId },
    personNamed(person),
    forgery,
  );

const post = (browser: Browser, begun: Begun, samlResponse: string): Promise<BrowserAnswer> =>
  browser.send(acs, {
    from: stack.idp.url,
    form: { SAMLResponse: samlResponse, RelayState: begun.relayState },
  });

const hopOf = ({ body }: BrowserAnswer): string =>
  /\/auth\/finish\?c=[\w-]{43}/.exec(body)?.[0] ?? assert.fail(`no hop in ${body.slice(0, 500)}`);

const finish = (browser: Browser, hop: BrowserAnswer): Promise<BrowserAnswer> =>
  browser.send(`${origin}${hopOf(hop)}`);

function refused(answer: BrowserAnswer, code: string): void {
  assert.equal(answer.status, 403, answer.body);
  assert.ok(answer.body.includes(`(${code})`), `${code} expected in ${answer.body}`);
}

test('signing in leads back to the page that was asked for, with a session cookie that only we get', async () => {
  const browser = newBrowser();
  const answer = await signIn(browser, origin, 'leo', '/releases?page=2');
  assert.equal(answer.status, 303);
  assert.equal(answer.headers.location, '/releases?page=2');
  const [session, binding] = answer.headers['set-cookie'] ?? [];
  assert.match(
    session ?? '',
    /^__Host-session=[\w-]{43}; Path=\/; Secure; HttpOnly; SameSite=Strict$/,
  );
  assert.match(binding ?? '', /^__Host-saml=; .*Max-Age=0$/);
  assert.equal((await browser.send(`${origin}/`)).body, 'hello leo');
});

test('the cookie that the identity provider’s answer needs is short-lived and good for nothing else', async () => {
  const browser = newBrowser();
  const { headers } = await browser.send(`${origin}/auth/sign-in`);
  assert.match(
    headers['set-cookie']?.[0] ?? '',
    /^__Host-saml=[\w-]{43}; Path=\/; Secure; HttpOnly; SameSite=None; Max-Age=600$/,
  );
  assert.equal((await browser.send(`${origin}/`)).status, 303);
});

test('the gate asks for a fresh sign-in, and non-prod takes the one the identity provider has', async () => {
  const nonprodStack = await startSignInStack('nonprod');
  const nonprod = await startTestService({
    service: 'nonprod',
    port: nonprodStack.port,
    sessions: createSessionStore(nonprodStack.pool),
    saml: nonprodStack.saml,
  });
  try {
    const wanted = async (site: string): Promise<string> => {
      const { headers } = await newBrowser().send(`${site}/auth/sign-in`);
      return attribute(authnRequest(headers.location ?? ''), 'ForceAuthn');
    };
    assert.equal(await wanted(origin), 'true');
    assert.equal(await wanted(nonprodStack.origin), '');
    const browser = newBrowser();
    assert.equal((await signIn(browser, nonprodStack.origin, 'dana')).status, 303);
    assert.equal((await browser.send(`${nonprodStack.origin}/`)).body, 'hello dana');
  } finally {
    await nonprod.close();
    await nonprodStack.dispose();
  }
});

const elsewhere = [
  '//evil.example',
  '/\\evil.example',
  'http://evil.example',
  '/%09/evil.example',
  '/@evil',
  '/a:b',
  'javascript:alert(1)',
  '/auth/sign-in',
  '/auth/sign-out',
  '/a\nb',
  '',
];
for (const returnTo of elsewhere) {
  test(`signing in does not lead to ${JSON.stringify(returnTo)}`, async () => {
    const answer = await signIn(newBrowser(), origin, 'leo', returnTo);
    assert.equal(answer.headers.location, '/');
  });
}

test('every sign-in has a new session, and the one before is over', async () => {
  const browser = newBrowser();
  await signIn(browser, origin, 'leo');
  const first = browser.cookie(origin, '__Host-session') ?? '';
  await signIn(browser, origin, 'leo');
  const second = browser.cookie(origin, '__Host-session') ?? '';
  assert.notEqual(first, second);
  const thief = newBrowser();
  thief.setCookie(origin, '__Host-session', first);
  assert.equal((await thief.send(`${origin}/`)).status, 303);
});

test('a session identifier that was planted is not taken up', async () => {
  const browser = newBrowser();
  browser.setCookie(origin, '__Host-session', 'planted');
  await signIn(browser, origin, 'leo');
  assert.notEqual(browser.cookie(origin, '__Host-session'), 'planted');
  const thief = newBrowser();
  thief.setCookie(origin, '__Host-session', 'planted');
  assert.equal((await thief.send(`${origin}/`)).status, 303);
});

test('two tabs may sign in at once', async () => {
  const browser = newBrowser();
  const one = await begin(browser, '/one');
  const two = await begin(browser, '/two');
  const hops = [await post(browser, one, answerTo(one)), await post(browser, two, answerTo(two))];
  assert.deepEqual(
    hops.map(({ status }) => status),
    [200, 200],
  );
  const [, hop] = hops;
  assert.ok(hop);
  assert.equal((await finish(browser, hop)).headers.location, '/two');
});

test('a response is taken once', async () => {
  const browser = newBrowser();
  const begun = await begin(browser);
  const response = answerTo(begun);
  assert.equal((await post(browser, begun, response)).status, 200);
  refused(await post(browser, begun, response), 'saml-request-unknown');
});

test('of ten that come at once, one is taken', async () => {
  const browser = newBrowser();
  const begun = await begin(browser);
  const response = answerTo(begun);
  const answers = await Promise.all(
    Array.from({ length: 10 }, () => post(browser, begun, response)),
  );
  assert.deepEqual(answers.map(({ status }) => status).sort(), [
    200,
    ...Array<number>(9).fill(403),
  ]);
});

test('the ticket of a sign-in is taken once, also of ten at once', async () => {
  const browser = newBrowser();
  const begun = await begin(browser);
  const hop = await post(browser, begun, answerTo(begun));
  const answers = await Promise.all(Array.from({ length: 10 }, () => finish(browser, hop)));
  assert.deepEqual(answers.map(({ status }) => status).sort(), [
    303,
    ...Array<number>(9).fill(403),
  ]);
});

test('an assertion that was used is not taken for another login either', async () => {
  const store = createSessionStore(stack.pool);
  const end = new Date(Date.now() + 60_000);
  const racers = await Promise.all(
    Array.from({ length: 10 }, () => store.rememberAssertion('_one', end)),
  );
  assert.equal(racers.filter(Boolean).length, 1);
  const browser = newBrowser();
  const begun = await begin(browser);
  const response = answerTo(begun);
  const xml = Buffer.from(response, 'base64').toString();
  const id = attribute(xml.slice(xml.indexOf('<saml:Assertion')), 'ID');
  assert.equal(await store.rememberAssertion(id, end), true);
  refused(await post(browser, begun, response), 'saml-replayed');
});

test('the answer to a login that another browser began is refused, and does not use that login up', async () => {
  const attacker = newBrowser();
  const victim = newBrowser();
  const begun = await begin(attacker);
  const response = answerTo(begun, 'dana');
  refused(await post(victim, begun, response), 'saml-request-unknown');
  await begin(victim);
  refused(await post(victim, begun, response), 'saml-request-unknown');
  assert.equal((await post(attacker, begun, response)).status, 200);
});

test('the end of a login that another browser began is refused, and does not use it up', async () => {
  const attacker = newBrowser();
  const victim = newBrowser();
  const begun = await begin(attacker);
  const hop = await post(attacker, begun, answerTo(begun, 'dana'));
  assert.equal((await finish(victim, hop)).status, 403);
  await begin(victim);
  assert.equal((await finish(victim, hop)).status, 403);
  assert.equal(victim.cookie(origin, '__Host-session'), undefined);
  assert.equal((await finish(attacker, hop)).status, 303);
});

test('an answer with another login’s RelayState is refused', async () => {
  const browser = newBrowser();
  const one = await begin(browser);
  const two = await begin(browser);
  refused(
    await post(browser, { ...one, relayState: two.relayState }, answerTo(one)),
    'saml-request-unknown',
  );
});

test('a login that took too long is refused', async () => {
  const browser = newBrowser();
  const begun = await begin(browser);
  await stack.pool.query('update saml_login set expires_at = now() where request_id = $1', [
    begun.requestId,
  ]);
  refused(await post(browser, begun, answerTo(begun)), 'saml-request-unknown');
});

/** Puts a second assertion about leo's boss somewhere, the first staying as it was signed. */
const wrapped =
  (place: (genuine: string, evil: string, xml: string) => string) =>
  (xml: string): string => {
    const genuine = /<saml:Assertion[\s\S]*<\/saml:Assertion>/.exec(xml)?.[0] ?? '';
    const evil = genuine
      .replace(/<Signature[\s\S]*<\/Signature>/, '')
      .replace(/ ID="[^"]*"/, ' ID="_evil"')
      .replaceAll('leo@', 'mira@');
    return place(genuine, evil, xml);
  };

const edit =
  (from: string | RegExp, to: string) =>
  (xml: string): string => {
    const changed = xml.replace(from, to);
    assert.notEqual(changed, xml, 'the case changes nothing');
    return changed;
  };

const forgeries: [claim: string, code: string, forgery: () => Forgery][] = [
  ['an assertion without a signature', 'saml-signature', () => ({ signAssertion: false })],
  ['a response without a signature', 'saml-signature', () => ({ signResponse: false })],
  ['no signature at all', 'saml-signature', () => ({ signAssertion: false, signResponse: false })],
  ['signatures by another key', 'saml-signature', () => ({ otherKeyPem })],
  ['another audience', 'saml-audience', () => ({ audience: 'urn:airlock:test:nonprod' })],
  [
    'another recipient',
    'saml-subject',
    () => ({ recipient: 'http://nonprod.localhost/auth/saml/acs' }),
  ],
  [
    'another destination',
    'saml-destination',
    () => ({ destination: 'http://nonprod.localhost/auth/saml/acs' }),
  ],
  ['another issuer', 'saml-issuer', () => ({ issuer: 'urn:other:idp' })],
  ['an assertion that is over', 'saml-signature', () => ({ expiredSeconds: 200 })],
  ['an assertion of tomorrow', 'saml-signature', () => ({ expiredSeconds: -86_400 })],
  ['another request’s id', 'saml-request-unknown', () => ({ inResponseTo: '_never-made' })],
  [
    'a status other than success',
    'saml-status',
    () => ({ status: 'urn:oasis:names:tc:SAML:2.0:status:Requester' }),
  ],
  [
    'a group added after signing',
    'saml-signature',
    () => ({ tamper: edit('>release-managers<', '>platform<') }),
  ],
  ['a name changed after signing', 'saml-signature', () => ({ tamper: edit('leo@', 'mira@') })],
  [
    'a signature value with one letter changed',
    'saml-signature',
    () => ({ tamper: edit(/<SignatureValue>./, '<SignatureValue>_') }),
  ],
  [
    'a DOCTYPE',
    'saml-forbidden-xml',
    () => ({ tamper: (xml) => `<!DOCTYPE r [<!ENTITY a "aaaa">]>${xml}` }),
  ],
  ['a comment in the name', 'saml-forbidden-xml', () => ({ tamper: edit('leo@', 'leo<!---->@') })],
  [
    'an unsigned assertion before the signed one',
    'saml-malformed',
    () => ({ tamper: wrapped((genuine, evil, xml) => xml.replace(genuine, evil + genuine)) }),
  ],
  [
    'an unsigned assertion after the signed one',
    'saml-malformed',
    () => ({ tamper: wrapped((genuine, evil, xml) => xml.replace(genuine, genuine + evil)) }),
  ],
  [
    'the signed assertion within an unsigned one',
    'saml-malformed',
    () => ({
      tamper: wrapped((genuine, evil, xml) =>
        xml.replace(genuine, evil.replace('</saml:Assertion>', `${genuine}</saml:Assertion>`)),
      ),
    }),
  ],
  [
    'the signed assertion within the signature of an unsigned one',
    'saml-malformed',
    () => ({
      tamper: wrapped((genuine, evil, xml) =>
        xml.replace(
          genuine,
          evil.replace(
            '</saml:Issuer>',
            `</saml:Issuer><Signature xmlns="http://www.w3.org/2000/09/xmldsig#"><Object>${genuine}</Object></Signature>`,
          ),
        ),
      ),
    }),
  ],
  [
    'the signed assertion’s signature moved on to an unsigned one',
    'saml-signature',
    () => ({
      tamper: wrapped((genuine, evil, xml) =>
        xml.replace(
          genuine,
          evil.replace(
            '</saml:Issuer>',
            `</saml:Issuer>${/<Signature[\s\S]*<\/Signature>/.exec(genuine)?.[0] ?? ''}`,
          ),
        ),
      ),
    }),
  ],
  [
    'the same with the ID of the signed one',
    'saml-signature',
    () => ({
      tamper: wrapped((genuine, evil, xml) =>
        xml.replace(
          genuine,
          evil
            .replace('_evil', attribute(genuine, 'ID'))
            .replace(
              '</saml:Issuer>',
              `</saml:Issuer>${/<Signature[\s\S]*<\/Signature>/.exec(genuine)?.[0] ?? ''}`,
            ),
        ),
      ),
    }),
  ],
];
for (const [claim, code, forgery] of forgeries) {
  test(`${claim} signs nobody in`, async () => {
    const browser = newBrowser();
    const begun = await begin(browser);
    refused(await post(browser, begun, answerTo(begun, 'leo', forgery())), code);
    assert.equal(browser.cookie(origin, '__Host-session'), undefined);
  });
}

const requests: [
  claim: string,
  status: number,
  path: string,
  request: { form?: string; headers?: Record<string, string> },
][] = [
  ['a response in the query', 303, '/auth/saml/acs?SAMLResponse=x', {}],
  [
    'a query beside the form',
    400,
    '/auth/saml/acs?SAMLRequest=x',
    { form: 'SAMLResponse=x&RelayState=y' },
  ],
  [
    'JSON',
    415,
    '/auth/saml/acs',
    {
      form: '{"SAMLResponse":"x","RelayState":"y"}',
      headers: { 'content-type': 'application/json' },
    },
  ],
  ['a logout request', 400, '/auth/saml/acs', { form: 'SAMLRequest=x&RelayState=y' }],
  ['a third field', 413, '/auth/saml/acs', { form: 'SAMLResponse=x&RelayState=y&SAMLRequest=z' }],
  ['the field twice', 400, '/auth/saml/acs', { form: 'SAMLResponse=x&SAMLResponse=y' }],
  ['no RelayState', 400, '/auth/saml/acs', { form: 'SAMLResponse=x' }],
  [
    'a form of 200 KiB',
    413,
    '/auth/saml/acs',
    { form: `RelayState=y&SAMLResponse=${'A'.repeat(200 * 1024)}` },
  ],
  [
    'a response of 100 KiB',
    403,
    '/auth/saml/acs',
    { form: `RelayState=y&SAMLResponse=${'PGE+'.repeat(35 * 1024)}` },
  ],
];
for (const [claim, status, path, { form, headers }] of requests) {
  test(`${claim} is refused before any XML is read`, async () => {
    const answer = await newBrowser().send(`${origin}${path}`, {
      from: stack.idp.url,
      ...(form === undefined ? {} : { form }),
      ...(headers === undefined ? {} : { headers }),
    });
    assert.equal(answer.status, status, answer.body);
  });
}

test('a small query that inflates to a hundred thousand nested elements costs nothing on any page', async () => {
  const bomb = deflateRawSync(Buffer.from('<a>'.repeat(100_000))).toString('base64');
  const started = performance.now();
  for (const path of ['/', '/auth/sign-in', '/auth/saml/acs', '/auth/finish', '/public'])
    for (const name of ['SAMLRequest', 'SAMLResponse'])
      await newBrowser().send(`${origin}${path}?${name}=${encodeURIComponent(bomb)}`);
  assert.ok(performance.now() - started < 3_000);
});

test('the identity provider refuses a request whose RelayState was changed', async () => {
  const browser = newBrowser();
  const { headers } = await browser.send(`${origin}/auth/sign-in`);
  const genuine = new URL(headers.location ?? '');
  assert.equal((await browser.send(genuine, { from: origin })).status, 200);
  genuine.searchParams.set('RelayState', 'other');
  assert.equal((await browser.send(genuine, { from: origin })).status, 400);
});

test('one address that signs in too often is slowed down and told of once, and nobody else', async () => {
  const busy = newBrowser();
  const statuses: number[] = [];
  const before = service.logged.length;
  for (let count = 0; count < 63; count += 1)
    statuses.push((await busy.send(`${origin}/auth/sign-in`)).status);
  assert.deepEqual(statuses, [...Array<number>(60).fill(303), 429, 429, 429]);
  const told = service.logged.slice(before).filter(({ event }) => event === 'guessing.slowed');
  assert.deepEqual(
    told.map(({ fields }) => fields),
    [{ 'client.address': `127.0.1.${addresses}`, what: 'sign-ins' }],
  );
  assert.equal((await newBrowser().send(`${origin}/auth/sign-in`)).status, 303);
});

test('what a refused response says never reaches the page or the log, only a code', async () => {
  const browser = newBrowser();
  const begun = await begin(browser);
  const status = 'urn:x&lt;script&gt;alert(1)';
  const answer = await post(browser, begun, answerTo(begun, 'leo', { status }));
  refused(answer, 'saml-status');
  assert.doesNotMatch(answer.body, /alert/);
  const last = service.logged.filter(({ event }) => event === 'sign-in.refused').at(-1);
  assert.deepEqual(Object.keys(last?.fields ?? {}), ['code', 'http.request.id']);
});
