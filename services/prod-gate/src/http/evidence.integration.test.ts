import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import type { SoftwareSecurityKey } from '@airlock/cli/software-security-key';
import { vkeyOf } from '@airlock/common/ledger/note';
import { parseConfig } from '@airlock/process/config';
import { importPinned } from '@airlock/verify/pinned';
import { linesOf } from '@airlock/verify/report';
import { verifyEvidence } from '@airlock/verify/verify-evidence';
import { approvedBy, holder, approveBySsh } from './ceremonies.fixture.ts';
import { attest, delivered } from './delivered.fixture.ts';
import {
  privateKey,
  good,
  now,
  signer,
  administrators,
  attestationKeys,
  attestationKeyId,
} from './gate-web-world.fixture.ts';
import {
  gate,
  directory,
  promotionId,
  setClock,
  useGateWeb,
  sequence,
} from './gate-web.fixture.ts';

useGateWeb();

const pinned = importPinned({
  version: 1,
  signers: good.trust,
  ledger: vkeyOf(signer.name, privateKey),
  administrators: {
    version: 1,
    threshold: 2,
    domains: 1,
    keys: administrators.map(({ row }) => row),
  },
  attestations: [
    {
      keyid: attestationKeyId,
      publicKeyPem: attestationKeys.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
      alg: 'ecdsa-p256-sha256',
    },
  ],
});

/** OpenSSH's own verifier says so of the bytes that the archive has. */
async function opensshAccepts(archive: Buffer, key: SoftwareSecurityKey): Promise<void> {
  const [row] = await gate.asOwner(
    "select statement, signature from approval where person = 'leo'",
  );
  const { statement, signature: armoured } = row ?? {};
  assert.ok(statement instanceof Buffer && typeof armoured === 'string');
  assert.ok(archive.includes(statement.toString('base64')), 'the statement is in the archive');
  assert.ok(archive.includes(JSON.stringify(armoured)), 'the signature is in the archive');
  const [allowed, signature] = [join(directory, 'allowed'), join(directory, 'signature')];
  await writeFile(allowed, `leo ${key.publicKey}\n`);
  await writeFile(signature, armoured);
  const verifying = ['-Y', 'verify', '-f', allowed, '-I', 'leo', '-n', 'airlock-approval@v1'];
  const { status, stderr } = spawnSync('ssh-keygen', [...verifying, '-s', signature], {
    input: statement,
  });
  assert.equal(status, 0, stderr.toString());
}

test('the evidence of a delivery verifies offline with pinned keys, and its signature of a security key with ssh-keygen', async () => {
  // One of the two with a security key of OpenSSH.
  const { visitor: leo, key } = await holder('leo');
  assert.equal((await approveBySsh(leo, key)).status, 201);
  await sequence();
  const { visitor } = await approvedBy('mira');
  const path = `/api/v1/promotions/${promotionId}/evidence`;
  assert.equal((await visitor.get(path)).status, 409);
  await delivered();
  assert.equal((await visitor.get(path)).status, 503);
  setClock(new Date(now.getTime() + 20_000));
  const events = await attest();
  assert.deepEqual(
    events.map((event) => (event.name === 'issued' ? event.attestation.kind : event.reason)),
    ['vsa', 'delivery'],
  );
  assert.deepEqual(await attest(), [], 'each is issued once');
  const archive = await visitor.bytes(path);
  const report = verifyEvidence({ archive, pinned, readYaml: parseConfig });
  assert.ok(report.whole, linesOf(report).join('\n'));
  assert.deepEqual(archive, await visitor.bytes(path), 'the same evidence is the same archive');
  await opensshAccepts(archive, key);
  archive.write('prod-us', archive.indexOf('prod-eu'));
  assert.equal(verifyEvidence({ archive, pinned, readYaml: parseConfig }).whole, false);
});
