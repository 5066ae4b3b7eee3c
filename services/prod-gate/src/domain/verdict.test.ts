import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { headline, sentenceOf, sorted, stateSentence } from './sentences.ts';
import { good, now } from './verdict.fixture.ts';
import { mayBecome, promotionStates } from './promotion.ts';
import {
  evaluatePromotion,
  type DenialCode,
  type DenialReason,
  type PromotionFacts,
} from './verdict.ts';

function codes(facts: PromotionFacts): DenialCode[] {
  const verdict = evaluatePromotion(facts);
  return verdict.allowed ? [] : verdict.reasons.map((reason) => reason.code);
}

test('nothing against it means that it may go', () => {
  assert.deepEqual(evaluatePromotion(good), { allowed: true });
});

test('what is approved, by whom, does not make up for anything else', () => {
  const everything = { ...good, approvals: { ...good.approvals, have: 99 } };
  assert.deepEqual(codes({ ...everything, artifactPresent: false }), ['E_ARTIFACT_MISSING']);
});

const audit = 'https://audit.example/rebuilder@v1';
const counted = { have: 1, agreeing: [], differing: [], discounted: [], silent: [audit] };
const differing = [
  { builderId: audit, keyIds: ['key'], artifactDigest: 'e'.repeat(64), difference: null },
];
const since = new Date('2026-11-22T09:00:00Z');
const faults: readonly [DenialCode, PromotionFacts][] = [
  ['E_NOT_WAITING', { ...good, promotion: { ...good.promotion, state: 'superseded' } }],
  ['E_PROMOTION_EXPIRED', { ...good, promotion: { ...good.promotion, expiresAt: now } }],
  [
    'E_APPROVALS_MISSING',
    {
      ...good,
      approvals: {
        ...good.approvals,
        have: 1,
        rules: [{ role: 'release-manager', count: 2, filledBy: ['Leo'], helpful: ['Mira'] }],
        eligible: ['Mira'],
        enough: ['Mira'],
      },
    },
  ],
  ['E_REJECTED', { ...good, rejectedBy: 'Leo' }],
  ['E_TARGET_UNKNOWN', { ...good, targetKnown: false }],
  ['E_POLICY_CHANGED', { ...good, changed: { ...good.changed, policy: true } }],
  ['E_EDITORS_CHANGED', { ...good, changed: { ...good.changed, editors: true } }],
  ['E_ROSTER_CHANGED', { ...good, changed: { ...good.changed, roster: true } }],
  [
    'E_BASE_CHANGED',
    { ...good, changed: { ...good.changed, base: { was: null, now: '2026.11.20-4' } } },
  ],
  ['E_DOCUMENT_DIFFERS', { ...good, changed: { ...good.changed, fields: ['artifact'] } }],
  ['E_HOOK_DIGEST', { ...good, hookDigest: 'd'.repeat(64) }],
  ['E_HOOK_MISSING', { ...good, hookDigest: null }],
  ['E_ARTIFACT_MISSING', { ...good, artifactPresent: false }],
  ['E_REPOSITORY_FROZEN', { ...good, freeze: { reason: 'main was rewritten', since } }],
  [
    'E_WINDOW_CLOSED',
    { ...good, windowClosed: { denied: 'year-end', opensAt: new Date('2027-01-05T08:00:00Z') } },
  ],
  ['E_COOLING', { ...good, cooling: { startsAt: null } }],
  ['E_START_AWAITED', { ...good, start: { startedBy: null, may: ['Leo'], lapsed: null } }],
  ['E_OLDER_FIRST', { ...good, older: '2026.11.21-3' }],
  ['E_TARGET_BUSY', { ...good, busy: { deliveryId: 'dlv_0000000000', since } }],
  [
    'E_CREDENTIAL_PENDING',
    { ...good, pendingSession: { sessionId: 'vse_0', state: 'REVOKE_PENDING', since } },
  ],
  ['E_CREDENTIAL_OUTLIVES', { ...good, outliving: { deliveryId: 'dlv_0', until: since } }],
  ['E_ROLLBACK_UNAPPROVED', { ...good, live: { release: '2026.11.22-2', mainPosition: 11 } }],
  ['E_LIVE_DIFFERS', { ...good, liveDiffers: { row: null, ledger: '1', isNewer: false } }],
  ['E_EDITOR_UNMAPPED', { ...good, unmappedEditors: ['key'] }],
  ['E_AUTHOR_UNMAPPED', { ...good, unmappedEmails: ['stranger@example.com'] }],
  [
    'E_BUNDLE_REFUSED',
    { ...good, bundle: { ok: false, code: 'E_KEY_REVOKED', detail: 'key x was revoked' } },
  ],
  ['E_REBUILD_MISSING', { ...good, builders: { need: 2, listed: 1, count: counted } }],
  [
    'E_REBUILD_DIFFERS',
    { ...good, builders: { need: 1, listed: 1, count: { ...counted, differing } } },
  ],
  ['E_LEDGER_UNAVAILABLE', { ...good, ledgerFault: 'its admission is not in a signed checkpoint' }],
  [
    'E_CONFIGURATION_ROLLBACK',
    {
      ...good,
      configurationFault: { code: 'E_CONFIGURATION_ROLLBACK', serial: 3, detail: 'an older one' },
    },
  ],
  [
    'E_CONFIGURATION_UNRECORDED',
    { ...good, configurationFault: { code: 'E_CONFIGURATION_UNRECORDED', serial: 5 } },
  ],
  [
    'E_STOPPED',
    {
      ...good,
      stops: [
        {
          ...{ stop: 'stp_0000000000', kind: 'freeze', matter: null, person: 'Leo' },
          ...{ reason: 'checkout is down', since, until: null },
        },
      ],
    },
  ],
  ['E_RETURN_UNPROVEN', { ...good, returning: { fault: 'it never was live there' } }],
  ['E_EMERGENCY_STOP', { ...good, emergencyStop: since }],
  ['E_LEDGER_INCONSISTENT', { ...good, ledgerFreeze: { reason: 'two roots for size 7', since } }],
];

describe('each fault alone refuses, by its own name', () => {
  for (const [code, facts] of faults) {
    test(code, () => {
      assert.deepEqual(codes(facts), [code]);
    });
  }
});

test('every reason is told, not the first', () => {
  const facts = { ...good, artifactPresent: false, hookDigest: null, rejectedBy: 'Leo' };
  assert.deepEqual(codes(facts), ['E_REJECTED', 'E_HOOK_MISSING', 'E_ARTIFACT_MISSING']);
});

test('for its own delivery a promotion must be delivering, and waiting is then wrong', () => {
  const delivering = { ...good.promotion, state: 'delivering' as const };
  assert.deepEqual(codes({ ...good, underOwnDelivery: true, promotion: delivering }), []);
  assert.deepEqual(codes({ ...good, underOwnDelivery: true }), ['E_NOT_WAITING']);
  assert.deepEqual(codes({ ...good, promotion: delivering }), ['E_NOT_WAITING']);
});

test('a policy that asks for nobody is satisfied by nothing', () => {
  assert.deepEqual(codes({ ...good, approvals: { ...good.approvals, have: 0, need: 0 } }), [
    'E_APPROVALS_MISSING',
  ]);
});

test('the same place on main may be delivered again, an earlier one may not', () => {
  const at = (mainPosition: number) => ({ ...good, live: { release: 'x', mainPosition } });
  assert.deepEqual(codes(at(10)), []);
  assert.deepEqual(codes(at(11)), ['E_ROLLBACK_UNAPPROVED']);
});

test('an earlier place is answered by a return that is proven, and by no other', () => {
  const live = { release: 'x', mainPosition: 11 };
  const returning = (fault: string | null) => ({ ...good, live, returning: { fault } });
  assert.deepEqual(codes(returning(null)), []);
  assert.deepEqual(codes(returning('it never was live')), [
    'E_ROLLBACK_UNAPPROVED',
    'E_RETURN_UNPROVEN',
  ]);
});

describe('sentences', () => {
  const reasons = faults.map(([, facts]): DenialReason => {
    const verdict = evaluatePromotion(facts);
    assert.equal(verdict.allowed, false);
    return verdict.reasons[0];
  });

  for (const reason of reasons) {
    test(`${reason.code} is one sentence that says who, when or how`, () => {
      const { kind, text } = sentenceOf(reason);
      assert.ok(['person', 'time', 'fix', 'system'].includes(kind));
      assert.match(text, /^[A-Z0-9].*\.$/s);
      assert.doesNotMatch(text, /block/i);
      assert.doesNotMatch(text, /undefined|null|\[object/);
      // Who (a person or platform), when (by itself, within seconds), or how (ask, build, talk).
      assert.match(
        text,
        /platform|by itself|within seconds|ask for|build the release|talk to|can give/,
      );
    });
  }

  test('no two reasons share a sentence', () => {
    const texts = reasons.map((reason) => sentenceOf(reason).text);
    assert.equal(new Set(texts).size, texts.length);
  });

  const missing = (have: number, need: number, eligible: string[]) =>
    sentenceOf({
      code: 'E_APPROVALS_MISSING',
      ...{ have, need, eligible },
      enough: eligible.length < need - have ? null : eligible.slice(0, need - have),
      rules: [
        {
          ...{ role: 'release-manager', count: need, helpful: eligible },
          filledBy: ['Nora'].slice(0, have),
        },
      ],
    });
  const manager = { role: 'release-manager', count: 1 };
  const security = { role: 'security', count: 1 };

  test('of several rules each that is open names its people', () => {
    const { kind, text } = sentenceOf({
      code: 'E_APPROVALS_MISSING',
      ...{ have: 0, need: 2, eligible: ['Leo', 'Mira', 'Sam'], enough: ['Leo', 'Sam'] },
      rules: [
        { ...manager, filledBy: [], helpful: ['Leo', 'Mira'] },
        { ...security, filledBy: [], helpful: ['Sam'] },
      ],
    });
    assert.equal(kind, 'person');
    assert.equal(
      text,
      '0 of 2 approvals are there; Leo or Mira can give the missing one as release manager and Sam can give the missing one as security.',
    );
  });

  test('somebody who lets another move over is named as well', () => {
    const { text } = sentenceOf({
      code: 'E_APPROVALS_MISSING',
      ...{ have: 1, need: 2, eligible: ['Mira', 'Sam'], enough: ['Mira'] },
      rules: [
        { ...manager, filledBy: ['Leo'], helpful: ['Mira'] },
        { ...security, filledBy: [], helpful: ['Sam'] },
      ],
    });
    assert.equal(
      text,
      '1 of 2 approvals are there; Sam can give the missing one as security; or Mira, as somebody who approved has two of the roles.',
    );
  });

  test('closed windows say when they open, and are a fix where they do not', () => {
    const closed = (opensAt: Date | null) =>
      sentenceOf({ code: 'E_WINDOW_CLOSED', target: 'prod-eu', denied: null, opensAt });
    assert.deepEqual(closed(new Date('2026-11-23T08:00:00Z')), {
      kind: 'time',
      text: 'Nothing is delivered to prod-eu now; this goes on by itself from 2026-11-23 08:00 UTC on.',
    });
    assert.equal(closed(null).kind, 'fix');
  });

  test('waiting for people names them', () => {
    assert.deepEqual(missing(1, 2, ['Leo', 'Mira']), {
      kind: 'person',
      text: '1 of 2 approvals are there; Leo or Mira can give the missing one as release manager.',
    });
  });

  test('waiting for people who do not exist is a fix', () => {
    assert.equal(missing(0, 2, ['Leo']).kind, 'fix');
    assert.match(missing(0, 2, ['Leo']).text, /only Leo is left/);
    assert.match(missing(0, 2, []).text, /nobody is left/);
  });

  test('what must be mended first is on top', () => {
    const verdict = evaluatePromotion({
      ...good,
      ledgerFault: 'no checkpoint',
      hookDigest: null,
      busy: { deliveryId: 'dlv_0', since },
      approvals: { ...good.approvals, have: 0 },
    });
    assert.equal(verdict.allowed, false);
    assert.equal(headline(verdict).kind, 'system');
    assert.deepEqual(
      sorted(verdict).map((sentence) => sentence.kind),
      ['system', 'fix', 'time', 'person'],
    );
  });

  for (const state of promotionStates) {
    test(`a promotion that is ${state} has a sentence`, () => {
      const promotion = {
        state,
        stateReason: 'said so',
        release: '2026.11.22-1',
        target: 'prod-eu',
        expiresAt: now,
      };
      const text = stateSentence(promotion, null);
      assert.match(text, /^[A-Z0-9].*\.$/s);
      assert.match(text, /2026\.11\.22-1/);
      assert.doesNotMatch(text, /block|undefined|null/i);
    });
  }
});

test('a promotion moves forward only', () => {
  const allowed = promotionStates.flatMap((from) =>
    promotionStates.filter((to) => mayBecome(from, to)).map((to) => `${from} → ${to}`),
  );
  assert.deepEqual(allowed, [
    'waiting → delivering',
    'waiting → expired',
    'waiting → superseded',
    'waiting → rejected',
    'delivering → live',
    'delivering → failed',
    'delivering → indeterminate',
  ]);
});

for (const kind of ['break-glass', 'override'] as const) {
  test(`${kind} answers the window and nothing beside it`, () => {
    const waiver = { kind, person: 'leo', justification: 'Checkout is down and nobody is awake.' };
    const windowClosed = { denied: null, opensAt: null };
    const against = (facts: Partial<PromotionFacts>): string[] => {
      const verdict = evaluatePromotion({ ...good, waiver, windowClosed, ...facts });
      return verdict.allowed ? [] : verdict.reasons.map(({ code }) => code);
    };
    assert.deepEqual(against({}), []);
    assert.deepEqual(against({ waiver: null }), ['E_WINDOW_CLOSED']);
    assert.deepEqual(against({ emergencyStop: now }), ['E_EMERGENCY_STOP']);
    assert.deepEqual(against({ bundle: { ok: false, code: 'E_SIGNATURE', detail: '' } }), [
      'E_BUNDLE_REFUSED',
    ]);
    assert.deepEqual(against({ rejectedBy: 'Mira' }), ['E_REJECTED']);
    assert.deepEqual(against({ approvals: { ...good.approvals, have: 1 } }), [
      'E_APPROVALS_MISSING',
    ]);
  });
}
