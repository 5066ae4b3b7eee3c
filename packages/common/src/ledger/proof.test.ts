/**
 * Proofs against the definitions of RFC 6962 in their plainest form: recursion over all leaves. The ways to alter a proof
 * are those that transparency-dev/merkle tries; the data is made here.
 */
import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { hash } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { appendLeaves } from './append.ts';
import { LedgerError } from './ledger-error.ts';
import {
  buildConsistencyProof,
  buildInclusionProof,
  verifyConsistency,
  verifyInclusion,
  type ConsistencyClaim,
  type InclusionClaim,
  type TileReader,
} from './proof.ts';
import { leafHash, nodeHash } from './tree.ts';

const limit = 130;
const emptyRoot = hash('sha256', '', 'buffer');

/** The largest power of two below `count`. */
const split = (count: number) => 2 ** Math.ceil(Math.log2(count) - 1);

/** RFC 6962's MTH, PATH and PROOF over leaves that are asked for by their index. */
function plainTree(rangeHash: (start: number, end: number) => Buffer) {
  const path = (index: number, start: number, end: number): Buffer[] => {
    if (end - start === 1) return [];
    const middle = start + split(end - start);
    return index < middle
      ? [...path(index, start, middle), rangeHash(middle, end)]
      : [...path(index, middle, end), rangeHash(start, middle)];
  };
  const subproof = (oldSize: number, start: number, end: number, whole: boolean): Buffer[] => {
    if (oldSize === end) return whole ? [] : [rangeHash(start, end)];
    const middle = start + split(end - start);
    return oldSize <= middle
      ? [...subproof(oldSize, start, middle, whole), rangeHash(middle, end)]
      : [...subproof(oldSize, middle, end, false), rangeHash(start, middle)];
  };
  return {
    root: (size: number) => (size === 0 ? emptyRoot : rangeHash(0, size)),
    inclusion: (index: number, size: number) => path(index, 0, size),
    consistency: (oldSize: number, size: number) => subproof(oldSize, 0, size, true),
  };
}

const leafAt = (index: number) => leafHash(Buffer.from(`entry ${index}`));
const leaves = Array.from({ length: limit }, (_, index) => leafAt(index));
const known = new Map<number, Buffer>();
function rangeOfLeaves(start: number, end: number): Buffer {
  if (end - start === 1) return leaves[start] ?? assert.fail();
  const key = start * 1000 + end;
  const middle = start + split(end - start);
  const found =
    known.get(key) ?? nodeHash(rangeOfLeaves(start, middle), rangeOfLeaves(middle, end));
  known.set(key, found);
  return found;
}
const tree = plainTree(rangeOfLeaves);
const tiles = new Map(
  appendLeaves([], 0, leaves).dirtyTiles.map(({ level, n, hashes }) => [`${level}/${n}`, hashes]),
);
/** Tiles of the largest tree: those of every smaller one are their beginnings. */
const read: TileReader = ({ level, n }) => Promise.resolve(tiles.get(`${level}/${n}`) ?? null);

/** assert.throws, but fast enough for a hundred thousand. */
function refuses(verify: () => void): boolean {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    verify();
    return false;
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error;
    return true;
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}
const refusesInclusion = (claim: InclusionClaim) =>
  refuses(() => {
    verifyInclusion(claim);
  });
const refusesConsistency = (claim: ConsistencyClaim) =>
  refuses(() => {
    verifyConsistency(claim);
  });

function assertSame(found: readonly Buffer[], expected: readonly Buffer[]): void {
  assert.equal(found.length, expected.length);
  assert.ok(Buffer.concat(found).equals(Buffer.concat(expected)));
}

const flip = (from: Uint8Array, bit: number) => {
  const altered = Buffer.from(from);
  const byte = Math.floor(bit / 8);
  altered[byte] = (altered[byte] ?? 0) ^ (1 << (bit % 8));
  return altered;
};
const stranger = hash('sha256', 'of no tree', 'buffer');

const isPalindrome = (proof: readonly Uint8Array[]) =>
  Buffer.concat(proof).equals(Buffer.concat(proof.toReversed()));

/** Every proof that is this one with a bit, a hash or an order changed. */
function alteredProofs(proof: readonly Buffer[], root: Uint8Array): Uint8Array[][] {
  const bit = (proof.length * 37) % 256;
  return [
    ...proof.map((one, place) => proof.with(place, flip(one, bit))),
    ...proof.map((_, place) => proof.toSpliced(place, 1)),
    ...proof.map((one, place) => proof.toSpliced(place, 0, one)),
    ...proof.map((one, place) => proof.with(place, one.subarray(0, 31))),
    ...[stranger, emptyRoot, root, Buffer.alloc(32), Buffer.alloc(0)].flatMap((one) => [
      [...proof, one],
      [one, ...proof],
    ]),
    // Equal siblings, as blank leaves are, read the same from both ends: that is no alteration.
    ...(isPalindrome(proof) ? [] : [proof.toReversed()]),
    ...(proof.length > 0 ? [[]] : []),
  ];
}

/** All of them are altered where three powers of two are passed, and around the next ones. */
const isAltered = (size: number) => size <= 17 || [31, 32, 33, 64, 65, 127, 129].includes(size);

/** Where the siblings of a leaf stand, from the leaf up: a proof says nothing else about the size. */
function turns(index: number, start: number, end: number): string {
  if (end - start === 1) return '';
  const middle = start + split(end - start);
  return index < middle ? `${turns(index, start, middle)}R` : `${turns(index, middle, end)}L`;
}

test(`inclusion, every entry of every tree up to ${limit}: built as RFC 6962 says, verified, refused when altered`, async () => {
  let altered = 0;
  for (let size = 1; size <= limit; size += 1) {
    for (let index = 0; index < size; index += 1) {
      const proof = await buildInclusionProof(read, index, size);
      assertSame(proof, tree.inclusion(index, size));
      const root = tree.root(size);
      const claim: InclusionClaim = { index, size, leafHash: leafAt(index), proof, root };
      verifyInclusion(claim);
      if (!isAltered(size)) continue;
      const changes: Partial<InclusionClaim>[] = [
        ...alteredProofs(proof, root).map((list) => ({ proof: list })),
        ...[flip(root, 0), flip(root, 255), stranger, emptyRoot].map((other) => ({ root: other })),
        ...[flip(claim.leafHash, 0), flip(claim.leafHash, 255), leafAt(limit), emptyRoot].map(
          (other) => ({ leafHash: other }),
        ),
        { leafHash: leafHash(Buffer.alloc(0)) },
        ...[index - 1, index + 1, index ^ 2, size, -1, 2 ** 53, 0.5].map((other) => ({
          index: other,
        })),
        ...[0, size * 2, Math.floor(size / 2), -size, 2 ** 53, Number.NaN].map((other) => ({
          size: other,
        })),
        ...(size > 1 ? [{ leafHash: root, proof: [] }] : []),
      ];
      for (const change of changes) {
        if (!refusesInclusion({ ...claim, ...change })) {
          assert.fail(`${index} in ${size}: ${JSON.stringify(change)}`);
        }
      }
      altered += changes.length;
      // Which size it is says the checkpoint. The proof leaves room for those with the same turns, and for no other.
      for (const other of [size - 1, size + 1, size ^ 4]) {
        const fits = index < other && turns(index, 0, other) === turns(index, 0, size);
        assert.equal(refusesInclusion({ ...claim, size: other }), !fits, `${index}: ${other}`);
      }
    }
  }
  assert.ok(altered > 30_000, String(altered));
});

test(`consistency, every pair of trees up to ${limit}: built as RFC 6962 says, verified, refused when altered`, async () => {
  let altered = 0;
  for (let size = 1; size <= limit; size += 1) {
    for (let oldSize = 1; oldSize <= size; oldSize += 1) {
      const proof = await buildConsistencyProof(read, oldSize, size);
      assertSame(proof, tree.consistency(oldSize, size));
      const [oldRoot, root] = [tree.root(oldSize), tree.root(size)];
      const claim: ConsistencyClaim = { oldSize, oldRoot, size, root, proof };
      verifyConsistency(claim);
      if (!isAltered(size)) continue;
      const others = [stranger, emptyRoot, Buffer.alloc(32), Buffer.alloc(0)];
      const changes: Partial<ConsistencyClaim>[] = [
        ...alteredProofs(proof, root).map((list) => ({ proof: list })),
        ...[...others, flip(root, 0), flip(root, 255)].map((other) => ({ root: other })),
        ...[...others, flip(oldRoot, 0), flip(oldRoot, 255)].map((other) => ({ oldRoot: other })),
        ...[0, -1, size + 1, size * 2, 2 ** 53, 1.5].map((other) => ({ oldSize: other })),
        ...[0, oldSize - 1, -size, size * 2, 2 ** 53].map((other) => ({ size: other })),
        // From nothing everything follows, so it is asked of nobody.
        { oldSize: 0, oldRoot: emptyRoot, proof: [] },
        { oldSize: 0, oldRoot: emptyRoot },
        ...(oldSize < size
          ? [
              { oldSize: oldSize - 1 },
              { oldSize: oldSize + 1 },
              { oldSize: oldSize ^ 2 },
              { oldSize: size },
              { size: oldSize },
              { oldRoot: root },
              { root: oldRoot },
              { oldRoot: root, root: oldRoot },
              { size: oldSize, root: oldRoot },
            ]
          : [{ oldSize: size - 1 }, { oldRoot: stranger, root: tree.root(size) }]),
      ];
      for (const change of changes) {
        if (!refusesConsistency({ ...claim, ...change })) {
          assert.fail(`${oldSize} to ${size}: ${JSON.stringify(change)}`);
        }
      }
      altered += changes.length;
    }
  }
  assert.ok(altered > 30_000, String(altered));
});

/**
 * A tree of any size of which a few leaves are marked and all others are the same, so that a subtree without a mark is
 * known by its size alone.
 */
function sparseTree(marks: readonly number[]) {
  const marked = (index: number) => leafHash(Buffer.from(`marked ${index}`));
  const blanks = new Map<number, Buffer>([[1, leafHash(Buffer.from('blank'))]]);
  const blank = (count: number): Buffer => {
    const middle = count === 1 ? 0 : split(count);
    const found = blanks.get(count) ?? nodeHash(blank(middle), blank(count - middle));
    blanks.set(count, found);
    return found;
  };
  const rangeHash = (start: number, end: number): Buffer => {
    if (!marks.some((mark) => mark >= start && mark < end)) return blank(end - start);
    if (end - start === 1) return marked(start);
    const middle = start + split(end - start);
    return nodeHash(rangeHash(start, middle), rangeHash(middle, end));
  };
  const tileReader: TileReader = ({ level, n, width }) => {
    const span = 256 ** level;
    const first = n * 256 * span;
    const hashes = Array.from({ length: width }, (_, place) =>
      rangeHash(first + place * span, first + (place + 1) * span),
    );
    return Promise.resolve(Buffer.concat(hashes));
  };
  return {
    ...plainTree(rangeHash),
    read: tileReader,
    leaf: (index: number) => rangeHash(index, index + 1),
  };
}

const million = 1_000_000;
const size = fc.oneof(
  fc.integer({ min: 1, max: million }),
  // At and around the ends of tiles of every level.
  fc
    .tuple(
      fc.constantFrom(256, 512, 65_536, 131_072, 256 * 1000, 983_040),
      fc.integer({ min: -2, max: 2 }),
    )
    .map(([end, off]) => end + off),
);

test('inclusion in trees of up to a million, read from tiles, is what RFC 6962 says and bears no change', async () => {
  await fc.assert(
    fc.asyncProperty(
      size,
      fc.nat(million),
      fc.array(fc.nat(million), { maxLength: 4 }),
      fc.nat(255),
      fc.nat(),
      async (count, at, marks, bit, pick) => {
        const index = at % count;
        const sparse = sparseTree([index, ...marks]);
        const proof = await buildInclusionProof(sparse.read, index, count);
        assertSame(proof, sparse.inclusion(index, count));
        const root = sparse.root(count);
        const claim = { index, size: count, leafHash: sparse.leaf(index), proof, root };
        verifyInclusion(claim);
        assert.ok(refusesInclusion({ ...claim, root: flip(root, bit) }));
        assert.ok(refusesInclusion({ ...claim, leafHash: flip(claim.leafHash, bit) }));
        assert.ok(refusesInclusion({ ...claim, index: index ^ 1 }));
        assert.ok(refusesInclusion({ ...claim, size: count * 2 }));
        const list = alteredProofs(proof, root);
        assert.ok(refusesInclusion({ ...claim, proof: list[pick % list.length] ?? [stranger] }));
      },
    ),
    { numRuns: 200, examples: [[3, 0, [], 0, 1760086558]] },
  );
});

test('consistency of trees of up to a million, read from tiles, is what RFC 6962 says and bears no change', async () => {
  await fc.assert(
    fc.asyncProperty(
      size,
      size,
      fc.array(fc.nat(million), { maxLength: 4 }),
      fc.nat(255),
      fc.nat(),
      async (one, other, marks, bit, pick) => {
        const [oldSize, count] = one < other ? [one, other] : [other, one];
        const sparse = sparseTree([oldSize - 1, ...marks]);
        const proof = await buildConsistencyProof(sparse.read, oldSize, count);
        assertSame(proof, sparse.consistency(oldSize, count));
        const [oldRoot, root] = [sparse.root(oldSize), sparse.root(count)];
        const claim = { oldSize, oldRoot, size: count, root, proof };
        verifyConsistency(claim);
        assert.ok(refusesConsistency({ ...claim, root: flip(root, bit) }));
        assert.ok(refusesConsistency({ ...claim, oldRoot: flip(oldRoot, bit) }));
        // A past that differs in one leaf that lies in both trees.
        const rewritten = sparseTree(marks.filter((mark) => mark !== oldSize - 1));
        assert.ok(refusesConsistency({ ...claim, oldRoot: rewritten.root(oldSize) }));
        const list = alteredProofs(proof, root);
        assert.ok(refusesConsistency({ ...claim, proof: list[pick % list.length] ?? [stranger] }));
      },
    ),
    { numRuns: 200 },
  );
});

test('no random claim verifies by chance', () => {
  const root = hash('sha256', 'root', 'buffer');
  fc.assert(
    fc.property(
      fc.nat(1000),
      fc.nat(1000),
      fc.array(fc.uint8Array({ minLength: 32, maxLength: 32 }), { maxLength: 12 }),
      (index, count, proof) => {
        assert.ok(refusesInclusion({ index, size: count, leafHash: leafAt(0), proof, root }));
      },
    ),
    { numRuns: 500 },
  );
});

test('what a proof needs is asked of the store at once, each tile one time', async () => {
  const count = 999_999;
  const sparse = sparseTree([4242]);
  for (const build of [
    (reader: TileReader) => buildInclusionProof(reader, 4242, count),
    (reader: TileReader) => buildConsistencyProof(reader, 300_001, count),
  ]) {
    const asked: string[] = [];
    let answered = 0;
    await build(async (ref) => {
      assert.equal(answered, 0, 'asked after an answer');
      asked.push(`${ref.level}/${ref.n}`);
      await Promise.resolve();
      answered += 1;
      return sparse.read(ref);
    });
    assert.equal(new Set(asked).size, asked.length);
    assert.ok(asked.length <= 6, asked.join(' '));
  }
});

test('a missing tile and one too short are named', async () => {
  await assert.rejects(
    buildInclusionProof(() => Promise.resolve(null), 1, 2),
    { code: 'tile-missing' },
  );
  await assert.rejects(
    buildInclusionProof(() => Promise.resolve(Buffer.alloc(32)), 0, 3),
    { code: 'tile-malformed' },
  );
  await assert.rejects(
    buildInclusionProof(() => Promise.resolve(null), 2, 2),
    { code: 'size-out-of-range' },
  );
});
