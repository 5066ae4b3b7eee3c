import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { appendLeaves } from '@airlock/common/ledger/append';
import { signCheckpoint } from '@airlock/common/ledger/checkpoint';
import { cosign, witnessVkeyOf } from '@airlock/common/ledger/cosignature';
import { ledgerEntry } from '@airlock/common/ledger/entry';
import { parseVkey, vkeyOf } from '@airlock/common/ledger/note';
import { allTiles, entriesPath, entryBundle, tilePath } from '@airlock/common/ledger/tile';
import { verifyTlogProof } from '@airlock/common/ledger/tlog-proof';
import { leafHash } from '@airlock/common/ledger/tree';
import { Command } from 'commander';
import { CliError } from '../exit-codes.ts';
import { registerLedger } from './ledger.ts';

const origin = 'gate.example/ledger';
const { privateKey } = generateKeyPairSync('ed25519');
const vkey = vkeyOf(origin, privateKey);

let directory: string;
before(() => {
  directory = mkdtempSync(join(tmpdir(), 'airlock-cli-ledger-'));
  // What is kept without --remember goes here and not into the home of whoever runs the tests.
  process.env['XDG_STATE_HOME'] = join(directory, 'state');
});
after(() => {
  rmSync(directory, { recursive: true });
});

type Ended = { code: number; stdout: string; stderr: string };

/** The command as the command line runs it, with its end as a value. */
async function airlock(...args: string[]): Promise<Ended> {
  const before = process.exitCode;
  process.exitCode = 0;
  const lines: string[] = [];
  const program = new Command('airlock').exitOverride();
  registerLedger(program, (more) => {
    lines.push(...more);
  });
  const ended = (code: number, stderr: string): Ended => ({
    code,
    stdout: lines.map((line) => `${line}\n`).join(''),
    stderr,
  });
  try {
    await program.parseAsync(['ledger', ...args], { from: 'user' });
    return ended(process.exitCode, '');
  } catch (error) {
    if (error instanceof CliError) return ended(error.exitCode, error.message);
    throw error;
  } finally {
    process.exitCode = before;
  }
}

const entry = (index: number, word: string) =>
  ledgerEntry({
    type: 'git.head',
    at: '2026-11-22T12:00:00Z',
    actor: 'intake',
    subjectDigest: 'a'.repeat(64),
    refs: { index: String(index), word },
  });

/** An export of `size` entries; those from `forkAt` on are other ones, all signed by the log's own key. */
function exported(name: string, size: number, forkAt = Infinity) {
  const at = join(directory, name);
  const entries = Array.from({ length: size }, (_, index) =>
    entry(index, index < forkAt ? 'said' : 'rewritten'),
  );
  const tree = appendLeaves([], 0, entries.map(leafHash));
  const put = (path: string, bytes: Uint8Array | string) => {
    mkdirSync(dirname(join(at, path)), { recursive: true });
    writeFileSync(join(at, path), bytes);
  };
  for (const ref of allTiles(size)) {
    const tile = tree.dirtyTiles.find(({ level, n }) => level === ref.level && n === ref.n);
    put(tilePath(ref), tile?.hashes ?? assert.fail());
    if (ref.level > 0) continue;
    const bundle = entries.slice(ref.n * 256, ref.n * 256 + ref.width);
    put(entriesPath(ref.n, ref.width), entryBundle(bundle));
  }
  put('checkpoint', signCheckpoint({ name: origin, privateKey }, tree));
  return { at, put, entries };
}

describe('airlock ledger verify', () => {
  test('remembers what it saw, and catches a past that was rewritten under the log’s own key', async () => {
    const remember = ['--key', vkey, '--remember', join(directory, 'leo.json')];
    const first = await airlock('verify', exported('before', 300).at, ...remember);
    assert.deepEqual([first.code, first.stderr], [0, '']);
    assert.match(first.stdout, /^✓ gate\.example\/ledger: 300 entries/);
    const grown = await airlock('verify', exported('after', 700).at, ...remember);
    assert.equal(grown.code, 0);
    assert.match(grown.stdout, /goes on from the 300 entries that you saw/);

    const forked = exported('forked', 900, 650);
    const rewritten = await airlock('verify', forked.at, ...remember);
    assert.equal(rewritten.code, 5);
    assert.match(
      rewritten.stdout,
      /rewritten: you saw 700 entries with root [0-9a-f]{64}.*now has root/,
    );
    const kept = `${join(directory, 'leo.json')}.contradiction`;
    assert.equal(readFileSync(kept, 'utf8'), readFileSync(join(forked.at, 'checkpoint'), 'utf8'));
    const again = await airlock('verify', forked.at, ...remember);
    assert.equal(again.code, 5, 'what contradicts is not remembered');

    const shrunk = await airlock('verify', join(directory, 'before'), ...remember);
    assert.equal(shrunk.code, 5);
    assert.match(shrunk.stdout, /went back: you saw 700 entries.*now shows 300/);
  });

  test('D20: two people who were shown two ledgers find out by comparing what each remembers', async () => {
    const shown = { leo: exported('to-leo', 300), mira: exported('to-mira', 300, 299) };
    for (const person of ['leo', 'mira'] as const) {
      const memory = join(directory, `split-${person}.json`);
      const alone = await airlock('verify', shown[person].at, '--key', vkey, '--remember', memory);
      assert.equal(alone.code, 0, 'each ledger is whole by itself');
    }
    const memory = join(directory, 'split-leo.json');
    const compared = await airlock('verify', shown.mira.at, '--key', vkey, '--remember', memory);
    assert.equal(compared.code, 5);
    assert.match(compared.stdout, /rewritten: you saw 300 entries/);
  });

  test('keeps its memory in the state directory, a file for each log, and does not guess about a broken one', async () => {
    const { at } = exported('stateful', 3);
    assert.equal((await airlock('verify', at, '--key', vkey)).code, 0);
    const [, hash = ''] = vkey.split('+');
    const file = join(directory, 'state/airlock/ledgers', `gate.example_ledger-${hash}.json`);
    assert.ok(existsSync(file));
    writeFileSync(file, '{}');
    const broken = await airlock('verify', at, '--key', vkey);
    assert.equal(broken.code, 2);
    assert.match(broken.stderr, /it is your memory of its past, so look at it/);
    assert.equal(readFileSync(file, 'utf8'), '{}');
  });

  test('names what is wrong with a ledger (5) and with an argument (2)', async () => {
    const remember = ['--remember', join(directory, 'none.json')];
    const { at, put } = exported('spoiled', 5);
    put('tile/0/000.p/5', Buffer.alloc(5 * 32));
    const spoiled = await airlock('verify', at, '--key', vkey, ...remember);
    assert.deepEqual([spoiled.code, spoiled.stderr], [5, '']);
    assert.match(spoiled.stdout, /✗ tile-mismatch/);
    for (const args of [
      [at, '--key', 'a+b+c'],
      [at, '--key', join(directory, 'no-such-file')],
      [join(directory, 'nowhere'), '--key', vkey],
      [at, '--key', vkey, '--since', 'x'],
      [at, '--key', vkey, '--quorum', '1'],
      [at, '--key', vkey, '--witness', vkey],
    ]) {
      const wrong = await airlock('verify', ...args, ...remember);
      assert.deepEqual([wrong.code, wrong.stdout], [2, ''], args.join(' '));
      assert.notEqual(wrong.stderr, '');
    }
    assert.equal(existsSync(join(directory, 'none.json')), false);
  });

  test('says how far witnesses saw it, and refuses without the one that was named', async () => {
    const witness = {
      name: 'nonprod.example/w',
      privateKey: generateKeyPairSync('ed25519').privateKey,
    };
    const remember = ['--remember', join(directory, 'witnessed.json')];
    const { at, put } = exported('witnessed', 5);
    const named = ['--witness', witnessVkeyOf(witness.name, witness.privateKey)];
    const none = await airlock('verify', at, '--key', vkey, ...named, ...remember);
    assert.equal(none.code, 5);
    assert.match(none.stdout, /✗ witness-quorum/);
    const note = readFileSync(join(at, 'checkpoint'));
    const line = cosign(witness, note, new Date('2026-11-22T10:00:00Z'));
    put('checkpoint', Buffer.concat([note, Buffer.from(line)]));
    const seen = await airlock('verify', at, '--key', vkey, ...named, ...remember);
    assert.equal(seen.code, 0);
    assert.match(seen.stdout, /witnessed up to 5 by nonprod\.example\/w at 2026-11-22T10:00:00Z/);
  });
});

test('airlock ledger export copies every file, keeps full tiles, and notices a spoiled source', async () => {
  const source = exported('source', 600);
  const copy = join(directory, 'copy');
  const options = ['--source', source.at, '--key', vkey];
  const first = await airlock('export', copy, ...options);
  assert.deepEqual([first.code, first.stderr], [0, '']);
  assert.match(first.stdout, /600 entries in .*, 7 files written\n✓/);
  const second = await airlock('export', copy, ...options);
  assert.match(second.stdout, /3 files written/, 'the partial ones alone');
  const spoiled = join(directory, 'spoiled-source');
  cpSync(source.at, spoiled, { recursive: true });
  writeFileSync(join(spoiled, 'tile/entries/002.p/88'), entryBundle(source.entries.slice(0, 88)));
  const third = await airlock(
    'export',
    join(directory, 'copy-2'),
    '--source',
    spoiled,
    '--key',
    vkey,
  );
  assert.equal(third.code, 5);
  assert.match(third.stdout, /✗ tile-mismatch/);
});

test('airlock ledger prove gives a receipt that stands alone', async () => {
  const { at, entries } = exported('proven', 300);
  const given = await airlock('prove', '42', '--source', at, '--key', vkey);
  assert.equal(given.code, 0);
  const proof = Buffer.from(given.stdout);
  assert.equal(verifyTlogProof(proof, entries[42] ?? assert.fail(), parseVkey(vkey)).index, 42);
  assert.throws(() => verifyTlogProof(proof, entries[41] ?? assert.fail(), parseVkey(vkey)));
  const none = await airlock('prove', '300', '--source', at, '--key', vkey);
  assert.equal(none.code, 2);
  assert.match(none.stderr, /300 entries: 0 to 299/);
});
