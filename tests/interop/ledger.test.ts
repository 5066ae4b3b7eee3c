/**
 * Others read what we write: golang.org/x/mod's note and tlog, none of our code, over an exported ledger. An extra where
 * Go is at hand; where it is not, or its module cannot be had, the test says that it was not run.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test, type TestContext } from 'node:test';
import { exportLedger, proveEntry } from '@airlock/cli/ledger-files';
import { appendLeaves } from '@airlock/common/ledger/append';
import { signCheckpoint } from '@airlock/common/ledger/checkpoint';
import { cosign } from '@airlock/common/ledger/cosignature';
import { ledgerEntry } from '@airlock/common/ledger/entry';
import { vkeyOf } from '@airlock/common/ledger/note';
import {
  entriesPath,
  entryBundle,
  parseLedgerPath,
  tileWidthAt,
} from '@airlock/common/ledger/tile';
import { leafHash } from '@airlock/common/ledger/tree';

const size = 70_123;
const oldSize = 60_000;
const index = 4242;
const origin = 'gate.example/ledger';
const { privateKey } = generateKeyPairSync('ed25519');
const vkey = vkeyOf(origin, privateKey);
const witness = {
  name: 'nonprod.example/w',
  privateKey: generateKeyPairSync('ed25519').privateKey,
};

let directory: string;
before(() => {
  directory = mkdtempSync(join(tmpdir(), 'airlock-interop-'));
});
after(() => {
  rmSync(directory, { recursive: true });
});

/** The program; null, with the reason told, where it cannot be built. */
function goProgram(context: TestContext): string | null {
  const program = join(directory, 'audit');
  const built = spawnSync('go', ['build', '-o', program, '.'], {
    cwd: join(import.meta.dirname, 'go'),
    encoding: 'utf8',
    env: { ...process.env, GOFLAGS: '-mod=readonly' },
  });
  if (built.error === undefined && built.status === 0) return program;
  const why = built.error === undefined ? built.stderr.trim().slice(0, 300) : 'there is no go';
  const message = `NOT RUN: the ledger was not read by golang.org/x/mod (${why})`;
  // In CI a line that nobody can overlook; nothing is red, since Go is no part of the product.
  if (process.env['CI'] !== undefined) process.stderr.write(`::warning::${message}\n`);
  context.skip(message);
  return null;
}

const entries = Array.from({ length: size }, (_, at) =>
  ledgerEntry({
    type: 'git.head',
    at: '2026-11-22T12:00:00Z',
    actor: 'intake',
    subjectDigest: 'a'.repeat(64),
    refs: { index: String(at) },
  }),
);

test('Go’s sumdb/note and sumdb/tlog agree with every entry, an older size and a receipt', async (context) => {
  const program = goProgram(context);
  if (program === null) return;
  const leaves = entries.map(leafHash);
  const tree = appendLeaves([], 0, leaves);
  const note = Buffer.from(signCheckpoint({ name: origin, privateKey }, tree));
  const checkpoint = Buffer.concat([note, Buffer.from(cosign(witness, note, new Date()))]);
  const read = (path: string): Promise<Buffer | null> => {
    if (path === 'checkpoint') return Promise.resolve(checkpoint);
    const asked = parseLedgerPath(path);
    if (asked?.kind === 'entries') {
      const from = asked.n * 256;
      return Promise.resolve(entryBundle(entries.slice(from, from + asked.width)));
    }
    if (asked?.kind !== 'tile') return Promise.resolve(null);
    assert.equal(asked.width, tileWidthAt(asked.level, asked.n, size));
    const tile = tree.dirtyTiles.find(({ level, n }) => level === asked.level && n === asked.n);
    return Promise.resolve(tile?.hashes ?? null);
  };
  const at = join(directory, 'export');
  await exportLedger({ read, directory: at, vkey });
  const receipt = join(directory, 'entry.tlog-proof');
  writeFileSync(receipt, await proveEntry({ read, vkey, index }));
  writeFileSync(`${receipt}.entry`, entries[index] ?? assert.fail());
  const oldRoot = appendLeaves([], 0, leaves.slice(0, oldSize)).root.toString('base64');
  const audit = () =>
    spawnSync(program, [at, vkey, String(oldSize), oldRoot, receipt], { encoding: 'utf8' });

  const good = audit();
  assert.deepEqual(good.stdout.trim().split('\n'), [
    `note ok: 1 verified, 1 unknown; size ${size}`,
    `full audit ok, entries ${size}`,
    `consistency ok ${oldSize} -> ${size}`,
    `inclusion ok idx ${index}`,
  ]);
  assert.equal(good.status, 0);

  writeFileSync(`${receipt}.entry`, entries[index + 1] ?? assert.fail());
  assert.match(audit().stdout, /FAIL receipt: invalid transparency proof/);
  const spoiled = entries.slice(4096, 4352).with(7, entries[0] ?? assert.fail());
  writeFileSync(join(at, entriesPath(16, 256)), entryBundle(spoiled));
  assert.match(audit().stdout, /FAIL entry 4103 is not the one in the tree/);
});
