import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { appendLeaves } from '@airlock/common/ledger/append';
import { signCheckpoint } from '@airlock/common/ledger/checkpoint';
import { ledgerEntry, type LedgerEntry } from '@airlock/common/ledger/entry';
import { vkeyOf } from '@airlock/common/ledger/note';
import { entriesPath, entryBundle, tilePath } from '@airlock/common/ledger/tile';
import { leafHash } from '@airlock/common/ledger/tree';
import {
  around,
  logged,
  loginPath,
  readPath,
  recordedCrashed,
  recordedWhole,
  silence,
  target,
} from '@airlock/verify/testing/audit-world';
import { Command } from 'commander';
import { CliError } from '../exit-codes.ts';
import { registerAudit } from './audit.ts';

const directory = mkdtempSync(join(tmpdir(), 'airlock-cli-audit-'));
after(() => {
  rmSync(directory, { recursive: true });
});

const origin = 'gate.example/ledger';
const { privateKey } = generateKeyPairSync('ed25519');
const vkey = vkeyOf(origin, privateKey);

async function airlock(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const before = process.exitCode;
  process.exitCode = 0;
  const lines: string[] = [];
  const program = new Command('airlock').exitOverride();
  registerAudit(program, (more) => {
    lines.push(...more);
  });
  const ended = (code: number, err: string) => ({ code, out: lines.join('\n'), err });
  try {
    await program.parseAsync(['audit', 'vault', ...args], { from: 'user' });
    return ended(process.exitCode, '');
  } catch (error) {
    if (error instanceof CliError) return ended(error.exitCode, error.message);
    throw error;
  } finally {
    process.exitCode = before;
  }
}

/** An export of these entries, signed by the log's key. */
function exported(name: string, recorded: readonly Omit<LedgerEntry, 'v' | 'subjectDigest'>[]) {
  const at = join(directory, name);
  const entries = recorded.map((entry) => ledgerEntry({ subjectDigest: 'a'.repeat(64), ...entry }));
  const tree = appendLeaves([], 0, entries.map(leafHash));
  const put = (path: string, bytes: Uint8Array | string) => {
    mkdirSync(dirname(join(at, path)), { recursive: true });
    writeFileSync(join(at, path), bytes);
  };
  const width = entries.length;
  put(tilePath({ level: 0, n: 0, width }), tree.dirtyTiles[0]?.hashes ?? assert.fail());
  put(entriesPath(0, width), entryBundle(entries));
  put('checkpoint', signCheckpoint({ name: origin, privateKey }, tree));
  return { at, put, entries };
}

function file(name: string, content: readonly string[] | Buffer): string {
  const path = join(directory, name);
  writeFileSync(path, Buffer.isBuffer(content) ? content : `${content.join('\n')}\n`);
  return path;
}

const whole = exported('whole', recordedWhole());
const mounts = ['--mount', `${target}:${loginPath}`, '--mount', `${target}:${readPath}`];
const against = (ledger: string): string[] => ['--ledger', ledger, '--key', vkey, ...mounts];

describe('airlock audit vault', () => {
  test('says that nothing differs, and ends with 0', async () => {
    const { code, out, err } = await airlock(
      file('audit.log', around(logged('whole', 0))),
      ...against(whole.at),
    );
    assert.deepEqual([code, err], [0, '']);
    assert.match(out, /^24 lines read, 2026-11-22T11:50:00.011Z to 2026-11-22T12:10:00.011Z/);
    assert.match(out, /1 logins and 1 credentials .* 1 of the credentials stand in the ledger/);
    assert.match(out, /✓ Vault and the ledger name the same credentials$/);
  });

  test('names what the ledger does not have, and ends with 5', async () => {
    const log = file('rogue.log', around(logged('whole', 0), logged('root', 60)));
    const { code, out } = await airlock(log, ...against(whole.at));
    assert.equal(code, 5);
    assert.match(out, /✗ issued-unrecorded {2}2026-11-22T12:01:00.\d+Z {2}.*rogue\.log:25/);
    assert.match(out, /database\/creds\/shop-prod-eu from 127\.0\.0\.1, accessor hmac-sha256:/);
    assert.match(out, /2 to look into$/);
  });

  test('prints the same as JSON', async () => {
    const log = file('crashed.log', around(logged('crashed', 100)));
    const ledger = exported('crashed', recordedCrashed());
    const { code, out } = await airlock(log, ...against(ledger.at), '-o', 'json');
    assert.equal(code, 5);
    const { whole: isWhole, findings } = JSON.parse(out) as {
      whole: boolean;
      findings: { code: string; metadata: object }[];
    };
    assert.equal(isWhole, false);
    assert.equal(findings[0]?.code, 'issued-unrecorded');
    assert.deepEqual(findings[0].metadata, {
      artifact_digest: 'a'.repeat(64),
      delivery_id: 'dlv_0000000003',
      role: 'deliver',
    });
  });

  test('takes rotated and gzipped files in any order', async () => {
    const lines = around(logged('whole', 0));
    const older = gzipSync(`${lines.slice(0, 9).join('\n')}\n`);
    const { code, out } = await airlock(
      file('newer.log', lines.slice(9)),
      file('older.log.gz', older),
      ...against(whole.at),
    );
    assert.equal(code, 0, out);
    assert.match(out, /^24 lines read/);
  });

  test('a gzipped file that breaks off, a line that is too long and one that is no text are findings', async () => {
    const lines = around(logged('whole', 0));
    const gz = gzipSync(`${lines.join('\n')}\n`);
    const broken = await airlock(file('broken.gz', gz.subarray(0, -9)), ...against(whole.at));
    assert.equal(broken.code, 5);
    assert.match(broken.out, /line-unreadable .*broken\.gz:\d+\n.*cannot be read from here on/);
    const long = file('long.log', [...lines.slice(0, -1), 'x'.repeat(5_000_000), silence(600)]);
    assert.match((await airlock(long, ...against(whole.at))).out, /long\.log:24\n.*is longer than/);
    const bytes = Buffer.concat([Buffer.from(`${lines.join('\n')}\n`), Buffer.from([0xff, 10])]);
    assert.match(
      (await airlock(file('bytes.log', bytes), ...against(whole.at))).out,
      /bytes\.log:25\n.*is not UTF-8/,
    );
  });

  test('moves no cursor with what a stranger sent', async () => {
    const log = around(
      logged('whole', 0, (line) => line.replaceAll('dlv_0000000001', String.raw`dlv\u001b[2J`)),
    );
    const { out } = await airlock(file('escape.log', log), ...against(whole.at));
    assert.ok(!out.includes('\u001b'));
    assert.match(out, /dlv\\u\{1b\}\[2J/);
  });

  test('compares nothing with a ledger that is not whole', async () => {
    const forged = exported('forged', recordedWhole());
    const log = file('audit.log', around(logged('whole', 0)));
    const bundle = entryBundle(forged.entries);
    bundle[bundle.length - 3] = (bundle[bundle.length - 3] ?? 0) ^ 1;
    forged.put(entriesPath(0, forged.entries.length), bundle);
    const { code, out, err } = await airlock(log, ...against(forged.at));
    assert.equal(code, 5);
    assert.equal(out, '');
    assert.match(err, /is not whole, so nothing is compared with it: (tile|root)-mismatch/);
  });

  test('says how to mend wrong input', async () => {
    const log = file('audit.log', around(logged('whole', 0)));
    const ledger = ['--ledger', whole.at, '--key', vkey];
    const wrong: [string[], RegExp][] = [
      [[join(directory, 'none.log'), ...against(whole.at)], /none\.log cannot be read; name/],
      [[log, ...ledger], /nothing says where credentials come from; name .*--config/],
      [[log, ...ledger, '--mount', 'database/creds/x'], /target:path expected/],
      [[log, ...against(whole.at), '--from', 'noon'], /noon is no time; write it as 2026/],
      [[log, ...against(whole.at), '--skew', '-1'], /whole seconds expected/],
      [[log, '--ledger', join(directory, 'none'), '--key', vkey, ...mounts], /name an existing/],
      [[log, ...against(whole.at), '--key', 'none'], /neither a verifier key/],
    ];
    for (const [args, message] of wrong) {
      const { code, err } = await airlock(...args);
      assert.match(err, message);
      assert.equal(code, 2, err);
    }
  });
});
