import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
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
import { allTiles, edgeTiles, tileWidthAt, type Tile } from './tile.ts';
import { emptyRoot, leafHash, nodeHash, rootOf } from './tree.ts';

const leafAt = (index: number) => leafHash(Buffer.from(`entry ${index}`));
const leavesUpTo = (size: number) => Array.from({ length: size }, (_, index) => leafAt(index));

/** A tile store as a database would hold it, filled by appends of the given batch sizes. */
function grow(batches: readonly number[]) {
  const store = new Map<string, Tile>();
  let size = 0;
  let root = emptyRoot();
  for (const batch of batches) {
    const edge = edgeTiles(size).map(({ level, n, width }) => {
      const tile = store.get(`${level}/${n}`);
      assert.equal(tile?.hashes.length, width * 32);
      return tile;
    });
    const leaves = Array.from({ length: batch }, (_, index) => leafAt(size + index));
    const appended = appendLeaves(edge, size, leaves);
    for (const tile of appended.dirtyTiles) {
      const before = store.get(`${tile.level}/${tile.n}`)?.hashes ?? Buffer.alloc(0);
      assert.ok(tile.hashes.subarray(0, before.length).equals(before), 'a tile only grows');
      store.set(`${tile.level}/${tile.n}`, tile);
    }
    ({ size, root } = appended);
    assert.deepEqual(
      appended.edge.map(({ level, n }) => ({ level, n })),
      edgeTiles(size).map(({ level, n }) => ({ level, n })),
    );
  }
  const read: TileReader = ({ level, n }) =>
    Promise.resolve(store.get(`${level}/${n}`)?.hashes ?? null);
  return { store, size, root, read };
}

// The tree of RFC 6962's reference implementation: its eight inputs and the roots after each.
const referenceInputs = [
  '',
  '00',
  '10',
  '2021',
  '3031',
  '40414243',
  '5051525354555657',
  '606162636465666768696a6b6c6d6e6f',
];
const referenceRoots = [
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
];

test('leaf, node and root hashes are those of RFC 6962', () => {
  assert.equal(
    emptyRoot().toString('hex'),
    'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  );
  const leaves = referenceInputs.map((hex) => leafHash(Buffer.from(hex, 'hex')));
  for (const [index, expected] of referenceRoots.entries()) {
    const first = leaves.slice(0, index + 1);
    assert.equal(Buffer.from(rootOf(first)).toString('hex'), expected);
    assert.equal(appendLeaves([], 0, first).root.toString('hex'), expected);
  }
});

test('however the leaves are batched, the tiles and the root are the same', () => {
  for (const size of [0, 1, 2, 255, 256, 257, 513]) {
    const whole = grow([size]);
    const single = grow(Array.from({ length: size }, () => 1));
    const expected = size === 0 ? emptyRoot() : Buffer.from(rootOf(leavesUpTo(size)));
    assert.ok(whole.root.equals(expected) && single.root.equals(expected), `size ${size}`);
    assert.deepEqual(new Map([...single.store].sort()), new Map([...whole.store].sort()));
    const stored = [...whole.store.values()].map(
      ({ level, n, hashes }) => `${level}/${n}:${hashes.length / 32}`,
    );
    const listed = [...allTiles(size)].map(({ level, n, width }) => `${level}/${n}:${width}`);
    assert.deepEqual(stored.sort(), listed.sort());
  }
});

test('an edge that is not the one of the size is refused', () => {
  const { store } = grow([300]);
  const tile = (key: string) => store.get(key) ?? assert.fail(key);
  const leaf = [leafAt(300)];
  for (const [edge, size] of [
    [[], 300],
    [[tile('0/1')], 300],
    [[tile('0/0'), tile('1/0')], 300],
    [[tile('0/1'), tile('1/0')], 299],
    [[tile('0/1'), tile('1/0')], 301],
    [[{ ...tile('0/1'), hashes: Buffer.alloc(31) }, tile('1/0')], 300],
  ] as const) {
    assert.throws(() => appendLeaves(edge, size, leaf), { code: 'tile-malformed' });
  }
  assert.throws(() => appendLeaves([], 0, [Buffer.alloc(31)]), { code: 'tile-malformed' });
  assert.throws(() => appendLeaves([], -1, []), { code: 'size-out-of-range' });
});

const limit = 70;
/** Spoiling is quadratic: every size past three powers of two, and those around the next ones. */
const isSpoiled = (size: number) => size <= 20 || [31, 32, 33, 63, 64, 65].includes(size);
const roots = [
  emptyRoot(),
  ...Array.from({ length: limit }, (_, index) => Buffer.from(rootOf(leavesUpTo(index + 1)))),
];
const rootAt = (size: number) => roots[size] ?? assert.fail(`no root ${size}`);

/** assert.throws, but fast enough for a hundred thousand. */
function refuses(verify: () => void): boolean {
  try {
    verify();
    return false;
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error;
    return true;
  }
}

const flip = (hash: Uint8Array) => {
  const altered = Buffer.from(hash);
  altered[0] = (altered[0] ?? 0) ^ 1;
  return altered;
};

/** Ways to spoil a list of hashes. */
function spoiledLists(proof: readonly Buffer[], root: Buffer): Buffer[][] {
  const list = [...proof];
  return [
    ...list.map((_, index) => list.map((hash, at) => (at === index ? flip(hash) : hash))),
    ...list.map((_, index) => list.filter((_hash, at) => at !== index)),
    [...list, Buffer.alloc(32)],
    [...list, root],
    [Buffer.alloc(32), ...list],
    [root, ...list],
    [...list, Buffer.alloc(0)],
    ...(list.length > 1 && !list[0]?.equals(list.at(-1) ?? Buffer.alloc(0))
      ? [[...list].reverse()]
      : []),
    list.map((hash) => hash.subarray(0, 31)),
  ].filter(
    (spoiled) =>
      Buffer.concat(spoiled).compare(Buffer.concat(list)) !== 0 || spoiled.length !== list.length,
  );
}

test(`every inclusion proof up to size ${limit} verifies, and no spoiled one of them does`, async () => {
  let spoiledCount = 0;
  for (let size = 1; size <= limit; size += 1) {
    const { read } = grow([size]);
    for (let index = 0; index < size; index += 1) {
      const proof = await buildInclusionProof(read, index, size);
      const claim: InclusionClaim = {
        index,
        size,
        leafHash: leafAt(index),
        proof,
        root: rootAt(size),
      };
      verifyInclusion(claim);
      if (!isSpoiled(size)) continue;
      const spoiled: Partial<InclusionClaim>[] = [
        ...spoiledLists(proof, rootAt(size)).map((list) => ({ proof: list })),
        { leafHash: flip(claim.leafHash) },
        { root: flip(claim.root) },
        { root: emptyRoot() },
        { index: index - 1 },
        { index: index + 1 },
        { index: index ^ 2 },
        { size: size * 2 },
        { size: Math.floor(size / 2) },
        { size: 0 },
        { index: 2 ** 53 },
        { index: 0.5 },
        { size: Number.NaN },
        ...(size > 1 ? [{ leafHash: nodeHash(leafAt(0), leafAt(1)) }, { proof: [] }] : []),
      ];
      for (const change of spoiled) {
        const isRefused = refuses(() => {
          verifyInclusion({ ...claim, ...change });
        });
        if (!isRefused) assert.fail(`${index} in ${size}: ${JSON.stringify(change)}`);
      }
      spoiledCount += spoiled.length;
    }
  }
  assert.ok(spoiledCount > 10_000);
});

test(`every consistency proof up to size ${limit} verifies, and no spoiled one of them does`, async () => {
  for (let size = 1; size <= limit; size += 1) {
    const { read } = grow([size]);
    for (let oldSize = 1; oldSize <= size; oldSize += 1) {
      const proof = await buildConsistencyProof(read, oldSize, size);
      const claim: ConsistencyClaim = {
        oldSize,
        oldRoot: rootAt(oldSize),
        size,
        root: rootAt(size),
        proof,
      };
      verifyConsistency(claim);
      if (!isSpoiled(size)) continue;
      const spoiled: Partial<ConsistencyClaim>[] = [
        ...spoiledLists(proof, rootAt(size)).map((list) => ({ proof: list })),
        { oldRoot: flip(claim.oldRoot) },
        { root: flip(claim.root) },
        { oldSize: 0 },
        { oldSize: 0, oldRoot: emptyRoot(), proof: [] },
        { oldSize: size + 1 },
        { oldSize: -1 },
        { size: size * 2 },
        ...(oldSize < size
          ? [
              { proof: [] },
              { oldRoot: claim.root, root: claim.oldRoot },
              { size: oldSize },
              { oldRoot: claim.root },
            ]
          : []),
      ];
      for (const change of spoiled) {
        const isRefused = refuses(() => {
          verifyConsistency({ ...claim, ...change });
        });
        if (!isRefused) assert.fail(`${oldSize} to ${size}: ${JSON.stringify(change)}`);
      }
    }
  }
});

test('a tree of three levels of tiles has the root of plain recursion, and its proofs verify', async () => {
  const size = 65_600;
  const { read, root } = grow([65_500, 99, 1]);
  const leaves = leavesUpTo(size);
  assert.ok(root.equals(Buffer.from(rootOf(leaves))));
  for (const index of [0, 4242, 65_535, 65_536, 65_599]) {
    const proof = await buildInclusionProof(read, index, size);
    verifyInclusion({ index, size, leafHash: leafAt(index), proof, root });
  }
  for (const oldSize of [1, 256, 257, 40_000, 65_536, size]) {
    const oldRoot = rootOf(leaves.slice(0, oldSize));
    const proof = await buildConsistencyProof(read, oldSize, size);
    verifyConsistency({ oldSize, oldRoot, size, root, proof });
  }
});

test('a tile that grew since still proves the smaller tree', async () => {
  const { read } = grow([300]);
  const proof = await buildInclusionProof(read, 7, 66);
  verifyInclusion({ index: 7, size: 66, leafHash: leafAt(7), proof, root: rootAt(66) });
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

test('widths of tiles follow from the size alone', () => {
  assert.deepEqual(edgeTiles(0), []);
  assert.deepEqual(edgeTiles(256), [{ level: 1, n: 0, width: 1 }]);
  assert.deepEqual(edgeTiles(70_000), [
    { level: 0, n: 273, width: 112 },
    { level: 1, n: 1, width: 17 },
    { level: 2, n: 0, width: 1 },
  ]);
  assert.equal(tileWidthAt(0, 273, 70_000), 112);
  assert.equal(tileWidthAt(0, 272, 70_000), 256);
  assert.equal(tileWidthAt(0, 274, 70_000), 0);
});

test('no random claim verifies by chance', () => {
  const root = createHash('sha256').update('root').digest();
  fc.assert(
    fc.property(
      fc.nat(1000),
      fc.nat(1000),
      fc.array(fc.uint8Array({ minLength: 32, maxLength: 32 }), { maxLength: 12 }),
      (index, size, proof) => {
        assert.throws(() => {
          verifyInclusion({ index, size, leafHash: leafAt(0), proof, root });
        });
      },
    ),
    { numRuns: 500 },
  );
});
