import type { HookKind } from '@airlock/common/hook/kind';
import { TargetPolicy } from '@airlock/common/policy/target-policy';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLedgerFold, type LedgerFacts } from '../domain/ledger-facts.ts';
import type { Promotion } from '../domain/promotion.ts';
import type { PromotionFacts, Verdict } from '../domain/verdict.ts';
import { MintError, mintLogin, type LoginClaims, type MintDependencies } from './mint-login.ts';
import type { Delivery } from './delivery-ports.ts';
import type { EntryFacts } from './ledger-ports.ts';
import { StoreError } from './ports.ts';
import type { MintedLoginRecord, VaultSession } from './vault-session-ports.ts';

const now = new Date('2026-11-22T10:00:00.500Z');
const digest = (letter: string): string => letter.repeat(64);

const policy = TargetPolicy.parse({
  version: 1,
  target: 'prod-eu',
  admits: [
    {
      repo: 'https://git.example/shop.git',
      refs: ['refs/heads/main'],
      pipeline: '.woodpecker.yaml',
      releaseFile: '.airlock/release.yaml',
      subject: 'shop.tar.gz',
      builders: {
        id: 'https://ci.example/main@v1',
        threshold: 1,
        images: [`sha256:${'6'.repeat(64)}`],
      },
      maxAge: '14d',
      tests: 'required',
      signedCommits: 'not-required',
    },
  ],
  approvals: {
    rules: [{ role: 'release-manager', count: 2 }],
    exclude: ['requester', 'authors', 'committers'],
    expires: '24h',
  },
  credentials: {
    vault: {
      jwtMount: 'jwt-prod-eu',
      jwtRole: 'prod-eu',
      reads: [{ as: 'db', kind: 'database', mount: 'database', role: 'shop' }],
      ttl: '2m',
    },
  },
  deliver: {
    hook: `load@sha256:${digest('a')}`,
    timeout: '60s',
    params: {},
    egress: [{ as: 'db', kind: 'postgres', host: '127.0.0.1', port: 5432, name: 'shop' }],
  },
});

// The members that the mint reads; the rest of a promotion does not matter to it.
const promotion = {
  id: 'prm_0000000001',
  target: 'prod-eu',
  promotionDigest: digest('d'),
  artifactDigest: digest('b'),
  policyDigest: digest('c'),
  commit: '1'.repeat(40),
  release: '2026.11.22-1',
  mainPosition: 7,
} as unknown as Promotion;
const delivery = {
  id: 'dlv_0000000001',
  promotionId: 'prm_0000000001',
  target: 'prod-eu',
  state: 'running',
  fence: 1,
  intentDigest: digest('e'),
  verification: null,
  hookStartedAt: null,
} as unknown as Delivery;
const session = {
  id: 'vse_0000000001',
  deliveryId: 'dlv_0000000001',
  target: 'prod-eu',
  fence: 1,
  state: 'INTENT',
  jwtMount: 'jwt-prod-eu',
  credentials: [{ name: 'db', kind: 'database', path: 'database/creds/shop', ending: 'revocable' }],
  jwtExpiresAt: new Date('2026-11-22T10:00:20.500Z'),
} as unknown as VaultSession;
const intent = {
  type: 'delivery.intent',
  subjectDigest: digest('d'),
  refs: {
    ...{ delivery: delivery.id, target: 'prod-eu', promotion: promotion.id },
    ...{ release: promotion.release, artifact: promotion.artifactDigest },
    ...{ commit: promotion.commit, position: '7' },
  },
} as const;

type Entry = {
  readonly type:
    | 'delivery.intent'
    | 'credential.requested'
    | 'hook.started'
    | 'hook.finished'
    | 'credential.revoked'
    | 'delivery.finished';
  readonly subjectDigest: string;
  readonly refs: Record<string, string>;
};

function ledgerOf(entries: readonly Entry[]): LedgerFacts {
  const fold = createLedgerFold();
  for (const [index, entry] of entries.entries()) {
    fold.apply({ v: 1, at: '2026-11-22T10:00:00Z', actor: 'deliverer', ...entry }, index);
  }
  return fold;
}

type World = {
  promotion: Promotion | null;
  delivery: Delivery | null;
  session: VaultSession | null;
  judged: Promotion | null;
  hookKind: HookKind | null;
  verdict: Verdict;
  waiver: PromotionFacts['waiver'];
  target: { policy: TargetPolicy; digest: string } | null;
  /** What the signed ledger says of intents, in its order. */
  intents: readonly Entry[];
  minted: boolean;
  mintedMeanwhile: boolean;
};

const good: World = {
  promotion,
  delivery,
  session,
  judged: promotion,
  hookKind: 'idempotent',
  verdict: { allowed: true },
  waiver: null,
  target: { policy, digest: digest('c') },
  intents: [intent],
  minted: false,
  mintedMeanwhile: false,
};

function mint(change: Partial<World>) {
  const world = { ...good, ...change };
  const events: string[] = [];
  const records: { mint: MintedLoginRecord[]; entries: EntryFacts[]; claims: LoginClaims[] } = {
    mint: [],
    entries: [],
    claims: [],
  };
  const dependencies: MintDependencies = {
    transactor: {
      async transaction(work) {
        const result = await work({ startedAt: now });
        events.push('committed');
        return result;
      },
    },
    promotions: { find: () => Promise.resolve(world.promotion) },
    deliveries: { find: () => Promise.resolve(world.delivery) },
    sessions: {
      find: () => Promise.resolve(world.session),
      minted: () =>
        Promise.resolve(
          world.minted
            ? { sessionId: session.id, deliveryId: delivery.id, mintedAt: now, expiresAt: now }
            : null,
        ),
      recordMint(_tx, record) {
        if (world.mintedMeanwhile) return Promise.reject(new StoreError('already-minted', 'twice'));
        records.mint.push(record);
        return Promise.resolve();
      },
    },
    recorder: {
      record(_tx, entry) {
        records.entries.push(entry);
        return Promise.resolve(digest('f'));
      },
    },
    judge: () =>
      Promise.resolve(
        world.judged === null
          ? null
          : {
              // Of the facts the mint reads these three.
              facts: {
                promotion: world.judged,
                approvals: { have: 2, counting: ['mira'] },
                waiver: world.waiver,
              } as unknown as PromotionFacts,
              verdict: world.verdict,
            },
      ),
    policyOf: () => Promise.resolve(world.target),
    files: () => Promise.resolve({ trustDigest: digest('9'), manifest: { digest: digest('8') } }),
    hookKind: () => Promise.resolve(world.hookKind),
    ledger: () => Promise.resolve(ledgerOf(world.intents)),
    signer: {
      sign(claims) {
        events.push('signed');
        records.claims.push(claims);
        return Promise.resolve('jwt');
      },
    },
    issuer: 'https://gate.example/authority',
    loginSeconds: 20,
    clock: () => now,
  };
  const request = { deliveryId: delivery.id, sessionId: session.id };
  return { answer: mintLogin(dependencies)(request), events, records };
}

async function codesOf(change: Partial<World>): Promise<readonly string[]> {
  const { answer, records } = mint(change);
  const error: unknown = await answer.then(
    () => null,
    (cause: unknown) => cause,
  );
  assert.ok(error instanceof MintError, String(error));
  assert.deepEqual(records.claims, [], 'nothing was signed');
  return error.codes;
}

test('a login states exactly what Vault is told to compare, as strings', async () => {
  const { answer, records } = mint({});
  const iat = Math.floor(now.getTime() / 1000);
  assert.deepEqual(await answer, {
    jwt: 'jwt',
    mount: 'jwt-prod-eu',
    role: 'prod-eu',
    expiresAt: '2026-11-22T10:00:20.000Z',
  });
  assert.deepEqual(records.claims, [
    {
      iss: 'https://gate.example/authority',
      aud: 'vault-prod/prod-eu',
      sub: 'target:prod-eu',
      target: 'prod-eu',
      purpose: 'delivery',
      approval_state: 'satisfied',
      approvals: '2',
      delivery_id: 'dlv_0000000001',
      promotion_digest: digest('d'),
      artifact_digest: digest('b'),
      commit: '1'.repeat(40),
      policy_rev: digest('c'),
      jti: 'vse_0000000001',
      iat,
      nbf: iat,
      exp: iat + 20,
    },
  ]);
});

test('the mint is committed, with its ledger entry, before the signature exists', async () => {
  const { answer, events, records } = mint({});
  await answer;
  assert.deepEqual(events, ['committed', 'signed']);
  assert.deepEqual(
    records.entries.map((entry) => [entry.type, entry.refs['session']]),
    [['credential.requested', session.id]],
  );
  assert.equal(records.mint.length, 1);
});

test('a login never outlives what the session row says, because the watchdog goes by the row', async () => {
  const { answer, records } = mint({
    session: { ...session, jwtExpiresAt: new Date('2026-11-22T10:00:07.900Z') },
  });
  assert.equal((await answer).expiresAt, '2026-11-22T10:00:07.000Z');
  assert.equal(records.claims[0]?.exp, Date.parse('2026-11-22T10:00:07Z') / 1000);
});

/** A delivery before this one, whose deliverer died in its hook. */
const before = { ...intent, refs: { ...intent.refs, delivery: 'dlv_0000000002' } } as const;
const interrupted: readonly Entry[] = [
  before,
  { ...before, type: 'hook.started' },
  { ...before, type: 'credential.revoked' },
  { ...before, type: 'delivery.finished', refs: { ...before.refs, state: 'indeterminate' } },
];
const repeats: Entry = { ...intent, refs: { ...intent.refs, repeats: 'dlv_0000000002' } };

test('a repeat of an interrupted delivery has a login where the hook may run again or be asked', async () => {
  for (const hookKind of ['idempotent', 'probing'] as const) {
    const { answer } = mint({ intents: [...interrupted, repeats], hookKind });
    assert.equal((await answer).jwt, 'jwt', hookKind);
  }
});

const other = { ...promotion, promotionDigest: digest('9') };
const refusals: [string, Partial<World>, string[]][] = [
  ['a delivery that nobody knows', { delivery: null }, ['delivery-unknown']],
  ['a session that nobody knows', { session: null }, ['session-unknown']],
  ['a promotion that nobody knows', { promotion: null }, ['promotion-unknown']],
  ['facts that cannot be gathered', { judged: null }, ['promotion-unknown', 'promotion-changed']],
  [
    'a delivery that has ended',
    { delivery: { ...delivery, state: 'failed' } },
    ['delivery-not-running'],
  ],
  [
    'a delivery whose hook ran',
    { delivery: { ...delivery, hookStartedAt: now } },
    ['hook-started-before'],
  ],
  ['a delivery taken over', { delivery: { ...delivery, fence: 2 } }, ['session-fenced-off']],
  ['a session that logged in', { session: { ...session, state: 'TOKEN' } }, ['session-not-intent']],
  [
    'a session in revocation',
    { session: { ...session, state: 'REVOKING' } },
    ['session-not-intent'],
  ],
  [
    'a session of another target',
    { session: { ...session, target: 'prod-us' } },
    ['session-of-other-delivery'],
  ],
  [
    'a session for another mount',
    { session: { ...session, jwtMount: 'jwt-prod-us' } },
    ['session-of-other-mount'],
  ],
  [
    'a session for another role',
    {
      session: {
        ...session,
        credentials: session.credentials.map((each) => ({
          ...each,
          path: 'database/creds/admin',
        })),
      },
    },
    ['session-of-other-mount'],
  ],
  [
    'a session that says another end of a credential than its kind has',
    {
      session: {
        ...session,
        credentials: session.credentials.map((each) => ({ ...each, ending: 'by-hand' as const })),
      },
    },
    ['session-of-other-mount'],
  ],
  [
    'a session that would read less than was approved',
    { session: { ...session, credentials: [] } },
    ['session-of-other-mount'],
  ],
  [
    'a session whose time is over',
    { session: { ...session, jwtExpiresAt: now } },
    ['session-expired'],
  ],
  [
    'a session within its last second',
    { session: { ...session, jwtExpiresAt: new Date('2026-11-22T10:00:00.900Z') } },
    ['session-expired'],
  ],
  ['a second login', { minted: true }, ['already-minted']],
  [
    'a second login after the record of the first was deleted',
    { intents: [intent, { ...intent, type: 'credential.requested' }] },
    ['already-minted'],
  ],
  ['a second login at the same moment', { mintedMeanwhile: true }, ['already-minted']],
  [
    'approvals that have had their delivery',
    { intents: [{ ...intent, refs: { ...intent.refs, delivery: 'dlv_0000000002' } }, intent] },
    ['delivered-before'],
  ],
  [
    'a repeat of a delivery whose hook may not run twice',
    { intents: [...interrupted, repeats], hookKind: 'at-most-once' },
    ['delivered-before'],
  ],
  [
    'a repeat with a hook that is not the approved one any more',
    { intents: [...interrupted, repeats], hookKind: null },
    ['delivered-before'],
  ],
  ...interrupted
    .slice(1)
    .map((_, at): [string, Partial<World>, string[]] => [
      `a repeat of a delivery of which the ledger has no ${interrupted[at + 1]?.type ?? ''}`,
      { intents: [...interrupted.filter((_entry, index) => index !== at + 1), repeats] },
      ['delivered-before'],
    ]),
  [
    'a repeat of a delivery whose hook ended',
    { intents: [...interrupted, { ...before, type: 'hook.finished' }, repeats] },
    ['delivered-before'],
  ],
  [
    'a repeat of a delivery that failed',
    {
      intents: [
        ...interrupted.slice(0, -1),
        { ...before, type: 'delivery.finished', refs: { ...before.refs, state: 'failed' } },
        repeats,
      ],
    },
    ['delivered-before'],
  ],
  [
    'a second delivery that does not say whose place it takes',
    { intents: [...interrupted, intent] },
    ['delivered-before'],
  ],
  [
    'a repeat of a repeat',
    {
      intents: [
        ...interrupted.map((entry) => ({ ...entry, refs: { ...entry.refs, repeats: 'dlv_0' } })),
        repeats,
      ],
    },
    ['delivered-before'],
  ],
  [
    'a third delivery under the same approvals',
    {
      intents: [
        ...interrupted,
        { ...repeats, refs: { ...repeats.refs, delivery: 'dlv_0000000003' } },
        repeats,
      ],
    },
    ['delivered-before'],
  ],
  ['a first delivery that says that it repeats one', { intents: [repeats] }, ['intent-differs']],
  ['an intent that is not published', { intents: [] }, ['intent-unpublished']],
  [
    'an intent of another promotion',
    { intents: [{ ...intent, subjectDigest: digest('9') }] },
    ['intent-differs'],
  ],
  [
    'an intent of another delivery',
    { intents: [{ ...intent, refs: { ...intent.refs, delivery: 'dlv_0000000002' } }] },
    ['intent-unpublished'],
  ],
  [
    'an entry that is no intent',
    { intents: [{ ...intent, type: 'delivery.finished' }] },
    ['intent-unpublished'],
  ],
  // What an intent says is what the ledger calls live afterwards.
  ...Object.entries({
    ...{ target: 'prod-us', promotion: 'prm_0000000002', release: '2026.11.01-1' },
    ...{ artifact: digest('7'), commit: '2'.repeat(40), position: '6' },
  }).map(([name, value]): [string, Partial<World>, string[]] => [
    `an intent with another ${name}, also where a true one comes after it`,
    { intents: [{ ...intent, refs: { ...intent.refs, [name]: value } }, intent] },
    ['intent-differs'],
  ]),
  ['a target file that changed', { target: { policy, digest: digest('8') } }, ['E_POLICY_CHANGED']],
  ['a target file that is gone', { target: null }, ['E_POLICY_CHANGED']],
  ['a promotion that changed while it was judged', { judged: other }, ['promotion-changed']],
  [
    'a verdict against it, with every reason',
    {
      verdict: {
        allowed: false,
        reasons: [
          { code: 'E_REJECTED', person: 'mira' },
          { code: 'E_APPROVALS_MISSING', have: 1, need: 2, rules: [], eligible: [], enough: null },
        ],
      },
    },
    ['E_REJECTED', 'E_APPROVALS_MISSING'],
  ],
];

const asked = { person: 'leo', justification: 'Checkout is down and nobody else is awake.' };

test('a delivery by break-glass is on record, with who took part and what is owed, before it has a login', async () => {
  const waiver = { kind: 'break-glass', ...asked } as const;
  const review = { count: 2, within: 3600 };
  const opened = { ...policy, breakGlass: { approvals: [], review } };
  const target = { policy: opened, digest: digest('c') };
  const { answer, records } = mint({ waiver, target });
  await answer;
  assert.deepEqual(
    records.entries.map(({ type }) => type),
    ['break-glass.used', 'credential.requested'],
  );
  assert.deepEqual(records.entries[0]?.refs, {
    ...{ delivery: delivery.id, promotion: promotion.id, target: 'prod-eu' },
    ...{ release: promotion.release, asker: 'leo', approver1: 'mira' },
    ...{ reviews: '2', reviewBy: '2026-11-22T11:00:00.500Z' },
  });
  assert.deepEqual(await codesOf({ waiver }), ['waiver-closed'], 'no file opens it');
});

test('so is a delivery outside its windows, of which two others owe a look', async () => {
  const waiver = { kind: 'override', ...asked } as const;
  const override = { role: 'release-manager', count: 1, reason: 'required', review: 3600 } as const;
  const opened = { ...policy, windows: { allow: [], deny: [], override } };
  const { answer, records } = mint({ waiver, target: { policy: opened, digest: digest('c') } });
  await answer;
  const [entry, after] = records.entries;
  assert.deepEqual([entry?.type, after?.type], ['override.used', 'credential.requested']);
  assert.equal(entry?.refs['asker'], 'leo');
  assert.equal(entry.refs['reviews'], '2');
  assert.equal(entry.refs['reviewBy'], '2026-11-22T11:00:00.500Z');
  assert.deepEqual(await codesOf({ waiver }), ['waiver-closed'], 'no file opens it');
});

for (const [what, change, codes] of refusals) {
  test(`no login for ${what}`, async () => {
    assert.deepEqual(await codesOf(change), codes);
  });
}
