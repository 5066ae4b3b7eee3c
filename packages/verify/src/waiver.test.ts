import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { archiveOf, createEvidenceWorld, type EvidenceChanges } from './testing/evidence-world.ts';
import { linesOf } from './report.ts';
import { verifyEvidence } from './verify-evidence.ts';

const world = createEvidenceWorld();
/** One release manager, where the target file asks for two. */
const broken: EvidenceChanges = {
  approvers: [world.people.leo],
  waiver: {
    ...{ kind: 'break-glass', person: 'mira' },
    justification: 'Checkout is down and nobody else is awake.',
  },
};

async function linesWith(changes: EvidenceChanges): Promise<string[]> {
  const archive = archiveOf(await world.files(changes));
  const report = verifyEvidence({
    archive,
    pinned: world.pinned,
    // JSON is YAML; the gate's own parser is the command's to bring.
    readYaml: (schema, text) => schema.parse(JSON.parse(text)),
  });
  return linesOf(report);
}

const retold = (body: Buffer, from: string, to: string): Buffer =>
  Buffer.from(body.toString('utf8').replace(from, to));
const isUse = (body: Buffer): boolean => body.includes('break-glass.used');

describe('evidence of a delivery by break-glass is complete', () => {
  const others: readonly (readonly [claim: string, acts: readonly string[]])[] = [
    ['before anybody looked at it', []],
    ['once others looked at it', ['reviewed']],
    ['when nobody looked in time, and somebody did later', ['unreviewed', 'reviewed']],
  ];
  for (const [claim, acts] of others) {
    test(claim, async () => {
      const lines = await linesWith({
        ...broken,
        ledger: (entries) => [
          ...entries,
          ...acts.flatMap((act) =>
            entries.filter(isUse).map((body) => retold(body, 'glass.used', `glass.${act}`)),
          ),
        ],
      });
      assert.equal(lines.at(-1), 'VERDICT: complete and unaltered', lines.join('\n'));
    });
  }
});

/** The two of the rules and one more. */
const overridden: EvidenceChanges = {
  approvers: [world.people.leo, world.people.mira, world.people.person('nora')],
  waiver: {
    ...{ kind: 'override', person: 'mira' },
    justification: 'The certificate ends before Monday.',
  },
};

describe('evidence of a delivery outside its windows', () => {
  test('is complete with the approvals of the rules and of the override, and its record', async () => {
    const lines = await linesWith(overridden);
    assert.equal(lines.at(-1), 'VERDICT: complete and unaltered', lines.join('\n'));
  });

  test('is refused with the approvals of the rules alone', async () => {
    const two = [world.people.leo, world.people.mira];
    const lines = await linesWith({ ...overridden, approvers: two });
    assert.match(lines.find((line) => line.startsWith('✗')) ?? '', /approvals/, lines.join('\n'));
  });

  test('is refused where the ledger has it as break-glass', async () => {
    const lines = await linesWith({
      ...overridden,
      ledger: (entries) =>
        entries.map((body) => retold(body, '"override.used"', '"break-glass.used"')),
    });
    const why = /no proven ledger entry override\.used/;
    assert.match(lines.find((line) => line.startsWith('✗ story')) ?? '', why, lines.join('\n'));
  });
});

describe('the story of a delivery is refused for', () => {
  const refused: readonly (readonly [claim: string, changes: EvidenceChanges, why: RegExp])[] = [
    [
      'break-glass that the ledger does not have',
      { ...broken, ledger: (entries) => entries.filter((body) => !isUse(body)) },
      /no proven ledger entry break-glass\.used/,
    ],
    [
      'break-glass that the ledger has twice',
      {
        ...broken,
        ledger: (entries) => entries.flatMap((body) => (isUse(body) ? [body, body] : [body])),
      },
      /2 ledger entries break-glass\.used/,
    ],
    [
      'break-glass that the ledger has only after the login',
      {
        ...broken,
        ledger: (entries) => [...entries.filter((body) => !isUse(body)), ...entries.filter(isUse)],
      },
      /credential\.requested stands before break-glass\.used/,
    ],
    [
      'break-glass that somebody else asked for by the ledger',
      {
        ...broken,
        ledger: (entries) =>
          entries.map((body) => (isUse(body) ? retold(body, '"mira"', '"leo"') : body)),
      },
      /no proven ledger entry break-glass\.used/,
    ],
    [
      'break-glass in the ledger that no approver signed',
      {
        ledger: (entries) =>
          entries.flatMap((body) =>
            body.includes('credential.requested')
              ? [retold(body, 'credential.requested', 'break-glass.used'), body]
              : [body],
          ),
      },
      /the ledger has break-glass\.used, which the delivery statement leaves out/,
    ],
  ];
  for (const [claim, changes, why] of refused) {
    test(claim, async () => {
      const lines = await linesWith(changes);
      assert.match(lines.find((line) => line.startsWith('✗ story')) ?? '', why, lines.join('\n'));
    });
  }
});
