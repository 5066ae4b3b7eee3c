import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { intotoPayloadType } from '../constants.ts';
import { keyIdOf } from '../trust/signer.ts';
import { importAttestationKey, openSigned, type AttestationKey } from './open-signed.ts';
import { signEnvelope } from './sign.ts';

function newKey() {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const row: AttestationKey = {
    keyid: keyIdOf(publicKey),
    publicKeyPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    alg: 'ecdsa-p256-sha256',
  };
  return { row, key: importAttestationKey(row), signing: { keyid: row.keyid, privateKey } };
}

const [gate, other] = [newKey(), newKey()];
const payload = Buffer.from('{"said":"by the gate"}');
const signed = (...by: [typeof gate, ...(typeof gate)[]]): Buffer => {
  const [first, ...rest] = by;
  return Buffer.from(
    signEnvelope(intotoPayloadType, payload, [first.signing, ...rest.map((k) => k.signing)]),
  );
};

test('what a pinned key signed is opened, by an older pinned key as well', () => {
  assert.deepEqual(openSigned(signed(gate), [other.key, gate.key]).payload, payload);
});

test('a stranger’s key, a second signature and a borrowed key id are refused', () => {
  assert.throws(() => openSigned(signed(other), [gate.key]), { code: 'E_KEY_UNKNOWN' });
  assert.throws(() => openSigned(signed(gate, other), [gate.key]), { code: 'E_SIG_COUNT' });
  const borrowed = signed({ ...other, signing: { ...other.signing, keyid: gate.row.keyid } });
  assert.throws(() => openSigned(borrowed, [gate.key]), { code: 'E_SIG_INVALID' });
});

test('a row whose id is of another key is no key', () => {
  assert.throws(() => importAttestationKey({ ...gate.row, keyid: other.row.keyid }), {
    code: 'E_TRUST_STORE',
  });
  assert.throws(() => importAttestationKey({ ...gate.row, alg: 'ed25519' }), {
    code: 'E_TRUST_STORE',
  });
});

test('openssl verifies the same envelope over a PAE made in a shell', (context) => {
  const directory = mkdtempSync(join(tmpdir(), 'airlock-openssl-'));
  context.after(() => {
    rmSync(directory, { recursive: true });
  });
  const envelope = JSON.parse(signed(gate).toString()) as { signatures: { sig: string }[] };
  const write = (name: string, content: Buffer | string): void => {
    writeFileSync(join(directory, name), content);
  };
  write('key.pem', gate.row.publicKeyPem);
  write('payload', payload);
  write('type', intotoPayloadType);
  write('signature', Buffer.from(envelope.signatures[0]?.sig ?? '', 'base64'));
  const script = `{ printf 'DSSEv1 %d %s %d ' $(wc -c < type) "$(cat type)" $(wc -c < payload); cat payload; } > signed
    openssl dgst -sha256 -verify key.pem -signature signature signed`;
  const said = execFileSync('sh', ['-c', script], { cwd: directory }).toString();
  assert.equal(said.trim(), 'Verified OK');
});
