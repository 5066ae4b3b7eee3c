import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { intotoPayloadType } from '@airlock/common/constants';
import { signEnvelope, type SigningKey } from '@airlock/common/dsse/sign';
import { runStatement, type RunAttestation } from '@airlock/common/intoto/run';
import { statementBytes } from '@airlock/common/intoto/statement';
import { importTrust, keyIdOf, type TrustRow } from '@airlock/common/trust/signer';
import { readAttestedRun, type Runners } from './attested-run.ts';

const now = new Date('2026-11-22T12:00:00Z');
const main = 'https://nonprod.example/builders/main@v1';
const pr = 'https://nonprod.example/builders/pr@v1';

const rows: TrustRow[] = [];
const names = new Map<string, string>();
function enrol(runner: string, changes: Partial<TrustRow> = {}): SigningKey {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const keyid = keyIdOf(publicKey);
  rows.push({
    keyid,
    publicKeyPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    alg: 'ed25519',
    roles: ['run'],
    builderIds: [main, pr],
    notBefore: '2026-01-01T00:00:00Z',
    notAfter: '2027-01-01T00:00:00Z',
    ...changes,
  });
  names.set(keyid, runner);
  return { keyid, privateKey };
}
const keys = {
  trusted: enrol('runner-1'),
  other: enrol('runner-2'),
  pull: enrol('runner-3', { builderIds: [pr] }),
  old: enrol('runner-1', { notAfter: '2026-06-01T00:00:00Z' }),
  later: enrol('runner-1', { notBefore: '2026-12-01T00:00:00Z' }),
  lost: enrol('runner-1', { revokedAt: '2026-11-01T00:00:00Z' }),
  builder: enrol('runner-1', { roles: ['provenance'] }),
};
const runners: Runners = { trust: importTrust(rows), nameOf: names };

const subject = { name: 'app.tar.gz', sha256: 'd'.repeat(64) };
const run: RunAttestation = {
  repository: 'https://git.example/org/app',
  ref: 'refs/heads/main',
  commit: 'a'.repeat(40),
  source: { tree: '7'.repeat(40), time: 1_763_805_600 },
  pipeline: '.woodpecker.yaml',
  plan: 'b'.repeat(64),
  image: 'c'.repeat(64),
  given: { event: 'push', variables: [] },
  invocationId: 'https://nonprod.example/runs/run_1',
  startedOn: '2026-11-22T10:00:00Z',
  finishedOn: '2026-11-22T10:01:00Z',
  runner: 'runner-1',
  isolation: { mode: 'bubblewrap', enforced: ['no-network'] },
};
const line = (key: SigningKey, changes: Partial<RunAttestation> = {}): string =>
  signEnvelope(intotoPayloadType, runStatement(subject, { ...run, ...changes }), [key]);

function codeOf(text: string | null, builderId = main): string {
  const read = readAttestedRun(text, runners, builderId, now);
  return read.ok ? 'OK' : read.reason.code;
}

test('what a pinned runner signed is read', () => {
  const read = readAttestedRun(line(keys.trusted), runners, main, now);
  assert.deepEqual(read, { ok: true, run: { ...run, subject } });
});

test('no attestation, and one by a key that nobody pinned, are refused', () => {
  assert.equal(codeOf(null), 'run-unsigned');
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  assert.equal(codeOf(line({ keyid: keyIdOf(publicKey), privateKey })), 'run-key-unknown');
  assert.equal(codeOf(line({ keyid: keys.trusted.keyid, privateKey })), 'run-signature-invalid');
});

test('a key that was revoked, has expired or is staged for later is refused', () => {
  for (const key of [keys.lost, keys.old, keys.later]) {
    assert.equal(codeOf(line(key)), 'run-key-not-valid');
  }
});

test('a runner of pull requests cannot attest a build of main, nor can a builder key attest a run', () => {
  const ofPull = { runner: 'runner-3' };
  assert.equal(codeOf(line(keys.pull, ofPull)), 'run-key-not-allowed');
  assert.equal(codeOf(line(keys.pull, ofPull), pr), 'OK');
  assert.equal(codeOf(line(keys.builder)), 'run-key-not-allowed');
});

test('a runner cannot sign in the name of another', () => {
  assert.equal(codeOf(line(keys.other)), 'run-key-not-allowed');
  assert.equal(codeOf(line(keys.other, { runner: 'runner-2' })), 'OK');
});

test('an attestation altered after it was signed is refused, whichever field it is', () => {
  const good = line(keys.trusted);
  // Made by signEnvelope a moment ago.
  const envelope = JSON.parse(good) as { payload: string };
  const payload = Buffer.from(envelope.payload, 'base64').toString('utf8');
  const swaps = [
    ['d'.repeat(64), 'e'.repeat(64)],
    ['a'.repeat(40), 'f'.repeat(40)],
    ['7'.repeat(40), '8'.repeat(40)],
    ['"plan":"b', '"plan":"c'],
    ['bubblewrap', 'none'],
    ['runs/run_1', 'runs/run_2'],
  ] as const;
  for (const [from, to] of swaps) {
    assert.ok(payload.includes(from));
    const altered = Buffer.from(payload.replace(from, to)).toString('base64');
    assert.equal(
      codeOf(JSON.stringify({ ...envelope, payload: altered })),
      'run-signature-invalid',
    );
  }
});

test('what is no run attestation is refused as such', () => {
  const provenance = statementBytes(subject, 'https://slsa.dev/provenance/v1', {});
  for (const text of [
    '',
    '{}',
    line(keys.trusted).slice(1),
    signEnvelope('text/plain', Buffer.from('x'), [keys.trusted]),
    signEnvelope(intotoPayloadType, provenance, [keys.trusted]),
    signEnvelope(intotoPayloadType, Buffer.from('{"x":1}'), [keys.trusted]),
  ]) {
    assert.equal(codeOf(text), 'run-malformed', text);
  }
});
