/** What is remembered of the ledger is what it would say again. */
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { appendLeaves } from '@airlock/common/ledger/append';
import { signCheckpoint } from '@airlock/common/ledger/checkpoint';
import { ledgerEntry, parseLedgerEntry } from '@airlock/common/ledger/entry';
import { parseVkey, vkeyOf } from '@airlock/common/ledger/note';
import { verifyTlogProof } from '@airlock/common/ledger/tlog-proof';
import { leafHash } from '@airlock/common/ledger/tree';
import * as fc from 'fast-check';
import { createLedgerProofs } from './prove-entry.ts';
import type { LedgerReader, LedgerRow } from './ledger-ports.ts';

const { privateKey } = generateKeyPairSync('ed25519');
const signer = { name: 'gate.example/ledger', privateKey };
const vkey = vkeyOf(signer.name, privateKey);

const subject = (of: number): string => String(of).repeat(64);
const admitted = (of: number, promotion: string): Buffer =>
  ledgerEntry({
    ...{ type: 'bundle.admitted', at: '2026-11-22T10:00:00.000Z', actor: 'intake' },
    ...{ subjectDigest: subject(of), refs: { promotion } },
  });

/** A ledger in memory, whose owner hides or changes what he likes; `asked` counts the questions for rows and tiles. */
function world() {
  const bodies: Buffer[] = [];
  const tiles = new Map<string, Buffer>();
  let note: string | null = null;
  let hidden = false;
  const asked = { rows: 0, tiles: 0 };
  const rowAt = (index: number): LedgerRow => {
    const body = bodies[index];
    assert.ok(body);
    return { index, body, leafHash: leafHash(body).toString('hex'), sequencedAt: new Date() };
  };
  const publish = (key = signer): void => {
    const { size, root, dirtyTiles } = appendLeaves([], 0, bodies.map(leafHash));
    for (const { level, n, hashes } of dirtyTiles) tiles.set(`${level} ${n}`, hashes);
    note = signCheckpoint(key, { size, root });
  };
  const ledger: LedgerReader = {
    checkpoint: () =>
      Promise.resolve(note === null ? null : { size: bodies.length, note, signedAt: new Date() }),
    witnessed: () => Promise.resolve(null),
    byLeafHash: () => Promise.resolve(null),
    bySubject(type, digest) {
      asked.rows += 1;
      return Promise.resolve(
        bodies.flatMap((body, index) => {
          const entry = parseLedgerEntry(body);
          return !hidden && entry.type === type && entry.subjectDigest === digest
            ? [rowAt(index)]
            : [];
        }),
      );
    },
    entries: (from, limit) =>
      Promise.resolve(bodies.slice(from, from + limit).map((_, at) => rowAt(from + at))),
    tile(level, n) {
      asked.tiles += 1;
      return Promise.resolve(tiles.get(`${level} ${n}`) ?? null);
    },
  };
  return {
    bodies,
    asked,
    publish,
    hide(): void {
      hidden = true;
    },
    proofs: createLedgerProofs({ ledger, vkey }),
  };
}

test('what was proven in the tree that is followed is not asked for again, also when somebody hides it', async () => {
  const one = world();
  one.bodies.push(admitted(1, 'prm_1'), admitted(2, 'prm_2'));
  one.publish();
  const found = await one.proofs.bySubject('bundle.admitted', subject(1));
  assert.equal(found?.index, 0);
  const { rows, tiles } = one.asked;
  assert.deepEqual([rows > 0, tiles > 0], [true, true]);
  one.hide();
  assert.equal((await one.proofs.bySubject('bundle.admitted', subject(1)))?.index, 0);
  assert.deepEqual(one.asked, { rows, tiles });
  assert.equal(await one.proofs.bySubject('bundle.admitted', subject(2)), null);
});

test('an entry without a signed checkpoint is nothing, and nothing is remembered of that', async () => {
  const one = world();
  one.bodies.push(admitted(1, 'prm_1'));
  assert.equal(await one.proofs.bySubject('bundle.admitted', subject(1)), null);
  one.publish();
  assert.equal((await one.proofs.bySubject('bundle.admitted', subject(1)))?.index, 0);
});

test('what is proven under a checkpoint that the process cannot follow is proven again each time', async () => {
  const one = world();
  one.bodies.push(admitted(1, 'prm_1'), admitted(2, 'prm_2'), admitted(3, 'prm_3'));
  one.publish();
  await one.proofs.facts();
  // The ledger's key signs another ledger of the same size: nothing of it continues what was followed.
  one.bodies.splice(0, 1, admitted(4, 'prm_4'));
  one.publish();
  await assert.rejects(one.proofs.facts());
  await one.proofs.bySubject('bundle.admitted', subject(4));
  const { rows } = one.asked;
  await one.proofs.bySubject('bundle.admitted', subject(4));
  assert.equal(one.asked.rows, rows + 1);
});

test('a receipt stands alone; of what no checkpoint reaches, and of a row that is not what was hashed, there is none', async () => {
  const one = world();
  one.bodies.push(admitted(1, 'prm_1'), admitted(2, 'prm_2'), admitted(3, 'prm_3'));
  one.publish();
  const given = await one.proofs.receipt(1);
  assert.ok(given);
  const verified = verifyTlogProof(Buffer.from(given.receipt), given.row.body, parseVkey(vkey));
  assert.deepEqual([verified.index, verified.checkpoint.size, given.size], [1, 3, 3]);
  one.bodies.push(admitted(4, 'prm_4'));
  assert.equal(await one.proofs.receipt(3), null);
  assert.equal(await one.proofs.receipt(9), null);
  one.bodies[1] = admitted(2, 'prm_9');
  await assert.rejects(one.proofs.receipt(1), { code: 'inclusion-invalid' });
});

test('whatever is asked in whatever order while the ledger grows, the answer is that of a process that remembers nothing', async () => {
  const step = fc.oneof(
    fc.record({ add: fc.integer({ min: 1, max: 3 }), promotion: fc.integer({ min: 1, max: 3 }) }),
    fc.record({ of: fc.integer({ min: 1, max: 3 }), promotion: fc.integer({ min: 0, max: 3 }) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      const one = world();
      const bodies = new Set<string>();
      for (const each of steps) {
        if ('add' in each) {
          const body = admitted(each.add, `prm_${each.promotion}`);
          if (bodies.has(body.toString())) continue;
          bodies.add(body.toString());
          one.bodies.push(body);
          one.publish();
          continue;
        }
        const matches = (promotion: string | undefined): boolean =>
          each.promotion === 0 || promotion === `prm_${each.promotion}`;
        const expected = one.bodies.findIndex((body) => {
          const { subjectDigest, refs } = parseLedgerEntry(body);
          return subjectDigest === subject(each.of) && matches(refs['promotion']);
        });
        const found = await one.proofs.bySubject('bundle.admitted', subject(each.of), ({ refs }) =>
          matches(refs['promotion']),
        );
        assert.equal(found?.index ?? -1, expected);
      }
    }),
    { numRuns: 60 },
  );
});
