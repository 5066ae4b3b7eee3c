import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { bundleFromJSON } from '@sigstore/bundle';
import { toSignedEntity, toTrustMaterial, Verifier } from '@sigstore/verify';
import { intotoPayloadType } from '../constants.ts';
import { DsseError } from '../dsse/dsse-error.ts';
import { signEnvelope } from '../dsse/sign.ts';
import { keyIdOf } from '../trust/signer.ts';
import { sigstoreBundle } from './bundle.ts';

const payload = Buffer.from('{"_type":"https://in-toto.io/Statement/v1"}');
const keysOf = (pair: ReturnType<typeof p256>) => ({
  keyid: keyIdOf(pair.publicKey),
  privateKey: pair.privateKey,
});
const p256 = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });
const first = p256();
const second = p256();
const envelope = Buffer.from(
  signEnvelope(intotoPayloadType, payload, [keysOf(first), keysOf(second)]),
);

/** sigstore's own verifier, with one key and nothing of its public services. */
function verifier(key: ReturnType<typeof p256>): Verifier {
  const none = { tlogs: [], ctlogs: [], certificateAuthorities: [], timestampAuthorities: [] };
  const material = toTrustMaterial({ mediaType: '', ...none }, (hint) => {
    assert.equal(hint, keyIdOf(key.publicKey));
    return { publicKey: key.publicKey, validFor: () => true };
  });
  return new Verifier(material, { tlogThreshold: 0, ctlogThreshold: 0, timestampThreshold: 0 });
}

test('sigstore reads and verifies the export, whichever signature of two it carries', () => {
  for (const key of [first, second]) {
    const exported: unknown = JSON.parse(
      JSON.stringify(sigstoreBundle(envelope, keyIdOf(key.publicKey))),
    );
    const entity = toSignedEntity(bundleFromJSON(exported));
    assert.ok(verifier(key).verify(entity));
  }
});

test('sigstore refuses the export with another payload', () => {
  const exported = sigstoreBundle(envelope, keyIdOf(first.publicKey));
  const forged = {
    ...exported,
    dsseEnvelope: {
      ...exported.dsseEnvelope,
      payload: Buffer.from('{"_type":"x"}').toString('base64'),
    },
  };
  const entity = toSignedEntity(bundleFromJSON(JSON.parse(JSON.stringify(forged))));
  assert.throws(() => verifier(first).verify(entity));
});

test('a key that did not sign has no export', () => {
  assert.throws(() => sigstoreBundle(envelope, keyIdOf(p256().publicKey)), DsseError);
});
