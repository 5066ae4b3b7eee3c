import { createPrivateKey, X509Certificate } from 'node:crypto';
import { Secret } from '@airlock/common/secret';
import { z } from 'zod';
import { VaultError, type Credential } from '../../../app/vault-ports.ts';
import { parseAnswer } from '../client.ts';
import { faultFrom, holderFrom, secondsUntil, type Ask } from './ask.ts';

const Answer = z.object({
  lease_id: z.string().optional(),
  data: z.object({
    certificate: z.string().min(1),
    private_key: z.string().min(1),
    issuing_ca: z.string().min(1),
    ca_chain: z.array(z.string().min(1)).nullish(),
    serial_number: z.string().min(1),
  }),
});

/**
 * A client certificate with a key that Vault made for this request.
 *
 * @returns with a fault where the certificate is for another name, fits not its key or is an authority.
 * @throws VaultError `vault-answer-malformed` when certificate or key cannot be read.
 */
export async function readPki(as: string, commonName: string, ask: Ask): Promise<Credential> {
  const { client, path, lifeSeconds, now, signal } = ask;
  const body = await client.write(
    path,
    { common_name: commonName, ttl: `${lifeSeconds}s` },
    { signal },
  );
  const answer = parseAnswer(Answer, body, `POST ${path}`);
  const { certificate, private_key, issuing_ca, ca_chain, serial_number } = answer.data;
  const { parsed, fitsItsKey } = readCertificate(certificate, private_key, path);
  const names = parsed.subject.split('\n').filter((line) => line.startsWith('CN='));
  const faults = [
    ...(names.length === 1 &&
    names[0] === `CN=${commonName}` &&
    [undefined, `DNS:${commonName}`].includes(parsed.subjectAltName)
      ? []
      : [`the certificate of ${path} is not for ${commonName} alone; correct that role at Vault`]),
    ...(fitsItsKey ? [] : [`the certificate of ${path} fits not the key that came with it`]),
    ...(parsed.ca ? [`${path} made a certificate authority; correct that role at Vault`] : []),
  ];
  return {
    as,
    ending: 'ttl-only',
    leaseId: answer.lease_id === undefined || answer.lease_id === '' ? null : answer.lease_id,
    holder: holderFrom(serial_number),
    seconds: secondsUntil(parsed.validToDate, now()),
    secret: {
      kind: 'pki',
      privateKey: new Secret(private_key),
      certificate,
      chain: ca_chain ?? [issuing_ca],
    },
    ...faultFrom(faults),
  };
}

function readCertificate(
  certificate: string,
  key: string,
  path: string,
): { parsed: X509Certificate; fitsItsKey: boolean } {
  try {
    const parsed = new X509Certificate(certificate);
    return { parsed, fitsItsKey: parsed.checkPrivateKey(createPrivateKey(key)) };
  } catch {
    // OpenSSL's own errors may quote what they read.
    throw new VaultError(
      'vault-answer-malformed',
      `the certificate or the key of ${path} cannot be read; the role's key_type may be one that this Node does not know`,
      { sent: true },
    );
  }
}
