import { generateKeyPairSync } from 'node:crypto';
import { Secret } from '@airlock/common/secret';
import { z } from 'zod';
import { VaultError, type Credential } from '../../../app/vault-ports.ts';
import { parseAnswer } from '../client.ts';
import { faultFrom, holderFrom, secondsUntil, type Ask } from './ask.ts';
import { readSshCertificate, sshPublicKeyLine } from './ssh-certificate.ts';

const Answer = z.object({ data: z.object({ signed_key: z.string().min(1) }) });

/**
 * A key made here for this delivery, with Vault's certificate for it. The key never leaves this process but to the hook.
 *
 * @returns with a fault where the certificate is of another kind, for other principals, or never ends.
 * @throws VaultError `vault-answer-malformed` when it cannot be read or signs another key.
 */
export async function readSsh(
  as: string,
  principals: readonly string[],
  ask: Ask,
): Promise<Credential> {
  const { client, path, lifeSeconds, now, signal } = ask;
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const point = pointOf(pair.publicKey.export({ type: 'spki', format: 'der' }));
  const body = await client.write(
    path,
    {
      public_key: sshPublicKeyLine(point),
      valid_principals: principals.join(','),
      ttl: `${lifeSeconds}s`,
      cert_type: 'user',
    },
    { signal },
  );
  const { signed_key } = parseAnswer(Answer, body, `POST ${path}`).data;
  const certificate = readSshCertificate(signed_key);
  if (certificate === null || !certificate.point.equals(point)) {
    throw new VaultError(
      'vault-answer-malformed',
      `${path} did not sign the key that it was sent; is its mount an SSH engine?`,
      { sent: true },
    );
  }
  const { type, keyId, serial, validBefore } = certificate;
  const faults = [
    ...(type === 'user' ? [] : [`${path} made a host certificate and no user certificate`]),
    ...(sameNames(certificate.principals, principals)
      ? []
      : [
          `the certificate of ${path} lets in as ${certificate.principals.map(holderFrom).join(', ') || 'anybody'}, asked for was ${principals.join(', ')}; correct that role at Vault`,
        ]),
    ...(validBefore === null
      ? [`the certificate of ${path} never ends; set ttl of that role`]
      : []),
  ];
  return {
    as,
    ending: 'ttl-only',
    leaseId: null,
    holder: holderFrom(keyId === '' ? `serial ${serial}` : keyId),
    seconds: validBefore === null ? null : secondsUntil(validBefore, now()),
    secret: {
      kind: 'ssh',
      // The oldest PEM form of such a key, which every OpenSSH reads.
      privateKey: new Secret(pair.privateKey.export({ type: 'sec1', format: 'pem' }).toString()),
      certificate: signed_key.trim(),
    },
    ...faultFrom(faults),
  };
}

/** The last 65 bytes of the SPKI of a P-256 key are its uncompressed point (RFC 5480, section 2.2). */
function pointOf(spki: Buffer): Buffer {
  return spki.subarray(spki.length - 65);
}

function sameNames(found: readonly string[], asked: readonly string[]): boolean {
  return found.length === asked.length && asked.every((name) => found.includes(name));
}
