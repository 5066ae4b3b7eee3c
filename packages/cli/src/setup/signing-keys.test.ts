import assert from 'node:assert/strict';
import { createPrivateKey } from 'node:crypto';
import { test } from 'node:test';
import { signEnvelope } from '@airlock/common/dsse/sign';
import { parseEnvelope } from '@airlock/common/dsse/envelope';
import { verifyEnvelope } from '@airlock/common/dsse/verify';
import { importTrust, requireWholeTrust } from '@airlock/common/trust/signer';
import { createSigningKey, trustRow } from './signing-keys.ts';

const now = new Date('2026-11-22T12:00:00.500Z');

for (const alg of ['ecdsa-p256-sha256', 'ed25519'] as const) {
  test(`what a new ${alg} key signs is accepted through its trust row`, () => {
    const key = createSigningKey(alg);
    const row = trustRow({
      key,
      roles: ['promotion'],
      adminDomain: 'nonprod',
      builderIds: [],
      notBefore: new Date(now.getTime() - 60_000),
      notAfter: new Date(now.getTime() + 60_000),
    });
    const trust = requireWholeTrust(importTrust([row]));
    const privateKey = createPrivateKey(key.privateKeyPem);
    const line = signEnvelope('text/plain', Buffer.from('hello'), [
      { keyid: key.keyid, privateKey },
    ]);
    const envelope = parseEnvelope(Buffer.from(line), 'text/plain');
    const { signers } = verifyEnvelope(envelope, trust, { receivedAt: now, now });
    assert.deepEqual(
      signers.map(({ keyid }) => keyid),
      [key.keyid],
    );
  });
}
