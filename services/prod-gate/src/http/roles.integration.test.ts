/**
 * Role by verb: what the gate's server answers to a person who has that role alone. A verb that is open to a role may still end in
 * a refusal of another kind; the one of a missing role is what is asked for here.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Role } from '@airlock/common/policy/target-approvals';
import type { BrowserAnswer } from '@airlock/testkit/browser';
import { target } from './gate-web-world.fixture.ts';
import {
  gate,
  json,
  promotionId,
  routes,
  signedIn,
  useGateWeb,
  type Visitor,
} from './gate-web.fixture.ts';

useGateWeb();

/** Who in the roster has that role and no other. */
const people = {
  developer: 'devi',
  'release-manager': 'leo',
  security: 'sam',
  platform: 'oke',
  auditor: 'aud',
} as const satisfies Readonly<Record<Role, string>>;
const stopping = ['release-manager', 'security', 'platform'] as const;

type Verb = {
  /** Every door to it; one is tried, and the others lead to the same use case. */
  readonly routes: readonly string[];
  readonly open: readonly Role[];
  /** The code of what refuses somebody with such a role, where that is not their role; null where it is done. */
  readonly then: string | null;
  readonly act: (visitor: Visitor) => Promise<BrowserAnswer>;
};

const stop = (kind: string, matter: string | null): Verb => ({
  ...{ routes: ['place-stop', 'stop-form', 'quarantine-form'], open: stopping, then: null },
  act: (visitor) =>
    visitor.post('/api/v1/stops', { kind, matter, targets: [], reason: 'a test of roles' }),
});
const ofPromotion = (path: string): string => `/api/v1/promotions/${promotionId}/${path}`;

const verbs: Readonly<Record<string, Verb>> = {
  approve: {
    ...{ open: ['release-manager'], then: 'passkey-missing' },
    routes: [
      ...['begin-approval', 'approve-promotion', 'approve-with-security-key'],
      ...['show-statement-to-sign', 'approve-with-security-key-page'],
    ],
    act: (visitor) => visitor.post(ofPromotion('decisions/options'), {}),
  },
  reject: {
    ...{ routes: ['reject-promotion'], open: ['release-manager', 'security'], then: null },
    act: (visitor) =>
      visitor.submit(`/promotions/${promotionId}/reject`, { reason: 'no', version: '1' }),
  },
  start: {
    ...{
      routes: ['start-delivery', 'start-delivery-form'],
      open: ['release-manager'],
      then: 'promotion-changed',
    },
    act: (visitor) => visitor.post(ofPromotion('deliver'), { promotionDigest: '0'.repeat(64) }),
  },
  'ask for a return': {
    ...{ routes: ['ask-return', 'return-form'], open: stopping, then: 'return-refused' },
    act: (visitor) =>
      visitor.post(`/api/v1/targets/${target}/return`, { to: 'none', reason: 'no' }),
  },
  'enrol a passkey': {
    ...{ open: stopping, then: null },
    routes: [
      ...['begin-enrolment', 'begin-vouch', 'enrol-passkey', 'begin-security-key'],
      ...['enrol-security-key', 'begin-security-key-vouch', 'begin-security-key-page'],
      'enrol-security-key-page',
    ],
    act: (visitor) => visitor.post('/api/v1/me/passkeys/options', {}),
  },
  'withdraw a passkey': {
    ...{
      routes: ['withdraw-passkey', 'withdraw-passkey-form'],
      open: stopping,
      then: 'passkey-unknown',
    },
    act: (visitor) => visitor.post('/api/v1/passkeys/withdrawal', { credentialId: 'AAAA' }),
  },
  freeze: stop('freeze', null),
  'stop all': stop('stop-all', null),
  'revoke leases': stop('revoke-leases', null),
  quarantine: stop('quarantine', 'runner:r-7'),
  'distrust a signer': stop('distrust-signer', 'key:none'),
  'cut the pair': stop('cut-pair', null),
  'lift a stop': {
    ...{
      routes: ['begin-lift', 'lift-stop', 'lift-stop-with-security-key'],
      open: stopping,
      then: 'passkey-missing',
    },
    async act(visitor) {
      const placed = await verbs['freeze']?.act(await signedIn('oke'));
      assert.ok(placed);
      const { stops } = json(await visitor.get('/api/v1/stops')) as { stops: { id: string }[] };
      return visitor.post(`/api/v1/stops/${stops[0]?.id ?? ''}/lift/options`, {});
    },
  },
  'look at a delivery by break-glass': {
    ...{ routes: ['begin-review', 'sign-review'], open: stopping, then: 'review-over' },
    act: (visitor) => visitor.post('/api/v1/reviews/dlv_0000000001/options', {}),
  },
  'ask what rests on a matter': {
    ...{ routes: ['read-blast-radius'], open: Object.keys(people) as Role[], then: null },
    act: (visitor) => visitor.get('/api/v1/blast-radius?matter=runner%3Ar-7&since=30d'),
  },
};

for (const [name, verb] of Object.entries(verbs)) {
  for (const [role, person] of Object.entries(people) as [Role, string][]) {
    const isOpen = verb.open.includes(role);
    test(`${role}: ${name} is ${isOpen ? 'open' : 'refused for the role'}`, async () => {
      await gate.asOwner('truncate stop cascade');
      const answer = await verb.act(await signedIn(person));
      if (isOpen && verb.then === null) {
        assert.ok(answer.status < 400, answer.body);
        return;
      }
      assert.equal(refusalOf(answer), isOpen ? verb.then : 'role-missing', answer.body);
    });
  }
}

/** The code of a problem document; a page has the sentence alone. */
function refusalOf(answer: BrowserAnswer): unknown {
  if (!answer.body.startsWith('<')) return (json(answer)['codes'] as unknown[])[0];
  return answer.status === 403 && answer.body.includes('takes the role') ? 'role-missing' : null;
}

test('whatever changes something is one of these verbs, or is one’s own, or is whose the target file says', () => {
  const own = [
    ...['withdraw-approval', 'withdraw-approval-form', 'write-remark', 'write-remark-form'],
    ...['choose-notifications', 'sign-out-everywhere'],
  ];
  const ofTargetFile = ['break-glass', 'override'].flatMap((kind) =>
    ['ask-$', '$-form', 'withdraw-$', 'withdraw-$-form'].map((name) => name.replace('$', kind)),
  );
  const named = [...Object.values(verbs).flatMap((verb) => verb.routes), ...own, ...ofTargetFile];
  const changing = routes.filter(({ method }) => method !== 'get').map(({ name }) => name);
  assert.deepEqual(
    changing.filter((name) => !named.includes(name)),
    [],
  );
});
