import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { createHash, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { describe, test } from 'node:test';
import { appendLeaves } from './append.ts';
import { openCheckpoint, signCheckpoint } from './checkpoint.ts';
import { cosign, witnessVkeyOf } from './cosignature.ts';
import { ledgerEntry, parseLedgerEntry } from './entry.ts';
import { openNote, parseVkey, signNote, vkeyOf } from './note.ts';
import { buildInclusionProof } from './proof.ts';
import {
  allTiles,
  entriesPath,
  entryBundle,
  parseEntryBundle,
  parseLedgerPath,
  tilePath,
} from './tile.ts';
import { formatTlogProof, parseTlogProof, verifyTlogProof } from './tlog-proof.ts';
import { leafHash } from './tree.ts';
import { verifyLedger } from './verify-ledger.ts';

const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const name = 'gate.example/ledger';
const vkey = vkeyOf(name, publicKey);
const signer = { name, privateKey };

const entryAt = (index: number) =>
  ledgerEntry({
    type: 'approval.recorded',
    at: '2026-11-22T12:00:00Z',
    actor: 'leo',
    subjectDigest: 'a'.repeat(64),
    refs: { index: String(index) },
  });

/** The files of an export of `size` entries. */
function exported(size: number) {
  const entries = Array.from({ length: size }, (_, index) => entryAt(index));
  const tree = appendLeaves([], 0, entries.map(leafHash));
  const tiles = new Map(tree.dirtyTiles.map((tile) => [`${tile.level}/${tile.n}`, tile.hashes]));
  const files = new Map<string, Buffer>();
  for (const ref of allTiles(size)) {
    files.set(tilePath(ref), tiles.get(`${ref.level}/${ref.n}`) ?? assert.fail());
    if (ref.level > 0) continue;
    const start = ref.n * 256;
    files.set(entriesPath(ref.n, ref.width), entryBundle(entries.slice(start, start + ref.width)));
  }
  files.set('checkpoint', Buffer.from(signCheckpoint(signer, tree)));
  const read = (path: string) => Promise.resolve(files.get(path) ?? null);
  return { files, entries, tree, read, tiles };
}

async function codeOf(
  files: ReadonlyMap<string, Buffer>,
  changes: { vkey?: string; since?: number } = {},
) {
  const result = await verifyLedger({
    read: (path) => Promise.resolve(files.get(path) ?? null),
    vkey,
    ...changes,
  });
  return result.ok ? 'OK' : result.code;
}

test('an export of any size verifies', async () => {
  for (const size of [0, 1, 255, 256, 257, 700]) {
    const { read, tree, files } = exported(size);
    assert.deepEqual(await verifyLedger({ read, vkey }), {
      ok: true,
      origin: name,
      size,
      root: tree.root.toString('hex'),
      entriesRead: size,
      roots: new Map(),
      checkpoint: files.get('checkpoint')?.toString(),
      witnessed: null,
    });
  }
});

test('since reads fewer entries, and the roots of any time are named', async () => {
  const { read } = exported(700);
  const sizes = [0, 1, 256, 300, 512, 700];
  for (const since of sizes) {
    const result = await verifyLedger({ read, vkey, since, rootsAt: [...sizes, 701] });
    assert.ok(result.ok);
    assert.deepEqual(
      result.roots,
      new Map(sizes.map((size) => [size, exported(size).tree.root.toString('hex')])),
    );
    assert.equal(result.entriesRead, 700 - Math.floor(since / 256) * 256);
  }
  assert.equal(await codeOf(exported(5).files, { since: 6 }), 'size-out-of-range');
});

describe('with witnesses asked for', () => {
  const witness = (label: string) => {
    const key = generateKeyPairSync('ed25519').privateKey;
    return { name: `${label}.example/witness`, privateKey: key };
  };
  const [nonprod, auditor] = [witness('nonprod'), witness('auditor')];
  const keyOf = (of: typeof nonprod) => witnessVkeyOf(of.name, of.privateKey);
  const at = new Date('2026-11-22T12:00:00Z');
  const cosigned = (note: Buffer, by: readonly (typeof nonprod)[]) =>
    Buffer.concat([note, ...by.map((signer) => Buffer.from(cosign(signer, note, at)))]);
  const noteOf = (files: ReadonlyMap<string, Buffer>) => files.get('checkpoint') ?? assert.fail();
  const verify = (
    files: ReadonlyMap<string, Buffer>,
    witnesses: { vkeys: string[]; quorum: number },
  ) => verifyLedger({ read: (path) => Promise.resolve(files.get(path) ?? null), vkey, witnesses });
  const both = { vkeys: [keyOf(nonprod), keyOf(auditor)], quorum: 2 };

  test('enough cosignatures on the checkpoint, or on an older one of the same ledger', async () => {
    const { files } = exported(300);
    const plain = noteOf(files);
    const now = new Map([...files, ['checkpoint', cosigned(plain, [nonprod, auditor])]]);
    const result = await verify(now, both);
    assert.ok(result.ok);
    assert.equal(result.witnessed?.size, 300);
    const older = cosigned(noteOf(exported(299).files), [nonprod, auditor]);
    const late = await verify(new Map([...files, ['checkpoint.witnessed', older]]), both);
    assert.ok(late.ok);
    assert.deepEqual(late.witnessed, {
      size: 299,
      by: [
        { witness: nonprod.name, at },
        { witness: auditor.name, at },
      ],
    });
  });

  test('a ledger that its witness saw otherwise is found, although every signature is good', async () => {
    const { files } = exported(300);
    for (const seen of [
      { size: 299, root: Buffer.alloc(32, 1) },
      { size: 300, root: Buffer.alloc(32, 1) },
      { size: 301, root: Buffer.alloc(32, 1) },
    ]) {
      const older = cosigned(Buffer.from(signCheckpoint(signer, seen)), [nonprod]);
      const result = await verify(new Map([...files, ['checkpoint.witnessed', older]]), {
        vkeys: [keyOf(nonprod)],
        quorum: 1,
      });
      assert.equal(result.ok ? 'OK' : result.code, 'root-mismatch', String(seen.size));
    }
  });

  test('too few, none, a stranger’s and one witness under two names are not enough', async () => {
    const { files } = exported(3);
    const code = async (by: (typeof nonprod)[], witnesses: typeof both) => {
      const note = cosigned(noteOf(files), by);
      const result = await verify(new Map([...files, ['checkpoint', note]]), witnesses);
      return result.ok ? 'OK' : result.code;
    };
    assert.equal(await code([nonprod], both), 'witness-quorum');
    assert.equal(await code([], both), 'witness-quorum');
    assert.equal(await code([witness('x'), witness('y')], both), 'witness-quorum');
    const twin = { name: 'twin.example/witness', privateKey: nonprod.privateKey };
    assert.equal(
      await code([nonprod, twin], { vkeys: [keyOf(nonprod), keyOf(twin)], quorum: 2 }),
      'note-key-malformed',
    );
    assert.equal(await code([nonprod], { ...both, quorum: 1 }), 'OK');
  });
});

test('one flipped bit in any file is found', async () => {
  const { files } = exported(600);
  for (const [path, bytes] of files) {
    const altered = Buffer.from(bytes);
    const at = altered.length - 3;
    altered[at] = (altered[at] ?? 0) ^ 1;
    assert.notEqual(await codeOf(new Map([...files, [path, altered]])), 'OK', path);
  }
});

test('a missing file, an entry taken out and one put in are found', async () => {
  const { files, entries } = exported(300);
  for (const path of files.keys()) {
    const rest = new Map([...files].filter(([other]) => other !== path));
    assert.match(await codeOf(rest), /-missing$/, path);
  }
  const bundle = entriesPath(1, 44);
  const fewer = new Map([...files, [bundle, entryBundle(entries.slice(256, 299))]]);
  assert.equal(await codeOf(fewer), 'tile-malformed');
  const swapped = [...entries.slice(257, 300), entryAt(256)];
  assert.equal(await codeOf(new Map([...files, [bundle, entryBundle(swapped)]])), 'tile-mismatch');
});

test('a tree rewritten in whole is found by the checkpoint, a re-signed one by the key', async () => {
  const { files } = exported(300);
  const other = exported(299).files;
  const checkpoint = files.get('checkpoint') ?? assert.fail();
  assert.equal(await codeOf(new Map([...other, ['checkpoint', checkpoint]])), 'tile-missing');
  const stranger = generateKeyPairSync('ed25519');
  assert.equal(await codeOf(files, { vkey: vkeyOf(name, stranger.publicKey) }), 'note-unsigned');
  assert.equal(await codeOf(files, { vkey: 'no key' }), 'note-key-malformed');
});

test('a whole export of other entries is found by the root', async () => {
  const { files } = exported(300);
  const root = Buffer.alloc(32, 1);
  const forged = signCheckpoint(signer, { size: 300, root });
  assert.equal(
    await codeOf(new Map([...files, ['checkpoint', Buffer.from(forged)]])),
    'root-mismatch',
  );
});

test('a tile of another length is refused', async () => {
  const { files } = exported(300);
  for (const path of ['tile/0/000', 'tile/0/001.p/44', 'tile/1/000.p/1']) {
    const bytes = files.get(path) ?? assert.fail();
    for (const altered of [
      bytes.subarray(0, -32),
      bytes.subarray(0, -1),
      Buffer.concat([bytes, Buffer.of(0)]),
    ]) {
      assert.equal(await codeOf(new Map([...files, [path, altered]])), 'tile-malformed', path);
    }
  }
});

test('an error of the reader is not a verdict about the ledger', async () => {
  const read = () => Promise.reject(new RangeError('disk'));
  await assert.rejects(verifyLedger({ read, vkey }), RangeError);
});

test('a ledger that grew since its checkpoint was fetched still verifies', async () => {
  const before = exported(300);
  const after = exported(512);
  const files = new Map([
    ...after.files,
    ['checkpoint', before.files.get('checkpoint') ?? assert.fail()],
  ]);
  // Level 1 has one hash then and two now, and only its partial tiles exist; the old one is kept.
  files.set('tile/1/000.p/1', before.files.get('tile/1/000.p/1') ?? assert.fail());
  assert.equal(await codeOf(files), 'OK');
});

test('paths follow C2SP tlog-tiles and have one spelling', () => {
  assert.equal(tilePath({ level: 0, n: 1_234_067, width: 256 }), 'tile/0/x001/x234/067');
  assert.equal(tilePath({ level: 1, n: 0, width: 8 }), 'tile/1/000.p/8');
  assert.equal(entriesPath(999, 256), 'tile/entries/999');
  assert.equal(entriesPath(1000, 1), 'tile/entries/x001/000.p/1');
  for (const ref of [
    { level: 0, n: 0, width: 256 },
    { level: 2, n: 1_234_067, width: 7 },
    { level: 63, n: 1000, width: 255 },
  ]) {
    assert.deepEqual(parseLedgerPath(tilePath(ref)), { kind: 'tile', ...ref });
    const { n, width } = ref;
    assert.deepEqual(parseLedgerPath(entriesPath(n, width)), { kind: 'entries', n, width });
  }
  assert.deepEqual(parseLedgerPath('checkpoint'), { kind: 'checkpoint' });
  const none = [
    '',
    '/checkpoint',
    'tile/0/x000/067',
    'tile/0/67',
    'tile/0/067.p/0',
    'tile/0/067.p/256',
    'tile/0/067.p/08',
    'tile/64/000',
    'tile/00/000',
    'tile/0/../0/000',
    'tile/entries/000/',
    'tile/0/000\n',
  ];
  for (const path of none) assert.equal(parseLedgerPath(path), null, JSON.stringify(path));
});

test('an entry bundle that is cut is refused, whole ones come back', () => {
  const bundle = entryBundle([Buffer.from('a'), Buffer.alloc(0), Buffer.alloc(65_535, 1)]);
  assert.deepEqual(
    parseEntryBundle(bundle).map((entry) => entry.length),
    [1, 0, 65_535],
  );
  for (const bytes of [bundle.subarray(0, -1), bundle.subarray(0, 4), bundle.subarray(0, 1)]) {
    assert.throws(() => parseEntryBundle(bytes), { code: 'tile-malformed' });
  }
  assert.throws(() => parseEntryBundle(Buffer.alloc(2 * 257)), { code: 'tile-malformed' });
  assert.throws(() => entryBundle([Buffer.alloc(65_536)]), { code: 'entry-too-large' });
});

test('a note by the example of the signed-note specification of Go verifies', () => {
  const example = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW';
  const note =
    'If you think cryptography is the answer to your problem,\n' +
    "then you don't know what your problem is.\n" +
    '\n' +
    '— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n';
  const { text, signedBy } = openNote(Buffer.from(note), [parseVkey(example)]);
  assert.ok(text.endsWith('problem is.\n'));
  assert.equal(signedBy[0].name, 'PeterNeumann');
});

test('signatures by strangers are ignored, one by a known key that fails refuses the note', () => {
  const other = generateKeyPairSync('ed25519');
  const text = 'a\n\nb\n';
  const note = signNote(text, [{ name: 'other', privateKey: other.privateKey }, signer]);
  const known = parseVkey(vkey);
  assert.equal(openNote(Buffer.from(note), [known]).text, text);
  const both = openNote(Buffer.from(note), [known, parseVkey(vkeyOf('other', other.publicKey))]);
  assert.equal(both.signedBy.length, 2);
  const altered = Buffer.from(note.replace('b\n', 'c\n'));
  assert.throws(() => openNote(altered, [known]), { code: 'note-signature-invalid' });
  assert.throws(() => openNote(Buffer.from(note), []), { code: 'note-unsigned' });
  // The same key under another name, or another key under the same name, is a stranger.
  assert.throws(() => openNote(Buffer.from(note), [parseVkey(vkeyOf('gate', publicKey))]), {
    code: 'note-unsigned',
  });
  assert.throws(() => openNote(Buffer.from(note), [parseVkey(vkeyOf(name, other.publicKey))]), {
    code: 'note-unsigned',
  });
});

test('malformed notes are refused', () => {
  const good = signNote('text\n', [signer]);
  const line = good.slice('text\n\n'.length);
  const bad = [
    '',
    'text\n',
    `text\n${line}`,
    `text\n\n`,
    good.slice(0, -1),
    good.replace('— ', '- '),
    good.replace('— ', '—  '),
    good.replace(`— ${name} `, `— ${name}`),
    good.replace(name, 'a+b'),
    good.replace('text', 'te\tt'),
    good.replace('text', 'te\rt'),
    good.replace(/ [^ ]+\n$/, ' AAAA\n'),
    good.replace(/\n$/, '*\n'),
    `text\n\n${line.repeat(101)}`,
    `\uFEFF${good}`,
    signNote(`${'x'.repeat(65_536)}\n`, [signer]),
  ];
  for (const note of bad) {
    assert.throws(
      () => openNote(Buffer.from(note), [parseVkey(vkey)]),
      { code: 'note-malformed' },
      JSON.stringify(note),
    );
  }
  assert.equal(
    openNote(Buffer.from(`text\n\n${line.repeat(100)}`), [parseVkey(vkey)]).signedBy.length,
    1,
  );
  assert.throws(() => signNote('no line feed', [signer]), { code: 'note-malformed' });
});

/** A verifier key whose hash fits, whatever its bytes are. */
function vkeyWith(typed: Buffer): string {
  const hash = createHash('sha256').update(`${name}\n`).update(typed).digest('hex').slice(0, 8);
  return `${name}+${hash}+${typed.toString('base64')}`;
}

test('a verifier key vouches for its own name and bytes', () => {
  const [, hash = '', key = ''] = vkey.split('+');
  const bad = [
    '',
    name,
    `${name}+${hash}`,
    `other+${hash}+${key}`,
    `${name}+00000000+${key}`,
    `${name}+${hash.toUpperCase()}x+${key}`,
    `${name}+${hash}+${key.replace(/^A/, 'B')}`,
    `${name}+${hash}+${key}=`,
    `na me+${hash}+${key}`,
    vkeyWith(Buffer.of(2, ...Buffer.alloc(32, 9))),
    vkeyWith(Buffer.of(1, ...Buffer.alloc(33, 9))),
    vkeyWith(Buffer.of(1, 1, ...Buffer.alloc(31))),
  ];
  for (const text of bad)
    assert.throws(() => parseVkey(text), { code: 'note-key-malformed' }, text);
  assert.equal(vkeyOf(name, privateKey), vkey);
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  assert.throws(() => vkeyOf(name, ec.publicKey), { code: 'note-key-malformed' });
  assert.throws(() => vkeyOf('a b', publicKey), { code: 'note-key-malformed' });
  assert.equal(parseVkey(vkey).key.equals(createPublicKey(privateKey)), true);
});

test('a checkpoint is origin, size and root and nothing else', () => {
  const known = parseVkey(vkey);
  const root = Buffer.alloc(32, 7);
  const open = (text: string) => openCheckpoint(Buffer.from(signNote(text, [signer])), known);
  assert.deepEqual(openCheckpoint(Buffer.from(signCheckpoint(signer, { size: 5, root })), known), {
    origin: name,
    size: 5,
    root,
  });
  const base64 = root.toString('base64');
  for (const text of [
    `${name}\n05\n${base64}\n`,
    `${name}\n-5\n${base64}\n`,
    `${name}\n5.0\n${base64}\n`,
    `${name}\n9007199254740992\n${base64}\n`,
    `${name}\n5\n${base64.slice(0, -1)}\n`,
    `${name}\n5\n${Buffer.alloc(31).toString('base64')}\n`,
    `${name}\n5\n${base64}\nextension\n`,
    `${name}\n5\n`,
    `${name}\n`,
  ]) {
    assert.throws(() => open(text), { code: 'checkpoint-malformed' }, text);
  }
  assert.throws(() => open(`other\n5\n${base64}\n`), { code: 'checkpoint-origin' });
  assert.throws(() => signCheckpoint(signer, { size: 1, root: Buffer.alloc(31) }), {
    code: 'checkpoint-malformed',
  });
  assert.throws(() => signCheckpoint(signer, { size: 1.5, root }), { code: 'size-out-of-range' });
});

test('a receipt stands alone: entry, proof and checkpoint', async () => {
  const { files, tree, tiles, entries } = exported(300);
  const hashes = await buildInclusionProof(
    ({ level, n }) => Promise.resolve(tiles.get(`${level}/${n}`) ?? null),
    42,
    tree.size,
  );
  const checkpoint = files.get('checkpoint')?.toString() ?? assert.fail();
  const text = formatTlogProof({ index: 42, hashes, checkpoint });
  assert.ok(text.startsWith('c2sp.org/tlog-proof@v1\nindex 42\n'));
  assert.deepEqual(parseTlogProof(Buffer.from(text)), { index: 42, hashes, checkpoint });
  const known = parseVkey(vkey);
  const entry = entries[42] ?? assert.fail();
  assert.equal(verifyTlogProof(Buffer.from(text), entry, known).checkpoint.size, 300);
  const check = (proof: string, bytes = entry) => verifyTlogProof(Buffer.from(proof), bytes, known);
  assert.throws(() => check(text, entryAt(43)), { code: 'inclusion-invalid' });
  assert.throws(() => check(text.replace('index 42', 'index 43')), { code: 'inclusion-invalid' });
  assert.throws(() => check(text.replace('\n300\n', '\n301\n')), {
    code: 'note-signature-invalid',
  });
  for (const bad of [
    text.replace('@v1', '@v2'),
    text.replace('index 42', 'index 042'),
    text.replace('index 42', 'extra AAAA\nindex 42'),
    text.replace('index 42', 'index 42\nAAAA'),
    text.replace('index 42', `index 42${`\n${hashes[0]?.toString('base64') ?? ''}`.repeat(60)}`),
    text + 'x'.repeat(65_536),
    text.replace('index 42\n', ''),
    text.replaceAll('\n\n', '\n'),
    '',
  ]) {
    assert.throws(() => check(bad), { code: 'proof-malformed' }, bad);
  }
});

test('an entry is canonical, small, and carries digests and names only', () => {
  const entry = entryAt(1);
  assert.equal(
    entry.toString(),
    `{"v":1,"type":"approval.recorded","at":"2026-11-22T12:00:00Z","actor":"leo","subjectDigest":"${'a'.repeat(64)}","refs":{"index":"1"}}`,
  );
  assert.equal(parseLedgerEntry(entry).refs['index'], '1');
  const good = {
    type: 'git.head',
    at: '2026-11-22T12:00:00Z',
    actor: 'gate-intake',
    subjectDigest: 'a'.repeat(64),
    refs: {},
  } as const;
  assert.ok(ledgerEntry(good));
  for (const change of [
    { actor: '' },
    { actor: 'le\no' },
    { subjectDigest: 'A'.repeat(64) },
    { at: '2026-11-22' },
    { refs: { 'a b': 'x' } },
    { refs: { a: 'é' } },
    { refs: { a: 'x'.repeat(257) } },
  ]) {
    assert.throws(() => ledgerEntry({ ...good, ...change }), { code: 'entry-malformed' });
  }
  const many = Object.fromEntries(
    Array.from({ length: 300 }, (_, index) => [`r${index}`, 'x'.repeat(256)]),
  );
  assert.throws(() => ledgerEntry({ ...good, refs: many }), { code: 'entry-too-large' });
  assert.throws(() => parseLedgerEntry(Buffer.from('{"v":1}')), { code: 'entry-malformed' });
});
