import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { appendLeaves } from './append.ts';
import { openCheckpoint, signCheckpoint } from './checkpoint.ts';
import {
  cosign,
  cosignaturesOf,
  openWitnessed,
  parseWitnessVkey,
  witnessVkeyOf,
} from './cosignature.ts';
import { openNote, parseVkey, vkeyOf } from './note.ts';
import { buildConsistencyProof } from './proof.ts';
import { leafHash } from './tree.ts';
import { formatAddCheckpoint, judgeCheckpoint, parseAddCheckpoint } from './witness.ts';

const origin = 'gate.example/ledger';
const logKey = generateKeyPairSync('ed25519').privateKey;
const signer = { name: origin, privateKey: logKey };
const log = parseVkey(vkeyOf(origin, logKey));

function witness(name: string) {
  const { privateKey } = generateKeyPairSync('ed25519');
  return { signer: { name, privateKey }, key: parseWitnessVkey(witnessVkeyOf(name, privateKey)) };
}
const nonprod = witness('nonprod.example/witness');
const other = witness('other.example/witness');
const at = new Date('2026-11-22T10:00:00Z');

/** A ledger of `size` entries; those from `forkAt` on are other ones. */
function ledger(size: number, forkAt = Infinity) {
  const leaves = Array.from({ length: size }, (_, index) =>
    leafHash(Buffer.from(`${index < forkAt ? 'entry' : 'other'} ${index}`)),
  );
  const tree = appendLeaves([], 0, leaves);
  const note = Buffer.from(signCheckpoint(signer, tree));
  return {
    tree,
    note,
    checkpoint: openCheckpoint(note, log),
    proof: (oldSize: number) =>
      oldSize === 0
        ? Promise.resolve([])
        : buildConsistencyProof(
            ({ level, n }) =>
              Promise.resolve(
                tree.dirtyTiles.find((tile) => tile.level === level && tile.n === n)?.hashes ??
                  null,
              ),
            oldSize,
            size,
          ),
  };
}

test('a cosignature has the form of the specification’s example', () => {
  // The example of tlog-cosignature, "Format": its witness line below its checkpoint. Its key is not given, so what can be
  // held against it is the form: name, key hash, 8 bytes of time, 64 of signature.
  const example =
    'example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n' +
    '— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n';
  const [, encoded = ''] = /w1 (\S+)\n$/.exec(example) ?? [];
  const bytes = Buffer.from(encoded, 'base64');
  assert.equal(bytes.length, 4 + 8 + 64);
  assert.equal(bytes.readBigUInt64BE(4), 1679315147n);
  const { note } = ledger(3);
  const line = cosign(nonprod.signer, note, new Date(1679315147_999));
  const ours = Buffer.from(line.split(' ')[2] ?? '', 'base64');
  assert.equal(ours.length, bytes.length);
  assert.equal(ours.readBigUInt64BE(4), 1679315147n);
  assert.equal(ours.subarray(0, 4).toString('hex'), nonprod.key.keyHash);
});

test('a witness’s line below a checkpoint names the witness and the time', () => {
  const { note } = ledger(3);
  const line = cosign(nonprod.signer, note, at);
  const cosigned = Buffer.concat([note, Buffer.from(line)]);
  assert.deepEqual(cosignaturesOf(cosigned, [nonprod.key, other.key]), [
    { witness: nonprod.key, at },
  ]);
  assert.deepEqual(cosignaturesOf(note, [nonprod.key]), []);
  assert.equal(openCheckpoint(cosigned, log).size, 3, 'the log’s own signature stands as before');
  assert.equal(openNote(cosigned, [log, nonprod.key]).signedBy.length, 2);
});

test('a cosignature with another time, over another text or by another key counts for nothing', () => {
  const { note } = ledger(3);
  const line = cosign(nonprod.signer, note, at);
  const bytes = Buffer.from(line.split(' ')[2] ?? '', 'base64');
  const below = (altered: Buffer, under = note) =>
    Buffer.concat([under, Buffer.from(`— ${nonprod.key.name} ${altered.toString('base64')}\n`)]);
  const flipped = (index: number) => {
    const altered = Buffer.from(bytes);
    altered[index] = (altered[index] ?? 0) ^ 1;
    return altered;
  };
  for (const bad of [
    below(flipped(11)),
    below(flipped(4)),
    below(flipped(40)),
    below(bytes.subarray(0, -1)),
    below(Buffer.concat([bytes, Buffer.of(0)])),
    below(bytes.subarray(0, 12)),
    below(bytes, ledger(4).note),
  ]) {
    assert.throws(() => cosignaturesOf(bad, [nonprod.key]), { code: 'note-signature-invalid' });
  }
  // Another key hash is a stranger's.
  assert.deepEqual(cosignaturesOf(below(flipped(0)), [nonprod.key]), []);
});

test('the key of a log is no witness, nor the other way round, though the bytes are the same', () => {
  const asLog = vkeyOf(nonprod.signer.name, nonprod.signer.privateKey);
  const asWitness = witnessVkeyOf(origin, logKey);
  assert.throws(() => parseWitnessVkey(asLog), { code: 'note-key-malformed', message: /log/ });
  assert.throws(() => parseVkey(asWitness), { code: 'note-key-malformed', message: /witness/ });
  const { note } = ledger(2);
  const line = cosign(nonprod.signer, note, at);
  // A cosignature by the log's name with the log's key hash would have to verify as a plain signature.
  assert.throws(() => openCheckpoint(Buffer.from(`x\n0\n\n\n${line}`), log), {
    code: 'note-unsigned',
  });
});

test('a quorum counts witnesses, not lines', () => {
  const { note } = ledger(5);
  const line = cosign(nonprod.signer, note, at);
  const twice = Buffer.concat([
    note,
    Buffer.from(line),
    Buffer.from(cosign(nonprod.signer, note, new Date(at.getTime() + 60_000))),
  ]);
  const policy = { log, witnesses: [nonprod.key, other.key], quorum: 2 };
  assert.throws(() => openWitnessed(twice, policy), {
    code: 'witness-quorum',
    message: /other\.example\/witness/,
  });
  const both = Buffer.concat([twice, Buffer.from(cosign(other.signer, note, at))]);
  assert.equal(openWitnessed(both, policy).cosignatures.length, 2);
  assert.equal(openWitnessed(note, { ...policy, quorum: 0 }).checkpoint.size, 5);
});

test('what a log sends a witness reads back as it was', async () => {
  const { note, proof } = ledger(300);
  const request = { oldSize: 70, proof: await proof(70), note };
  const body = formatAddCheckpoint(request);
  assert.ok(body.toString().startsWith('old 70\n'));
  assert.deepEqual(parseAddCheckpoint(body), request);
  const empty = { oldSize: 0, proof: [], note };
  assert.deepEqual(parseAddCheckpoint(formatAddCheckpoint(empty)), empty);
});

test('a malformed request is refused', () => {
  const { note } = ledger(2);
  const hash = Buffer.alloc(32).toString('base64');
  for (const text of [
    '',
    'old 1\n',
    `old 01\n\n${note.toString()}`,
    `old -1\n\n${note.toString()}`,
    `old 9007199254740992\n\n${note.toString()}`,
    `new 1\n\n${note.toString()}`,
    `old 1\r\n\n${note.toString()}`,
    `old 1\n${hash.slice(0, -1)}\n\n${note.toString()}`,
    `old 1\n${Buffer.alloc(31).toString('base64')}\n\n${note.toString()}`,
    `old 1\n${`${hash}\n`.repeat(64)}\n${note.toString()}`,
    `old 1\n\n${'x'.repeat(70_000)}`,
  ]) {
    assert.throws(() => parseAddCheckpoint(Buffer.from(text)), {
      code: 'witness-request-malformed',
    });
  }
  assert.equal(
    parseAddCheckpoint(Buffer.from(`old 1\n${`${hash}\n`.repeat(63)}\n${note.toString()}`)).proof
      .length,
    63,
  );
});

test('a witness cosigns what goes on from what it saw, and nothing else', async () => {
  const seen = ledger(70);
  const next = ledger(300);
  const forked = ledger(300, 40);
  const last = { size: 70, root: seen.tree.root };
  const judge = (
    oldSize: number,
    proof: readonly Buffer[],
    of = next,
    state: typeof last | null = last,
  ) => judgeCheckpoint({ oldSize, proof }, of.checkpoint, state).verdict;
  assert.equal(judge(70, await next.proof(70)), 'cosign');
  assert.equal(judge(70, [], seen), 'cosign', 'the same once more is no harm');
  assert.equal(judge(0, [], next, null), 'cosign', 'the first it sees');
  assert.equal(judge(0, [Buffer.alloc(32)], next, null), 'inconsistent');
  assert.equal(judge(301, [], next), 'malformed');
  assert.equal(judge(60, await next.proof(60)), 'conflict', 'it saw 70');
  assert.equal(judge(0, []), 'conflict', 'an old size of 0 does not make it forget');
  assert.equal(judge(70, await next.proof(70), next, null), 'conflict');
  assert.equal(judge(70, await forked.proof(70), forked), 'inconsistent', 'a rewritten past');
  assert.equal(judge(70, [], ledger(70, 69)), 'conflict', 'two roots for one size');
  assert.equal(judge(70, [], next), 'inconsistent');
  assert.deepEqual(judgeCheckpoint({ oldSize: 60, proof: [] }, next.checkpoint, last), {
    verdict: 'conflict',
    size: 70,
  });
});

test('no fork is cosigned, wherever it begins', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 60 }),
      fc.nat(40),
      fc.nat(100),
      async (old, more, cut) => {
        const forkAt = cut % old;
        const forked = ledger(old + more, forkAt);
        const last = { size: old, root: ledger(old).tree.root };
        const verdict = judgeCheckpoint(
          { oldSize: old, proof: await forked.proof(old) },
          forked.checkpoint,
          last,
        );
        assert.notEqual(verdict.verdict, 'cosign');
        const honest = ledger(old + more);
        assert.equal(
          judgeCheckpoint({ oldSize: old, proof: await honest.proof(old) }, honest.checkpoint, last)
            .verdict,
          'cosign',
        );
      },
    ),
    { numRuns: 40 },
  );
});
