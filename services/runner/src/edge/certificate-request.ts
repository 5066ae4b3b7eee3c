/** A new key and the request for a certificate of it. The key is made here and never leaves this machine. */
import { createHash, generateKeyPairSync, sign } from 'node:crypto';

export type KeyAndRequest = {
  /** PKCS #8, PEM. */
  keyPem: string;
  /** PKCS #10, PEM, signed by that key. */
  csrPem: string;
  /** SHA-256 of the public key in groups of four, as nonprod shows it to people. */
  fingerprint: string;
};

// DER of RFC 2986: whoever issues the certificate chooses the name, so the request has an empty one and no attributes.
const sequence = 0x30;
const bitString = 0x03;
const versionZero = Buffer.from([0x02, 0x01, 0x00]);
const noName = Buffer.from([sequence, 0x00]);
const noAttributes = Buffer.from([0xa0, 0x00]);
/** AlgorithmIdentifier of ecdsa-with-SHA256, 1.2.840.10045.4.3.2 (RFC 5758). */
const ecdsaWithSha256 = Buffer.from('300a06082a8648ce3d040302', 'hex');

export function makeKeyAndRequest(): KeyAndRequest {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  const info = der(sequence, versionZero, noName, spki, noAttributes);
  const signature = sign('sha256', info, privateKey);
  const unusedBits = Buffer.from([0]);
  const csr = der(sequence, info, ecdsaWithSha256, der(bitString, unusedBits, signature));
  const hex = createHash('sha256').update(spki).digest('hex');
  return {
    keyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    csrPem: pem('CERTIFICATE REQUEST', csr),
    fingerprint: hex.replace(/(.{4})(?!$)/g, '$1 '),
  };
}

/** One value in definite-length DER (X.690 section 8.1.3). */
function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const size =
    length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

function pem(label: string, bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
