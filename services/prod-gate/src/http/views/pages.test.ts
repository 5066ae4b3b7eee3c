import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatId } from '@airlock/common/ids';
import { TargetPolicy } from '@airlock/common/policy/target-policy';
import type { RebuildDifference } from '@airlock/common/intoto/rebuild-difference';
import type { BuilderCount } from '@airlock/common/verify/count-builders';
import { renderPage } from '@airlock/web/page';
import type { Frame } from '@airlock/web/views/layout';
import { checkIds, checksOf } from '../../app/checks.ts';
import type {
  Delivery,
  DeliveryState,
  RepositoryFreeze,
  VaultSession,
  Witnessed,
} from '../../app/ports.ts';
import type { PromotionDetails } from '../../app/view-promotion.ts';
import { ledgerFreeze } from '../../domain/ledger-freeze.ts';
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
  reproduce: 1,
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
      builders: { id: promotion.builderId, threshold: 1, images: [`sha256:${'6'.repeat(64)}`] },
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
      reads: [{ as: 'db', kind: 'database', mount: 'database', role: 'loader' }],
      ttl: '5m',
    },
  },
  deliver: {
    hook,
    timeout: '2m',
    params: {},
    egress: [{ as: 'db', kind: 'postgres', host: '127.0.0.1', port: 5432, name: 'production' }],
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
      changed: { policy: false, roster: false, editors: false, base: null, fields: [] },
      hookDigest: 'a'.repeat(64),
      artifactPresent: true,
      bundle: null,
      builders: { need: 1, listed: 0, count: null },
      windowClosed: null,
      unmappedEmails: [],
      unmappedEditors: [],
      approvals: {
        have: 0,
        need: 2,
        rules: [{ role: 'release-manager', count: 2, filledBy: [], helpful: ['Leo', 'Mira'] }],
        enough: ['Leo', 'Mira'],
        editors: [],
        counting: [],
        discounted: [],
        eligible: ['Leo', 'Mira'],
      },
      rejectedBy: null,
      freeze: null,
      busy: null,
      pendingSession: null,
      live: null,
      liveDiffers: null,
      ledgerFault: null,
      configurationFault: null,
      ledgerFreeze: null,
    },
    verdict:
      first === undefined ? { allowed: true } : { allowed: false, reasons: [first, ...rest] },
    decisions: [],
    replaced: [],
    delivery: null,
    policy,
    need: 2,
    requester: null,
    viewer: { standing: { may: true }, mayReject: true, decided: null, commits: [] },
    evidence: { bundle: Buffer.alloc(0), document: Buffer.alloc(0) },
    bundle: null,
    newer: null,
    previous: null,
  };
}

const pageOf = (view: PromotionDetails): string =>
  renderPage(
    PromotionPage({ frame, view, checks: checksOf(view), hasPasskey: true, now, seen: 'x' }),
  );

const rebuilder = 'https://audit.example/rebuilder@v1';

/** One reason of every code: a new code does not compile before it stands here. */
const everyReason: {
  readonly [Code in DenialReason['code']]: Extract<DenialReason, { code: Code }>;
} = {
  E_NOT_WAITING: { code: 'E_NOT_WAITING', state: 'expired' },
  E_PROMOTION_EXPIRED: { code: 'E_PROMOTION_EXPIRED', expiredAt: now },
  E_APPROVALS_MISSING: {
    code: 'E_APPROVALS_MISSING',
    have: 1,
    need: 2,
    rules: [{ role: 'release-manager', count: 2, filledBy: ['Leo'], helpful: ['Mira'] }],
    eligible: ['Mira'],
    enough: ['Mira'],
  },
  E_REJECTED: { code: 'E_REJECTED', person: 'Leo' },
  E_TARGET_UNKNOWN: { code: 'E_TARGET_UNKNOWN', target: 'prod-eu' },
  E_POLICY_CHANGED: { code: 'E_POLICY_CHANGED', target: 'prod-eu' },
  E_ROSTER_CHANGED: { code: 'E_ROSTER_CHANGED' },
  E_EDITORS_CHANGED: { code: 'E_EDITORS_CHANGED' },
  E_EDITOR_UNMAPPED: { code: 'E_EDITOR_UNMAPPED', keyid: 'key' },
  E_HOOK_DIGEST: { code: 'E_HOOK_DIGEST', hook },
  E_HOOK_MISSING: { code: 'E_HOOK_MISSING', hook },
  E_BASE_CHANGED: { code: 'E_BASE_CHANGED', was: null, now: '2026.11.20-1' },
  E_DOCUMENT_DIFFERS: { code: 'E_DOCUMENT_DIFFERS', fields: ['commit'] },
  E_ARTIFACT_MISSING: { code: 'E_ARTIFACT_MISSING', digest: 'a'.repeat(64) },
  E_REPOSITORY_FROZEN: {
    code: 'E_REPOSITORY_FROZEN',
    repository: promotion.repository,
    reason: 'main was rewritten',
    since: now,
  },
  E_WINDOW_CLOSED: {
    code: 'E_WINDOW_CLOSED',
    ...{ target: 'prod-eu', denied: 'year-end', opensAt: now },
  },
  E_TARGET_BUSY: { code: 'E_TARGET_BUSY', deliveryId: 'dlv_1', since: now },
  E_CREDENTIAL_PENDING: {
    code: 'E_CREDENTIAL_PENDING',
    sessionId: 'vse_1',
    state: 'REVOKE_PENDING',
    since: now,
  },
  E_ROLLBACK_UNAPPROVED: { code: 'E_ROLLBACK_UNAPPROVED', release: '1', live: '2' },
  E_LIVE_DIFFERS: {
    ...{ code: 'E_LIVE_DIFFERS', row: '2026.11.20-1' },
    ...{ ledger: '2026.11.20-4', isNewer: false },
  },
  E_AUTHOR_UNMAPPED: { code: 'E_AUTHOR_UNMAPPED', email: 'dana@example.org' },
  E_BUNDLE_REFUSED: { code: 'E_BUNDLE_REFUSED', admissionCode: 'E_STALE', detail: 'too old' },
  E_REBUILD_MISSING: {
    code: 'E_REBUILD_MISSING',
    ...{ have: 1, need: 2, listed: 1, silent: [rebuilder], discounted: [] },
  },
  E_REBUILD_DIFFERS: {
    code: 'E_REBUILD_DIFFERS',
    ...{ builders: [rebuilder], files: ['products.json', hostile], fileCount: 2 },
  },
  E_LEDGER_UNAVAILABLE: { code: 'E_LEDGER_UNAVAILABLE', detail: 'no checkpoint' },
  E_CONFIGURATION_ROLLBACK: {
    code: 'E_CONFIGURATION_ROLLBACK',
    serial: 3,
    detail: 'it is number 3, and the ledger has number 4',
  },
  E_CONFIGURATION_UNRECORDED: { code: 'E_CONFIGURATION_UNRECORDED', serial: 5 },
  E_LEDGER_INCONSISTENT: { code: 'E_LEDGER_INCONSISTENT', detail: 'two roots', since: now },
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
    const view = viewOf({ state, stateReason: 'because' }, [everyReason['E_POLICY_CHANGED']]);
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

test('what files, packages and newer commits are called cannot shape the page that shows them', () => {
  const view = viewOf({
    delta: {
      ...promotion.delta,
      details: {
        dependencies: {
          ...{ added: 1, removed: 1, changed: 0 },
          list: [
            { lockfile: hostile, name: hostile, from: null, to: hostile },
            { lockfile: hostile, name: hostile, from: hostile, to: null },
          ],
          unread: [{ lockfile: hostile, why: 'too large to be read' }],
        },
        migrations: {
          count: 1,
          list: [{ path: hostile, status: 'A', undo: hostile, warns: ['drop column'] }],
        },
        owners: [{ owner: hostile, files: 2 }],
      },
    },
  });
  const newest = { commit: 'd'.repeat(40), subject: hostile };
  const page = pageOf({
    ...view,
    newer: {
      head: newest.commit,
      total: 1,
      commits: [{ ...newest, authorName: hostile, committedAt: '2026-11-22T09:30:00Z' }],
      reverts: [{ ...newest, of: { commit: 'c'.repeat(40), subject: hostile } }],
    },
    previous: { ...promotion, hook: 'other', artifactSize: promotion.artifactSize * 2 },
  });
  assertSound(page);
  for (const said of ['Taken back on main', 'drop column', 'hook changed', '−50.0 %', 'unread']) {
    assert.ok(page.includes(said), said);
  }
});

test('an empty queue and a full one are sound', () => {
  const empty = {
    ...{ needsYou: [], inProgress: [], waitingForOthers: [], live: [], empty: [] },
    ...{ ended: [], refused: [], freezes: [], held: [] },
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
    held: [{ ...session, state: 'REVOKE_PENDING' }],
  });
  assertSound(full);
  assert.match(full, /prod-eu takes no delivery\./);
  assert.match(full, new RegExp(`<title>\\(${views.length}\\) Queue`));
});

const delivery: Delivery = {
  ...{ id: formatId('dlv', bytes), promotionId: promotion.id, target: 'prod-eu' },
  ...{ state: 'running', step: 'hook', fence: 1, owner: 'x', heartbeatAt: now, startedAt: now },
  ...{ intentDigest: '3'.repeat(64), hookStartedAt: now, hookFinishedAt: null, hookExit: null },
  ...{ hookResult: null, finishedAt: null, outcomeReason: null },
};
const session: VaultSession = {
  ...{ id: 'vse_1', deliveryId: delivery.id, target: 'prod-eu', fence: 1, state: 'LEASED' },
  ...{ jwtMount: 'jwt', jwtExpiresAt: soon, deadline: soon, accessor: 'the-accessor' },
  ...{ createdAt: now, revokedAt: null, attempts: 0 },
  credentials: [
    {
      ...{ name: 'db', kind: 'database', path: 'database/creds/loader', ending: 'revocable' },
      ...{ leaseId: 'the-lease', holder: 'v-role', issuedAt: now, diesAt: soon, goneAt: null },
      ...{ trial: null, triedAt: null },
    },
  ],
  lastError: hostile,
};

describe('a delivery', () => {
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
  const empty = {
    frame,
    checkpoint: null,
    witnessed: null,
    freeze: null,
    rows: [],
    older: null,
    origin: 'http://gate',
    now,
  };
  assertSound(renderPage(LedgerPage(empty)));
});

function withBuilders(count: Partial<BuilderCount>, need = 2): PromotionDetails {
  const view = viewOf();
  const none = { have: 1, agreeing: [], differing: [], discounted: [], silent: [] };
  const builders = { need, listed: 1, count: { ...none, ...count } };
  return { ...view, facts: { ...view.facts, builders } };
}

describe('who vouches for the bytes', () => {
  test('one builder is said in red, above everything', () => {
    const html = pageOf(withBuilders({}, 1));
    assert.match(html, /tone-bad[^>]*>.*Bytes rest on one builder: whoever owns the main runner/);
  });

  test('two independent builders are named with whose they are, and the red line is gone', () => {
    const agreeing = [{ builderId: rebuilder, adminDomain: 'audit', keyIds: ['k'] }];
    const html = pageOf(withBuilders({ have: 2, agreeing }));
    assert.match(html, /two independent builders made the same bytes/);
    assert.match(html, /administered by audit/);
    assert.doesNotMatch(html, /Bytes rest on one builder/);
  });

  test('what differs is shown file by file, in words that nobody outside can shape', () => {
    const file = { type: 'file', size: 9, mode: 0o644, sha256: 'a'.repeat(64) } as const;
    const difference: RebuildDifference = {
      ...{ claimed: 'a'.repeat(64), kind: 'files', added: 1, removed: 0, changed: 250 },
      files: [
        { path: 'products.json', claimed: file, rebuilt: { ...file, mode: 0o755 } },
        { path: hostile, claimed: file, rebuilt: null },
      ],
    };
    const differing = [
      { builderId: rebuilder, keyIds: ['k'], artifactDigest: 'e'.repeat(64), difference },
    ];
    const html = pageOf(withBuilders({ differing }));
    assertSound(html);
    assert.match(html, /products\.json/);
    assert.match(html, /mode 0644/);
    assert.match(html, /mode 0755/);
    assert.match(html, /not there/);
    assert.match(html, /and 249 more/);
  });
});

test('the ledger page says how far a witness has seen it, and keeps what nobody can read', () => {
  const page = (witnessed: Witnessed | null, freeze: RepositoryFreeze | null = null) =>
    renderPage(
      LedgerPage({
        frame,
        freeze,
        checkpoint: { size: 9, note: 'note', signedAt: now },
        witnessed,
        rows: [{ index: 8, body: Buffer.from('no entry'), leafHash: '', sequencedAt: now }],
        older: null,
        origin: 'http://gate',
        now,
      }),
    );
  assertSound(page(null));
  assert.match(page(null), /No witness has seen it yet/);
  assert.match(page(null), /bytes that this version cannot read/);
  const seen = { size: 7, note: 'note', signedAt: now, by: [{ witness: 'nonprod/w', at: now }] };
  assertSound(page(seen));
  assert.match(page(seen), /nonprod\/w<\/code> up to 7.*; 2 newer not yet/s);
  assert.doesNotMatch(page({ ...seen, size: 9 }), /newer not yet/);
  assert.doesNotMatch(page(seen), /contradicts/);
  const contradicted = page(seen, { repository: ledgerFreeze, reason: hostile, since: now });
  assertSound(contradicted);
  assert.match(contradicted, /A witness contradicts the ledger.*Nothing is delivered/s);
  assert.doesNotMatch(contradicted, /acceptedMains/);
});
