import { coSignatureStatement } from '@airlock/common/approval/co-signature';
import { liftMatter, placedStopDigest, reviewMatter } from '@airlock/common/approval/lift';
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CliError, exitCode } from './exit-codes.ts';
import { describeLift } from './lift-by-ssh.ts';
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
    () => describeLift(statement, shown),
    (error) =>
      error instanceof CliError &&
      error.exitCode === exitCode.failedCheck &&
      words.test(error.message),
  );
};

describe('what is signed to start again', () => {
  const statement = coSignatureStatement(liftMatter, said);

  test('is shown with the stop that its digest covers', () => {
    const lines = describeLift(statement, stop);
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

  test('is not signed for another stop, or when it is a statement of something else', () => {
    refused(statement, { ...stop, id: 'stp_0000000002' }, /not of stp_0000000002/);
    refused(coSignatureStatement(reviewMatter, said), stop, /not one that lifts a stop/);
  });

  test('says that the digest cannot be computed where only the ledger has the stop', () => {
    assert.match(
      describeLift(statement, { ...stop, reason: null }).at(-1) ?? '',
      /cannot be computed here without its reason$/,
    );
  });
});
