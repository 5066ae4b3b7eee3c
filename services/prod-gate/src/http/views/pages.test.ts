import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatId } from '@airlock/common/ids';
import type { RebuildDifference } from '@airlock/common/intoto/rebuild-difference';
import type { BuilderCount } from '@airlock/common/verify/count-builders';
import { renderPage } from '@airlock/web/page';
import { checkIds, checksOf } from '../../app/checks.ts';
import type { Delivery, DeliveryState } from '../../app/delivery-ports.ts';
import type { Witnessed } from '../../app/ledger-ports.ts';
import type { RepositoryFreeze } from '../../app/promotion-ports.ts';
import type { VaultSession } from '../../app/vault-session-ports.ts';
import type { PromotionDetails } from '../../app/view-promotion.ts';
import { ledgerFreeze } from '../../domain/ledger-freeze.ts';
import { promotionStates } from '../../domain/promotion.ts';
import { DeliveryPage } from './delivery-page.tsx';
import type { KnownStop } from '../../domain/stop.ts';
import { entrySentence, LedgerPage } from './ledger-page.tsx';
import { logLine } from './log-line.ts';
import { PromotionPage } from './promotion-page.tsx';
import {
  bytes,
  everyReason,
  frame,
  hostile,
  now,
  promotion,
  rebuilder,
  soon,
  viewOf,
} from './promotion-view.fixture.ts';
import { QueuePage } from './queue-page.tsx';
import { plain } from './words.ts';

const pageOf = (view: PromotionDetails): string =>
  renderPage(
    PromotionPage({ frame, view, checks: checksOf(view), hasPasskey: true, now, seen: 'x' }),
  );

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

test('what was asked and answered stands there as text, and can be added to until the promotion ends', () => {
  const remark = { id: 1, person: 'leo', name: hostile, text: `${hostile}\n${hostile}`, at: now };
  const asked = (state: 'waiting' | 'delivering' | 'live') => ({
    ...viewOf({ state }),
    remarks: [remark],
  });
  for (const state of ['waiting', 'delivering'] as const) {
    const page = pageOf(asked(state));
    assertSound(page);
    assert.match(page, /Questions and answers[\s\S]*&lt;img[\s\S]*action="[^"]*\/remarks"/);
  }
  const ended = pageOf(asked('live'));
  assert.match(ended, /Questions and answers/);
  assert.doesNotMatch(ended, /\/remarks"/);
  assert.doesNotMatch(pageOf(viewOf({ state: 'live' })), /Questions and answers/);
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
    renderPage(
      QueuePage({
        frame,
        queue,
        filter: { target: '', words: '' },
        stops: [],
        nonprodOrigin: null,
        now,
        seen: '',
      }),
    );
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
  ...{ hookResult: null, verification: null, finishedAt: null, outcomeReason: null },
  ...{ hookKind: 'at-most-once', repeats: null },
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
            ...{ frame, promotion, now, seen: '', stops: [] },
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

  test('says whether the release was seen to be well, and not that it revokes while it looks', () => {
    const pageWith = (change: Partial<Delivery>): string =>
      renderPage(
        DeliveryPage({
          ...{ frame, promotion, session, now, seen: '', stops: [], log: [] },
          delivery: { ...delivery, hookFinishedAt: now, hookExit: 0, ...change },
        }),
      );
    const stepsOf = (change: Partial<Delivery>): string[] => {
      const html = pageWith(change);
      assertSound(html);
      const text = html.replaceAll(/<[^>]*>/g, ' ').replaceAll(/\s+/g, ' ');
      return ['Look whether it is well', 'Revoke what was leased'].map(
        (title) => text.split(title)[1]?.trim().slice(0, 30) ?? 'none',
      );
    };
    assert.equal(stepsOf({})[0], 'none', 'where none is asked for');
    const [looking, revoking] = stepsOf({ verification: 'due' });
    assert.match(looking ?? '', /^–/);
    assert.match(revoking ?? '', /^–/);
    assert.match(stepsOf({ verification: 'passed' })[0] ?? '', /^it was /);
    const back = stepsOf({ verification: 'returned', state: 'failed', finishedAt: now })[0];
    assert.match(back ?? '', /^it was not; the release before/);
    const unseen = stepsOf({ verification: 'due', state: 'indeterminate', finishedAt: now })[0];
    assert.match(unseen ?? '', /^not seen/);
    const over = { finishedAt: now } as const;
    const heads: [Partial<Delivery>, RegExp][] = [
      [{ verification: 'due' }, /Running: looking whether the release is well\./],
      [{ verification: 'returned', state: 'failed', ...over }, /and the one before it is back\./],
      [{ verification: 'due', state: 'indeterminate', ...over }, /was not seen to be well\./],
      [{ state: 'indeterminate', hookExit: null, ...over }, /Nobody knows whether it reached/],
    ];
    for (const [change, head] of heads) assert.match(pageWith(change), head);
  });

  test('that is stopped says by whom and why, as text', () => {
    const stop: KnownStop = {
      ...{ id: 'stp_0000000000', kind: 'stop-all', targets: [], matter: null, since: null },
      ...{ until: null, except: [], reason: hostile, person: 'leo', placedAt: now, digest: '' },
    };
    const html = renderPage(
      DeliveryPage({ frame, delivery, promotion, session, now, seen: '', stops: [stop], log: [] }),
    );
    assertSound(html);
    assert.match(html, /Stopped: all targets\./);
    assert.match(
      html,
      /leo: “[^”]+” Running hooks get SIGTERM.*Two people start again on \/controls/,
    );
  });

  test('whose revocation fails says when Vault ends the credential by itself', () => {
    const html = renderPage(
      DeliveryPage({
        ...{ frame, delivery, promotion, now, seen: '', stops: [], log: [] },
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
