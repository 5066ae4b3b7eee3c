/** A bundle counts by the signatures of pinned keys over its very bytes. */
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { bundleOf } from '@airlock/cli/drills/forgery';
import { attackerOn, selfMadeKey, type Judgement } from '../support/attacker.ts';
import { gitIn } from '../support/git.ts';
import { runningPair } from '../support/pair.ts';
import { withoutDelivery } from '../support/production.ts';

type Envelopes = [provenance: string, tests: string, request: string];

/** Offers a good bundle of main's head after `tamper`. */
async function offered(
  tamper: (envelopes: Envelopes) => readonly string[],
  signer?: ReturnType<typeof selfMadeKey>,
): Promise<Judgement> {
  const pair = await runningPair();
  const attacker = await attackerOn(pair);
  const artifact = Buffer.from('an artifact');
  const envelopes = await attacker.envelopes({
    commit: await gitIn(pair, 'rev-parse', 'refs/heads/main'),
    artifact,
    ...(signer === undefined ? {} : { signer }),
  });
  return withoutDelivery(pair, () =>
    attacker.offer({ bundle: bundleOf(tamper(envelopes)), artifact }),
  );
}

interface Loose {
  payload: string;
  signatures: { keyid: string; sig: string }[];
}

/** The envelope after a change of its parts, without signing it again. */
function altered(line: string, change: (envelope: Loose) => void): string {
  // Made by signEnvelope a moment ago.
  const envelope = JSON.parse(line) as Loose;
  change(envelope);
  return JSON.stringify(envelope);
}

const editPayload =
  (from: string, to: string) =>
  (envelope: Loose): void => {
    const text = Buffer.from(envelope.payload, 'base64').toString('utf8');
    assert.ok(text.includes(from), `the statement says ${from}`);
    envelope.payload = Buffer.from(text.replace(from, to)).toString('base64');
  };

const refusals: [claim: string, code: string, judge: () => Promise<Judgement>][] = [
  [
    'provenance without a signature',
    'E_SIG_COUNT',
    () =>
      offered(([provenance, ...rest]) => [
        altered(provenance, (envelope) => {
          envelope.signatures = [];
        }),
        ...rest,
      ]),
  ],
  [
    'a promotion request without a signature',
    'E_SIG_COUNT',
    () =>
      offered(([provenance, tests, request]) => [
        provenance,
        tests,
        altered(request, (envelope) => {
          envelope.signatures = [];
        }),
      ]),
  ],
  [
    'provenance signed by a self-made key',
    'E_KEY_UNKNOWN',
    () => {
      const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      return offered((envelopes) => envelopes, selfMadeKey(privateKey, publicKey));
    },
  ],
  [
    'a self-made key under the name of a pinned one',
    'E_SIG_INVALID',
    async () => {
      const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const { keyid } = (await attackerOn(await runningPair())).stolen.main;
      return offered((envelopes) => envelopes, { keyid, privateKey });
    },
  ],
  [
    'provenance altered after it was signed',
    'E_SIG_INVALID',
    () =>
      offered(([provenance, ...rest]) => [
        altered(provenance, editPayload('.woodpecker.yaml', '.woodpecker.yamm')),
        ...rest,
      ]),
  ],
  [
    'a promotion request altered after it was signed',
    'E_SIG_INVALID',
    () =>
      offered(([provenance, tests, request]) => [
        provenance,
        tests,
        altered(request, editPayload('please hurry', 'please deliver')),
      ]),
  ],
  [
    'a test result altered after it was signed',
    'E_SIG_INVALID',
    () =>
      offered(([provenance, tests, request]) => [
        provenance,
        altered(tests, editPayload('PASSED', 'FAILED')),
        request,
      ]),
  ],
  ['a bundle without provenance', 'E_PROVENANCE_MISSING', () => offered(([, ...rest]) => rest)],
  [
    'a bundle without a promotion request',
    'E_REQUEST_MISSING',
    () => offered(([provenance, tests]) => [provenance, tests]),
  ],
  [
    'a bundle without a test result',
    'E_TESTS_MISSING',
    () => offered(([provenance, , request]) => [provenance, request]),
  ],
];

for (const [claim, code, judge] of refusals) {
  test(`${claim} is refused: ${code}`, async () => {
    const judgement = await judge();
    assert.equal(judgement.outcome, 'refused');
    assert.equal(judgement.code, code, judgement.detail ?? '');
  });
}
