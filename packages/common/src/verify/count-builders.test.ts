import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { test } from 'node:test';
import { intotoPayloadType } from '../constants.ts';
import { signEnvelope, type SigningKey } from '../dsse/sign.ts';
import {
  rebuildDifferenceStatement,
  type RebuildDifference,
} from '../intoto/rebuild-difference.ts';
import { provenanceStatement, type BuildFacts } from '../slsa/provenance.ts';
import { createBundleWorld } from '../testing/bundle-world.ts';
import { importTrust } from '../trust/signer.ts';
import {
  countBuilders,
  type BuilderCount,
  type BuilderQuestion,
  type RebuildAnswer,
} from './count-builders.ts';

const second = 'https://audit.example/rebuilder@v1';
const third = 'https://customer.example/rebuilder@v1';
const world = createBundleWorld();
const { build } = world;
// The main builder's rows of the kernel's world say nothing of administrators.
const rows = world.rows;
for (const row of rows) row.adminDomain = 'ci-team';
const rebuilder = (builderId: string, adminDomain: string, changes = {}): SigningKey =>
  world.enrol('ecdsa-p256-sha256', ['provenance'], [builderId], { adminDomain, ...changes });
const keys = {
  second: rebuilder(second, 'audit'),
  third: rebuilder(third, 'customer'),
  thirdAtAudit: rebuilder(third, 'audit'),
  secondAtCi: rebuilder(second, 'ci-team'),
  secondOwnedByNobody: world.enrol('ecdsa-p256-sha256', ['provenance'], [second]),
  revoked: rebuilder(second, 'audit', { revokedAt: '2026-11-22T11:59:59Z' }),
  expired: rebuilder(second, 'audit', { notAfter: '2026-11-22T11:00:00Z' }),
};
const otherBytes = '9'.repeat(64);

function answer(
  by: SigningKey,
  builderId: string,
  changes: Partial<BuildFacts> & Partial<Omit<RebuildAnswer, 'envelope'>> = {},
): RebuildAnswer {
  const { difference = null, isRecorded = true, receivedAt = world.now, ...built } = changes;
  const payload = provenanceStatement({
    ...build,
    builderId,
    invocationId: `${builderId}/1`,
    ...built,
  });
  const envelope = Buffer.from(signEnvelope(intotoPayloadType, payload, [by]));
  return { envelope, difference, isRecorded, receivedAt };
}

function count(answers: RebuildAnswer[], changes: Partial<BuilderQuestion> = {}): BuilderCount {
  return countBuilders({
    main: {
      builderId: build.builderId,
      keyIds: [world.keys.builder.keyid],
      artifactDigest: build.subject.sha256,
      commit: build.commit,
      pipelineBlob: build.pipelineBlob,
      planDigest: null,
    },
    answers,
    of: [second, third],
    policy: world.policy,
    trust: importTrust(rows),
    now: world.now,
    ...changes,
  });
}

const differs = { subject: { name: build.subject.name, sha256: otherBytes } };

test('without an answer the bytes rest on the main builder, and everybody asked is silent', () => {
  assert.deepEqual(count([]), {
    ...{ have: 1, agreeing: [], differing: [], discounted: [] },
    silent: [second, third],
  });
});

test('builders with keys and administrators of their own that made the same bytes count', () => {
  const { have, agreeing, silent } = count([
    answer(keys.second, second),
    answer(keys.third, third),
  ]);
  assert.equal(have, 3);
  assert.deepEqual(
    agreeing.map(({ builderId, adminDomain }) => [builderId, adminDomain]),
    [
      [second, 'audit'],
      [third, 'customer'],
    ],
  );
  assert.deepEqual(silent, []);
});

test('one builder counts once, however often it says so', () => {
  assert.equal(count([answer(keys.second, second), answer(keys.second, second)]).have, 2);
});

const uncounted: [what: string, code: string, answers: RebuildAnswer[]][] = [
  [
    'whose administrators are those of the main builder',
    'E_REBUILD_DOMAIN',
    [answer(keys.secondAtCi, second)],
  ],
  [
    'whose administrators nobody has stated',
    'E_REBUILD_DOMAIN',
    [answer(keys.secondOwnedByNobody, second)],
  ],
  [
    'that shares its administrators with another rebuilder',
    'E_REBUILD_DOMAIN',
    [answer(keys.second, second), answer(keys.thirdAtAudit, third)],
  ],
  [
    'that the target does not list',
    'E_REBUILD_BUILDER',
    [answer(keys.second, 'https://elsewhere.example/rebuilder@v1')],
  ],
  [
    'that calls itself the main builder',
    'E_REBUILD_BUILDER',
    [answer(world.keys.builder, build.builderId)],
  ],
  [
    'that signs with the key of another builder',
    'E_BUILDER_ID',
    [answer(world.keys.builder, second)],
  ],
  [
    'of another commit',
    'E_REBUILD_COMMIT',
    [answer(keys.second, second, { commit: '2'.repeat(40) })],
  ],
  [
    'by another pipeline file',
    'E_REBUILD_COMMIT',
    [answer(keys.second, second, { pipelineBlob: 'c'.repeat(40) })],
  ],
  [
    'by another plan',
    'E_REBUILD_PLAN',
    [
      answer(keys.second, second, {
        ran: { planDigest: '5'.repeat(64), runnerImage: '6'.repeat(64), planRederived: true },
      }),
    ],
  ],
  [
    'of another repository',
    'E_REPO',
    [answer(keys.second, second, { repository: 'https://git.example/org/fork' })],
  ],
  ['by a revoked key', 'E_KEY_REVOKED', [answer(keys.revoked, second)]],
  ['by a key that had expired when it came', 'E_KEY_EXPIRED', [answer(keys.expired, second)]],
  ['by a test key', 'E_KEY_ROLE', [answer(world.keys.tester, second)]],
  [
    'that the ledger does not have yet',
    'E_REBUILD_UNRECORDED',
    [answer(keys.second, second, { isRecorded: false })],
  ],
  [
    'that is no envelope',
    'E_JSON',
    [{ ...answer(keys.second, second), envelope: Buffer.from('{') }],
  ],
];

for (const [what, code, answers] of uncounted) {
  test(`an answer ${what} does not count: ${code}`, () => {
    const { have, discounted, differing } = count(answers);
    assert.equal(have, answers.length, 'all answers but the one in question count');
    assert.deepEqual(
      discounted.map((each) => each.code),
      [code],
    );
    assert.deepEqual(differing, []);
  });
}

test('two rows of one key cannot make one machine two builders', () => {
  const [row] = rows.filter(({ keyid }) => keyid === keys.second.keyid);
  assert.ok(row);
  const both = rows.map((each) => (each === row ? { ...row, builderIds: [second, third] } : each));
  const { have, discounted } = count([answer(keys.second, second), answer(keys.second, third)], {
    trust: importTrust(both),
  });
  assert.equal(have, 2);
  assert.equal(discounted[0]?.code, 'E_REBUILD_KEY');
});

test('without stated administrators of the main builder nobody is independent of it', () => {
  const unstated = rows.map((row) => {
    const { adminDomain, ...rest } = row;
    return row.keyid === world.keys.builder.keyid ? rest : { ...rest, adminDomain };
  });
  const { have, discounted } = count([answer(keys.second, second)], {
    trust: importTrust(JSON.parse(JSON.stringify(unstated)) as unknown[]),
  });
  assert.equal(have, 1);
  assert.equal(discounted[0]?.code, 'E_REBUILD_DOMAIN');
});

test('a builder that made other bytes differs, also one that could not have counted', () => {
  for (const key of [keys.second, keys.secondAtCi]) {
    const { have, differing } = count([answer(key, second, differs)]);
    assert.equal(have, 1);
    assert.deepEqual(differing, [
      { builderId: second, keyIds: [key.keyid], artifactDigest: otherBytes, difference: null },
    ]);
  }
});

test('a difference is not outvoted, by another builder or by the same one', () => {
  const three = [
    answer(keys.third, third),
    answer(keys.second, second, differs),
    answer(keys.second, second),
  ];
  for (const answers of [three, three.toReversed()]) {
    const { differing, have } = count(answers);
    assert.equal(have, 3);
    assert.deepEqual(
      differing.map(({ builderId }) => builderId),
      [second],
    );
  }
});

test('what differs is read if the same builder signed it about exactly these two artifacts', () => {
  const difference: RebuildDifference = {
    claimed: build.subject.sha256,
    ...{ kind: 'files', added: 0, removed: 0, changed: 1 },
    files: [
      {
        path: 'products.json',
        claimed: { type: 'file', size: 9, mode: 0o644, sha256: 'a'.repeat(64) },
        rebuilt: { type: 'file', size: 8, mode: 0o644, sha256: 'b'.repeat(64) },
      },
    ],
  };
  const signed = (subject: string, claimed: string) =>
    Buffer.from(
      signEnvelope(
        intotoPayloadType,
        rebuildDifferenceStatement(
          { name: build.subject.name, sha256: subject },
          { ...difference, claimed },
        ),
        [keys.second],
      ),
    );
  const found = (envelope: Buffer) =>
    count([answer(keys.second, second, { ...differs, difference: envelope })]).differing[0]
      ?.difference;
  assert.deepEqual(found(signed(otherBytes, build.subject.sha256)), difference);
  assert.equal(found(signed('8'.repeat(64), build.subject.sha256)), null);
  assert.equal(found(signed(otherBytes, '8'.repeat(64))), null);
  assert.equal(found(Buffer.from('nothing signed')), null);
});
