/** What our envelopes are to others: @sigstore/verify takes what we take, and openssl verifies the PAE by hand. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { bundleFromJSON } from '@sigstore/bundle';
import { TrustedRoot } from '@sigstore/protobuf-specs';
import { toSignedEntity, toTrustMaterial, Verifier } from '@sigstore/verify';
import fc from 'fast-check';
import { intotoPayloadType } from '@airlock/common/constants';
import { parseEnvelope } from '@airlock/common/dsse/envelope';
import { pae } from '@airlock/common/dsse/pae';
import { signEnvelope, type SigningKey } from '@airlock/common/dsse/sign';
import { verifyEnvelope } from '@airlock/common/dsse/verify';
import { createBundleWorld } from '@airlock/common/testing/bundle-world';
import { importTrust } from '@airlock/common/trust/signer';
import { twinOf } from '../cases/signatures.ts';

const world = createBundleWorld();
const trust = importTrust(world.rows);
const at = { now: world.now, receivedAt: world.now };
const directory = mkdtempSync(join(tmpdir(), 'airlock-openssl-'));
after(() => {
  rmSync(directory, { recursive: true });
});

type Envelope = {
  payloadType: string;
  payload: string;
  signatures: { keyid: string; sig: string }[];
};
// Made by signEnvelope.
const parsed = (line: string) => JSON.parse(line) as Envelope;

function weAccept(line: string): boolean {
  try {
    verifyEnvelope(parseEnvelope(Buffer.from(line), intotoPayloadType), trust, at);
    return true;
  } catch {
    return false;
  }
}

/** Sigstore's verdict with our pinned key and no transparency log, as `airlock evidence` exports it. */
function sigstoreAccepts(line: string, changes: object = {}, validFor = () => true): boolean {
  const dsseEnvelope = parsed(line);
  const bundle = {
    mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
    verificationMaterial: {
      publicKey: { hint: world.keys.builder.keyid },
      tlogEntries: [],
      timestampVerificationData: { rfc3161Timestamps: [] },
    },
    dsseEnvelope,
    ...changes,
  };
  const keyid = dsseEnvelope.signatures[0]?.keyid ?? '';
  const publicKey = (trust.signers.get(keyid) ?? trust.signers.get(world.keys.builder.keyid))?.key;
  assert.ok(publicKey !== undefined);
  const material = toTrustMaterial(TrustedRoot.fromJSON({}), () => ({ publicKey, validFor }));
  const none = { tlogThreshold: 0, ctlogThreshold: 0, timestampThreshold: 0 };
  try {
    new Verifier(material, none).verify(toSignedEntity(bundleFromJSON(bundle)));
    return true;
  } catch {
    return false;
  }
}

const { builder, secondBuilder } = world.keys;
const signed = (payload: string, by: SigningKey = builder) =>
  signEnvelope(intotoPayloadType, Buffer.from(payload), [by]);

test('what we accept, Sigstore accepts, whatever the payload', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 1, maxLength: 300 }),
      fc.constantFrom(builder, secondBuilder),
      (payload, by) => {
        const line = signEnvelope(intotoPayloadType, payload, [by]);
        assert.ok(weAccept(line));
        assert.ok(sigstoreAccepts(line));
      },
    ),
    { numRuns: 300 },
  );
});

const line = signed('{}');
const edited = (change: (envelope: Envelope) => object) => JSON.stringify(change(parsed(line)));
const signature = (sig: (good: Buffer) => Uint8Array, keyid = builder.keyid) =>
  edited((envelope) => ({
    ...envelope,
    signatures: [
      {
        keyid,
        sig: Buffer.from(sig(Buffer.from(envelope.signatures[0]?.sig ?? '', 'base64'))).toString(
          'base64',
        ),
      },
    ],
  }));
const payload = (text: string) => edited((envelope) => ({ ...envelope, payload: text }));

test('what both refuse', () => {
  const refused = [
    payload(Buffer.from('{"a":1}').toString('base64')),
    edited((envelope) => ({ ...envelope, payloadType: 'application/json' })),
    edited((envelope) => ({ ...envelope, signatures: [] })),
    signature((good) => Buffer.concat([good, Buffer.of(0)])),
    signature((good) => Buffer.concat([Buffer.of(0x30, 0x81), good.subarray(1)])),
    signature(() => Buffer.alloc(0)),
  ];
  for (const each of refused) {
    assert.ok(!weAccept(each), each);
    assert.ok(!sigstoreAccepts(each), each);
  }
});

test('what Sigstore accepts and we refuse, as it is today', () => {
  const table: readonly (readonly [string, string])[] = [
    ['a key id that is not the one asked for', signature((good) => good, 'x')],
    ['a line feed in base64', payload('e3\n0=')],
    ['a sign of no alphabet in base64', payload('*e30=')],
    ['base64 without padding', payload('e30')],
    ['base64 with stray bits', payload('e31=')],
  ];
  for (const [what, each] of table) {
    assert.ok(!weAccept(each), what);
    assert.ok(sigstoreAccepts(each), what);
  }
  // Faults of the bundle around the envelope, which the gate never takes in.
  assert.ok(sigstoreAccepts(line, { extra: 1 }));
  for (const type of ['v0.9+json', 'v0.3+json; evil']) {
    assert.ok(sigstoreAccepts(line, { mediaType: `application/vnd.dev.sigstore.bundle.${type}` }));
  }
  // Its key window is asked about times in the bundle alone, and there are none.
  assert.ok(sigstoreAccepts(line, {}, () => false));
  // Two signatures are one too many for a Sigstore bundle; DSSE and we count keys.
  const both = signEnvelope(intotoPayloadType, Buffer.from('{}'), [builder, secondBuilder]);
  assert.deepEqual([weAccept(both), sigstoreAccepts(both)], [true, false]);
  // The twin of a signature is valid to both; we keep replays by their payload.
  const twin = signature((good) => twinOf(good));
  assert.deepEqual([weAccept(twin), sigstoreAccepts(twin)], [true, true]);
});

/** Writes what openssl reads: public key, signature, and the PAE made by hand from the envelope's JSON. */
function files(by: SigningKey, text: string) {
  const { payloadType, payload: body, signatures } = parsed(text);
  const bytes = Buffer.from(body, 'base64');
  const put = (name: string, content: string | Uint8Array) => {
    const path = join(directory, name);
    writeFileSync(path, content);
    return path;
  };
  const handmade = Buffer.concat([
    Buffer.from(`DSSEv1 ${payloadType.length} ${payloadType} ${bytes.length} `),
    bytes,
  ]);
  assert.ok(handmade.equals(pae(payloadType, bytes)));
  const row = world.rows.find(({ keyid }) => keyid === by.keyid);
  return {
    key: put('key.pem', row?.publicKeyPem ?? ''),
    signature: put('sig.der', Buffer.from(signatures[0]?.sig ?? '', 'base64')),
    message: put('pae.bin', handmade),
    altered: put('altered.bin', Buffer.concat([handmade, Buffer.from(' ')])),
  };
}

test('openssl dgst verifies an ECDSA envelope, and not with a byte more', () => {
  const { key, signature: sig, message, altered } = files(builder, line);
  const verify = (file: string) =>
    execFileSync('openssl', ['dgst', '-sha256', '-verify', key, '-signature', sig, file], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  assert.match(verify(message), /Verified OK/);
  assert.throws(() => verify(altered));
});

test('openssl pkeyutl verifies an Ed25519 envelope, and not with a byte more', () => {
  const {
    key,
    signature: sig,
    message,
    altered,
  } = files(secondBuilder, signed('{}', secondBuilder));
  const verify = (file: string) =>
    execFileSync(
      'openssl',
      ['pkeyutl', '-verify', '-pubin', '-inkey', key, '-rawin', '-in', file, '-sigfile', sig],
      { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
    );
  assert.match(verify(message), /Signature Verified Successfully/);
  assert.throws(() => verify(altered));
});
