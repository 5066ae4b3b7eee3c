/** What leaves the gate for others: evidence that verifies with the network cut, and attestations that openssl and sigstore accept. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { bundleFromJSON } from '@sigstore/bundle';
import { approveAs, until, waitForEnd } from '@airlock/demo/flow';
import { target } from '@airlock/demo/names';
import type { Pair } from '@airlock/demo/pair';
import { runningPair } from '../support/pair.ts';
import { waitingPromotion } from '../support/promotion.ts';

const root = join(import.meta.dirname, '../..');
let directory: string;
let pair: Pair;
let promotion: string;
let archive: string;

before(async () => {
  directory = mkdtempSync(join(tmpdir(), 'airlock-evidence-'));
  archive = join(directory, 'evidence.tar');
  pair = await runningPair();
  promotion = await waitingPromotion(pair);
  await approveAs(pair, 'leo', promotion);
  await approveAs(pair, 'mira', promotion);
  assert.equal((await waitForEnd(pair, promotion)).state, 'live');
  writeFileSync(archive, await evidence());
});
after(() => {
  rmSync(directory, { recursive: true, force: true });
});

/** The archive, once its statement is under a signed checkpoint: some two seconds after the end. */
async function evidence(): Promise<Buffer> {
  const auditor = await pair.signIn('gate', 'aud');
  const path = `/api/v1/promotions/${promotion}/evidence`;
  return until('the evidence of the delivery', 20, () => auditor.getBytes(path).catch(() => null));
}

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function run(command: string, args: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const child = execFile(command, args, { cwd: root }, (_error, stdout, stderr) => {
      resolve({ code: child.exitCode, stdout, stderr });
    });
  });
}

/** Without the launcher, which would install what is missing. */
const airlock = [
  process.execPath,
  '--conditions=source',
  '--import',
  join(root, 'scripts/tsx-hooks.mjs'),
  '--disable-warning=ExperimentalWarning',
  join(root, 'packages/cli/src/main.ts'),
];

/** `airlock verify`, in a network namespace without a single interface up where this machine lets us make one. */
async function verify(file: string, ...more: readonly string[]): Promise<Ended> {
  const command = [...airlock, 'verify', file, '--pinned', pair.pinnedFile];
  const cut = ['unshare', '--user', '--map-root-user', '--net'];
  const mayCut = (await run(cut[0] ?? '', [...cut.slice(1), 'true'])).code === 0;
  const [first = '', ...rest] = [...(mayCut ? cut : []), ...command, ...more];
  return run(first, rest);
}

test('evidence of a delivery verifies without a network, a line a fact (exit 0)', async () => {
  const { code, stdout, stderr } = await verify(archive);
  assert.equal(code, 0, stdout + stderr);
  const lines = stdout.trimEnd().split('\n');
  assert.equal(lines.at(-1), 'VERDICT: complete and unaltered');
  assert.ok(lines.filter((line) => line.startsWith('✓ ')).length >= 15, stdout);
  assert.match(stdout, /^✓ approvals 2 of 2: leo, mira; none is dana/m);
  assert.match(stdout, /^✓ 1 credential issued: 1 revoked after \d+\.\d s$/m);
  assert.match(stdout, /^✓ policy, roster and trust store are configuration \d+, signed by 2/m);
  assert.match(stdout, /^Not checked: .*Vault/m);
});

test('one altered byte is found and named, in JSON as well (exit 5)', async () => {
  const bytes = readFileSync(archive);
  bytes.write('no', bytes.indexOf('"state": "succeeded"') + 10);
  const altered = join(directory, 'altered.tar');
  writeFileSync(altered, bytes);
  const { code, stdout } = await verify(altered, '--json');
  assert.equal(code, 5);
  const report = JSON.parse(stdout) as { whole: boolean; facts: { id: string; ok: boolean }[] };
  assert.equal(report.whole, false);
  const failed = report.facts.filter(({ ok }) => !ok).map(({ id }) => id);
  assert.deepEqual(failed, ['manifest', 'records']);
});

test('a file of pinned keys that lacks one is misuse, with the name of the key (exit 2)', async () => {
  const keys = JSON.parse(readFileSync(pair.pinnedFile, 'utf8')) as Record<string, unknown>;
  const others = Object.fromEntries(
    Object.entries(keys).filter(([name]) => name !== 'attestations'),
  );
  const file = join(directory, 'pinned.json');
  writeFileSync(file, JSON.stringify(others));
  const [, ...rest] = [...airlock, 'verify', archive, '--pinned', file];
  const { code, stderr } = await run(process.execPath, rest);
  assert.equal(code, 2);
  assert.match(stderr, /attestations/);
});

test('the file of a policy that was replaced since is still in the evidence', async () => {
  await pair.editConfiguration((copy) => {
    const file = join(copy, 'targets', `${target}.yaml`);
    writeFileSync(file, `${readFileSync(file, 'utf8')}# reviewed again\n`);
  });
  const before = readFileSync(archive);
  assert.ok((await evidence()).includes('policy.yaml'));
  assert.equal((await verify(archive)).code, 0);
  assert.ok(before.length > 0);
});

test('openssl verifies the summary and the statement by the pinned key, over a PAE made in a shell', async () => {
  const auditor = await pair.signIn('gate', 'aud');
  const view = (await auditor.getJson(`/api/v1/promotions/${promotion}`)) as { delivery: string };
  const { attestations } = JSON.parse(readFileSync(pair.pinnedFile, 'utf8')) as {
    attestations: { keyid: string; publicKeyPem: string }[];
  };
  writeFileSync(join(directory, 'key.pem'), attestations[0]?.publicKeyPem ?? '');
  for (const path of [`/promotions/${promotion}/vsa`, `/deliveries/${view.delivery}/statement`]) {
    const envelope = (await auditor.getJson(path)) as {
      payload: string;
      payloadType: string;
      signatures: { sig: string; keyid: string }[];
    };
    assert.equal(envelope.signatures[0]?.keyid, attestations[0]?.keyid);
    writeFileSync(join(directory, 'payload'), Buffer.from(envelope.payload, 'base64'));
    writeFileSync(join(directory, 'type'), envelope.payloadType);
    writeFileSync(
      join(directory, 'signature'),
      Buffer.from(envelope.signatures[0]?.sig ?? '', 'base64'),
    );
    const script = `cd ${directory} && { printf 'DSSEv1 %d %s %d ' $(wc -c < type) "$(cat type)" $(wc -c < payload); cat payload; } > signed && openssl dgst -sha256 -verify key.pem -signature signature signed`;
    assert.match((await run('sh', ['-c', script])).stdout, /Verified OK/, path);
    const exported = await auditor.getJson(`${path}/bundle.sigstore.json`);
    const bundle = bundleFromJSON(exported);
    assert.equal(bundle.mediaType, 'application/vnd.dev.sigstore.bundle.v0.3+json');
  }
});
