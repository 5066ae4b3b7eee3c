import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatId } from '@airlock/common/ids';
import { TargetPolicy } from '@airlock/common/policy/target-policy';
import { renderPage } from '@airlock/web/page';
import type { Frame } from '@airlock/web/views/layout';
import { checkIds, checksOf } from '../../app/checks.ts';
import type { Delivery, DeliveryState, VaultSession } from '../../app/ports.ts';
import type { PromotionDetails } from '../../app/view-promotion.ts';
import { promotionStates, type Promotion } from '../../domain/promotion.ts';
import type { DenialReason } from '../../domain/verdict.ts';
import { DeliveryPage } from './delivery-page.tsx';
import { entrySentence, LedgerPage } from './ledger-page.tsx';
import { logLine } from './log-line.ts';
import { PromotionPage } from './promotion-page.tsx';
import { QueuePage } from './queue-page.tsx';
import { plain } from './words.ts';

const now = new Date('2026-11-22T10:00:00Z');
const soon = new Date('2026-11-23T10:00:00Z');
const bytes = Buffer.alloc(10, 7);
const hook = `load-release@sha256:${'a'.repeat(64)}`;

const frame: Frame = {
  service: 'gate',
  viewer: {
    id: 'mira',
    name: 'Mira',
    nameId: 'mira@idp.example',
    idp: 'https://idp.example',
    groups: [],
    roles: ['release-manager'],
  },
  csrfToken: 'token',
  path: '/queue',
  nav: [],
  assets: { directory: '/assets', url: (name) => `/assets/${name}` },
  version: '0.0.0',
  footer: [],
};

const hostile = '<img src=x onerror=alert(1)> \u202e"\'';

const promotion: Promotion = {
  id: formatId('prm', bytes),
  target: 'prod-eu',
  release: '2026.11.22-1',
  state: 'waiting',
  stateReason: null,
  stateChangedAt: now,
  version: 1,
  subjectName: 'shop-api.tar.gz',
  artifactDigest: 'a'.repeat(64),
  artifactSize: 2_000_000,
  repository: 'https://git.example/org/app',
  commit: 'c'.repeat(40),
  mainPosition: 10,
  pipeline: '.woodpecker.yaml',
  builderId: 'https://nonprod.example/builders/main@v1',
  keyIds: ['key'],
  invocationId: hostile,
  builtAt: now,
  requester: hostile,
  requesterIdp: 'https://idp.example',
  reason: hostile,
  requestedAt: now,
  admittedAt: now,
  expiresAt: soon,
  bundleDigest: 'b'.repeat(64),
  envelopeDigest: 'd'.repeat(64),
  provenanceDigest: 'e'.repeat(64),
  policyDigest: 'f'.repeat(64),
  hook,
  promotionDigest: '1'.repeat(64),
  delta: {
    base: { commit: '2'.repeat(40), release: hostile },
    commitCount: 1,
    commits: [
      {
        commit: 'c'.repeat(40),
        subject: hostile,
        authorName: hostile,
        authorEmail: 'dana@example.com',
        committerEmail: 'dana@example.com',
        committedAt: '2026-11-22T09:00:00Z',
      },
    ],
    emails: ['dana@example.com'],
    fileCount: 2,
    files: [
      { path: hostile, status: 'A', added: null, removed: null },
      { path: 'package-lock.json', status: 'M', added: 3, removed: 1 },
    ],
  },
};

const policy = TargetPolicy.parse({
  version: 1,
  target: 'prod-eu',
  admits: [
    {
      repo: promotion.repository,
      refs: ['refs/heads/main'],
      pipeline: promotion.pipeline,
      releaseFile: '.airlock/release.yaml',
      subject: promotion.subjectName,
      builders: { id: promotion.builderId, threshold: 1 },
      maxAge: '14d',
      tests: 'required',
      signedCommits: 'required',
    },
  ],
  approvals: {
    rules: [{ role: 'release-manager', count: 2 }],
    exclude: ['requester', 'authors', 'committers'],
    expires: '24h',
  },
  credentials: {
    vault: {
      jwtMount: 'jwt',
      jwtRole: 'deliver',
      databaseMount: 'database',
      databaseRole: 'loader',
      ttl: '5m',
    },
  },
  deliver: {
    hook,
    timeout: '2m',
    params: {},
    database: { host: '127.0.0.1', port: 5432, name: 'production' },
  },
});

function viewOf(
  fields: Partial<Promotion> = {},
  reasons: readonly DenialReason[] = [],
): PromotionDetails {
  const [first, ...rest] = reasons;
  const shown = { ...promotion, ...fields };
  return {
    promotion: shown,
    facts: {
      now,
      promotion: shown,
      underOwnDelivery: false,
      targetKnown: true,
      changed: { policy: false, roster: false, base: null, fields: [] },
      hookDigest: 'a'.repeat(64),
      artifactPresent: true,
      bundle: null,
      unmappedEmails: [],
      approvals: {
        have: 0,
        need: 2,
        role: 'release-manager',
        counting: [],
        discounted: [],
        eligible: ['Leo', 'Mira'],
      },
      rejectedBy: null,
      freeze: null,
      busy: null,
      pendingSession: null,
      live: null,
      ledgerFault: null,
    },
    verdict:
      first === undefined ? { allowed: true } : { allowed: false, reasons: [first, ...rest] },
    decisions: [],
    delivery: null,
    policy,
    need: 2,
    requester: null,
    viewer: { standing: { may: true }, mayReject: true, decided: null, commits: [] },
    evidence: { bundle: Buffer.alloc(0), document: Buffer.alloc(0) },
    bundle: null,
  };
}

const pageOf = (view: PromotionDetails): string =>
  renderPage(
    PromotionPage({ frame, view, checks: checksOf(view), hasPasskey: true, now, seen: 'x' }),
  );

/** One reason of every code: a new code does not compile before it stands here. */
const everyReason: {
  readonly [Code in DenialReason['code']]: Extract<DenialReason, { code: Code }>;
} = {
  'promotion-not-waiting': { code: 'promotion-not-waiting', state: 'expired' },
  'promotion-expired': { code: 'promotion-expired', expiredAt: now },
  'approvals-missing': {
    code: 'approvals-missing',
    have: 1,
    need: 2,
    role: 'release-manager',
    eligible: ['Mira'],
  },
  rejected: { code: 'rejected', person: 'Leo' },
  'target-unknown': { code: 'target-unknown', target: 'prod-eu' },
  'policy-changed': { code: 'policy-changed', target: 'prod-eu' },
  'roster-changed': { code: 'roster-changed' },
  'hook-changed': { code: 'hook-changed', hook },
  'hook-missing': { code: 'hook-missing', hook },
  'base-changed': { code: 'base-changed', was: null, now: '2026.11.20-1' },
  'document-differs': { code: 'document-differs', fields: ['commit'] },
  'artifact-missing': { code: 'artifact-missing', digest: 'a'.repeat(64) },
  'repository-frozen': {
    code: 'repository-frozen',
    repository: promotion.repository,
    reason: 'main was rewritten',
    since: now,
  },
  'target-busy': { code: 'target-busy', deliveryId: 'dlv_1', since: now },
  'credential-pending': {
    code: 'credential-pending',
    sessionId: 'vse_1',
    state: 'REVOKE_PENDING',
    since: now,
  },
  'older-than-live': { code: 'older-than-live', release: '1', live: '2' },
  'author-unmapped': { code: 'author-unmapped', email: 'dana@example.org' },
  'bundle-refused': { code: 'bundle-refused', admissionCode: 'E_STALE', detail: 'too old' },
  'ledger-unavailable': { code: 'ledger-unavailable', detail: 'no checkpoint' },
};

function assertSound(html: string): void {
  assert.doesNotMatch(html, /<img|style=|\u202e|javascript:|\bblocked\b/i);
}

describe('every reason of a denial', () => {
  for (const reason of Object.values(everyReason)) {
    test(`${reason.code} is told on top and found again in exactly one check`, () => {
      const view = viewOf({}, [reason]);
      const open = checksOf(view).filter(({ status }) => status !== 'pass' && status !== 'skip');
      assert.equal(open.length, 1);
      const html = pageOf(view);
      assertSound(html);
      assert.match(
        html,
        /Waiting for a person|Waiting for time|Needs a fix|The system is at fault/,
      );
    });
  }
});

test('a bundle that does not pass now is told though intake took it in', () => {
  const refusal = { ok: false, code: 'E_KEY_REVOKED', detail: 'key k was revoked' } as const;
  const checks = checksOf({ ...viewOf(), bundle: refusal });
  const status = Object.fromEntries(checks.map((check) => [check.id, check.status]));
  assert.equal(status['signature'], 'fail');
  assert.equal(status['provenance'], 'skip');
});

test('all checks are there in every state, and what ended is not judged by the rules of today', () => {
  for (const state of promotionStates) {
    const view = viewOf({ state, stateReason: 'because' }, [everyReason['policy-changed']]);
    const checks = checksOf(view);
    assert.deepEqual(
      checks.map(({ id }) => id),
      [...checkIds],
    );
    const open = checks.filter(({ status }) => !['pass', 'skip'].includes(status));
    assert.equal(open.length, state === 'waiting' ? 1 : 0, state);
  }
});

test('every state of a promotion is one page that whoever wrote its texts cannot shape', () => {
  for (const state of promotionStates) assertSound(pageOf(viewOf({ state, stateReason: hostile })));
});

test('the page of a promotion offers a decision only while one is possible', () => {
  assert.match(pageOf(viewOf()), /Approve with passkey/);
  assert.doesNotMatch(pageOf(viewOf({ state: 'live' })), /Approve with passkey|Reject/);
  const decided = viewOf();
  const view = { ...decided, viewer: { ...decided.viewer, decided: 'approve' as const } };
  assert.doesNotMatch(pageOf(view), /Approve with passkey|Reject/);
});

test('an empty queue and a full one are sound', () => {
  const empty = {
    ...{ needsYou: [], inProgress: [], waitingForOthers: [], live: [], empty: [] },
    ...{ ended: [], refused: [], freezes: [] },
  };
  const page = (queue: Parameters<typeof QueuePage>[0]['queue']): string =>
    renderPage(QueuePage({ frame, queue, nonprodOrigin: null, now, seen: '' }));
  assert.match(page(empty), /Nothing waits/);
  const views = Object.values(everyReason).map((reason) => viewOf({}, [reason]));
  const full = page({
    ...empty,
    needsYou: views,
    waitingForOthers: [viewOf()],
    ended: promotionStates.map((state) => ({ ...promotion, state, stateReason: hostile })),
    refused: [
      {
        ...{ source: 'nonprod', seq: 1, itemHash: 'x', requestId: hostile },
        ...{ claimedTarget: hostile, bundleDigest: 'b', artifactDigest: 'a', receivedAt: now },
        ...{ outcome: 'refused', code: 'E_STALE', detail: hostile, promotionId: null },
        ...{ reportedState: null, meaning: 'It is old.', mend: 'Build again.' },
      },
    ],
    freezes: [{ repository: promotion.repository, reason: hostile, since: now }],
  });
  assertSound(full);
  assert.match(full, new RegExp(`<title>\\(${views.length}\\) Queue`));
});

describe('a delivery', () => {
  const delivery: Delivery = {
    ...{ id: formatId('dlv', bytes), promotionId: promotion.id, target: 'prod-eu' },
    ...{ state: 'running', step: 'hook', fence: 1, owner: 'x', heartbeatAt: now, startedAt: now },
    ...{ intentDigest: '3'.repeat(64), hookStartedAt: now, hookFinishedAt: null, hookExit: null },
    ...{ hookResult: null, finishedAt: null, outcomeReason: null },
  };
  const session: VaultSession = {
    ...{ id: 'vse_1', deliveryId: delivery.id, target: 'prod-eu', fence: 1, state: 'LEASED' },
    ...{ jwtMount: 'jwt', databaseMount: 'database', databaseRole: 'loader', jwtExpiresAt: soon },
    ...{ deadline: soon, accessor: 'the-accessor', leaseIds: ['the-lease'], roleName: 'v-role' },
    ...{ createdAt: now, issuedAt: now, revokedAt: null, roleGone: null, attempts: 0 },
    lastError: hostile,
  };
  const states: DeliveryState[] = ['running', 'succeeded', 'failed', 'indeterminate'];
  const sessionStates: (VaultSession['state'] | null)[] = [
    ...[null, 'INTENT' as const, 'TOKEN' as const, 'LEASED' as const],
    ...['REVOKING' as const, 'REVOKE_PENDING' as const, 'CLEAN' as const],
  ];

  test('is a sound page in every state, and names neither lease nor accessor', () => {
    for (const state of states) {
      for (const sessionState of sessionStates) {
        const html = renderPage(
          DeliveryPage({
            ...{ frame, promotion, now, seen: '' },
            delivery: { ...delivery, state, outcomeReason: hostile, hookResult: { at: hostile } },
            session: sessionState === null ? null : { ...session, state: sessionState },
            log: [{ sequence: 1, at: now, stream: 'stdout', line: hostile }],
          }),
        );
        assertSound(html);
        assert.doesNotMatch(html, /the-accessor|the-lease/);
      }
    }
  });

  test('whose revocation fails says when Vault ends the credential by itself', () => {
    const html = renderPage(
      DeliveryPage({
        ...{ frame, delivery, promotion, now, seen: '', log: [] },
        session: { ...session, state: 'REVOKE_PENDING', attempts: 3 },
      }),
    );
    assert.match(html, /revocation failed 3 times.*at the latest 2026-11-23T10:00:00Z/);
  });
});

test('a line of a hook is text: terminal sequences are taken out, what else is unprintable is shown', () => {
  const line = (text: string): string | undefined =>
    logLine({ sequence: 1, at: now, stream: 'stdout', line: text }).spans[0]?.text;
  assert.equal(line('\u001b[1;32mdone\u001b[0m'), 'done');
  assert.equal(line('\u001b]8;;javascript:1\u0007x'), 'x');
  assert.equal(line('10%\r50%'), '10%⟨U+000D⟩50%');
  assert.equal(plain('a\tb'), 'a\tb');
});

test('an entry of every type is a sentence', () => {
  const entry = (type: Parameters<typeof entrySentence>[0]['type']) =>
    entrySentence({ v: 1, type, at: '', actor: 'person:leo', subjectDigest: '', refs: {} });
  assert.equal(entry('approval.recorded'), 'leo approved ?');
  assert.equal(entry('passkey.enrolled'), 'leo enrolled a passkey');
  const empty = { frame, checkpoint: null, rows: [], older: null, origin: 'http://gate', now };
  assertSound(renderPage(LedgerPage(empty)));
});
