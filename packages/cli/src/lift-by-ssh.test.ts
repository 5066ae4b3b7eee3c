import { coSignatureStatement } from '@airlock/common/approval/co-signature';
import { liftMatter, placedStopDigest, reviewMatter } from '@airlock/common/approval/lift';
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CliError, exitCode } from './exit-codes.ts';
import { describeLift, liftBySsh } from './lift-by-ssh.ts';
import { createSoftwareSecurityKey } from './software-security-key.ts';
import type { WebSession } from './web-session.ts';
import type { PlacedStop } from './stop-requests.ts';

const stop: PlacedStop = {
  ...{ id: 'stp_0000000001', kind: 'freeze', targets: ['prod-eu'], matter: null, since: null },
  ...{ until: null, except: [], reason: 'checkout is down', person: 'leo' },
  ...{ placedAt: '2026-11-22T10:00:00.000Z', effect: 'New ones wait.' },
};
const said = {
  ...{ digest: placedStopDigest(stop), id: stop.id, person: 'mira', nonce: 'n' },
  notAfter: '2026-11-23T10:00:00Z',
};
const refused = (statement: Buffer, shown: PlacedStop, words: RegExp): void => {
  assert.throws(
    () => describeLift(statement, { asked: stop.id, stop: shown }),
    (error) =>
      error instanceof CliError &&
      error.exitCode === exitCode.failedCheck &&
      words.test(error.message),
  );
};

const statement = coSignatureStatement(liftMatter, said);

describe('what is signed to start again', () => {
  test('is shown with the stop that its digest covers', () => {
    const lines = describeLift(statement, { asked: stop.id, stop });
    assert.ok(lines.includes('  “checkout is down”'));
    assert.ok(lines.includes('  you           mira, who says that it is lifted'));
    assert.equal(lines.at(-1), `  digest        sha256:${said.digest}`);
  });

  test('is not signed when the stop that is shown is not the one that the digest covers, in any member', () => {
    const others: readonly Partial<PlacedStop>[] = [
      { kind: 'stop-all' },
      { targets: [] },
      { matter: 'commit:c1' },
      { since: stop.placedAt },
      { until: stop.placedAt },
      { except: ['prm_0000000000'] },
      { reason: 'a test' },
      { person: 'mira' },
      { placedAt: '2026-11-22T10:00:00.001Z' },
    ];
    for (const other of others) refused(statement, { ...stop, ...other }, /Sign nothing/);
  });

  test('is not signed for another stop than the one that was asked for, in statement or page', () => {
    refused(
      statement,
      { ...stop, id: 'stp_0000000002' },
      /shown is stp_0000000002, not stp_0000000001/,
    );
    const other = { ...stop, id: 'stp_0000000002' };
    const ofOther = coSignatureStatement(liftMatter, {
      ...{ ...said, id: other.id, digest: placedStopDigest(other) },
    });
    refused(ofOther, stop, /statement is of the stop stp_0000000002, not stp_0000000001/);
    refused(ofOther, other, /shown is stp_0000000002/);
    refused(coSignatureStatement(reviewMatter, said), stop, /not one that lifts a stop/);
  });

  test('is not signed where nothing that is shown could be what the digest covers', () => {
    refused(
      statement,
      { ...stop, reason: null },
      /the row of stp_0000000001 is gone.*nothing is signed/,
    );
  });

  test('is shown without what would move a terminal', () => {
    const hostile = 'a\u001b[2Jb\u202ec';
    const shown = {
      ...{ ...stop, kind: hostile, targets: [hostile], matter: hostile, since: hostile },
      ...{ until: hostile, except: [hostile], reason: hostile, person: hostile, effect: hostile },
    };
    const lines = describeLift(
      coSignatureStatement(liftMatter, { ...said, digest: placedStopDigest(shown) }),
      { asked: stop.id, stop: shown },
    );
    assert.doesNotMatch(lines.join(''), /[\p{Cc}\p{Cf}]/u);
    assert.equal(lines.join('').split('\\u{1b}').length, 9);
  });
});

describe('a gate whose pages lie', () => {
  /** Shows one stop, has another statement signed, and keeps what it gets. */
  async function lieTo(shown: PlacedStop, signed: Buffer) {
    const got: unknown[] = [];
    const read: string[] = [];
    const session: WebSession = {
      ...{ origin: 'https://gate.example', person: 'mira' },
      getJson: () => Promise.resolve({ stop: shown, incident: null }),
      postJson(path, body) {
        if (path.endsWith('/options')) {
          return Promise.resolve({ nonce: 'n', statement: signed.toString() });
        }
        got.push(body);
        return Promise.resolve({ have: 1, need: 2 });
      },
      putJson: () => Promise.reject(new Error('not asked')),
      getBytes: () => Promise.reject(new Error('not asked')),
      openStream: () => Promise.reject(new Error('not asked')),
    };
    const key = createSoftwareSecurityKey();
    const signatures: string[] = [];
    const signer = {
      publicKey: key.publicKey,
      sign(namespace: string, message: Uint8Array) {
        const signature = key.sign({ namespace, message });
        signatures.push(signature);
        return signature;
      },
    };
    const lifting = liftBySsh(session, {
      ...{ stopId: stop.id, signer, show: (lines: readonly string[]) => read.push(...lines) },
    });
    return { outcome: await lifting.catch((error: unknown) => error), got, read, signatures };
  }

  test('gets a signature for what was asked for, shown without what it says of its effect', async () => {
    const { outcome, got, read, signatures } = await lieTo(stop, statement);
    assert.deepEqual(outcome, { have: 1, need: 2 });
    assert.deepEqual(got, [{ nonce: 'n', signature: signatures[0] }]);
    assert.ok(read.includes('  “checkout is down”'));
    assert.ok(!read.join('').includes(stop.effect));
  });

  test('gets none for another stop, another digest, one without its reason, or another matter', async () => {
    const other = { ...stop, id: 'stp_0000000002', kind: 'stop-all' };
    const ofOther = coSignatureStatement(liftMatter, {
      ...{ ...said, id: other.id, digest: placedStopDigest(other) },
    });
    const overOther = coSignatureStatement(liftMatter, {
      ...{ ...said, digest: placedStopDigest({ ...other, id: stop.id }) },
    });
    for (const [shown, signed] of [
      [other, ofOther],
      [stop, ofOther],
      [stop, overOther],
      [{ ...stop, reason: null }, overOther],
      [{ ...stop, reason: null }, statement],
      [stop, coSignatureStatement(reviewMatter, said)],
      [stop, Buffer.from('{}')],
    ] as const) {
      const { outcome, got, read, signatures } = await lieTo(shown, signed);
      assert.ok(outcome instanceof CliError && outcome.exitCode === exitCode.failedCheck);
      assert.deepEqual({ got, read, signatures }, { got: [], read: [], signatures: [] });
    }
  });
});
