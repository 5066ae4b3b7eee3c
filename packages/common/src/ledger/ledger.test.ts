import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { test } from 'node:test';
import { appendLeaves } from './append.ts';
import {
  buildConsistencyProof,
  buildInclusionProof,
  verifyConsistency,
  verifyInclusion,
  type TileReader,
} from './proof.ts';
import { allTiles, edgeTiles, tileWidthAt, type Tile } from './tile.ts';
import { emptyRoot, leafHash, rootOf } from './tree.ts';

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
