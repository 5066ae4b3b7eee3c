/**
 * The private certificate authorities of the edges between Airlock's processes. Each edge has its own, so that a runner's
 * certificate opens nothing at the gate's edge.
 */
// Has to come before x509, whose container refuses to load without it.
import 'reflect-metadata';
import { createPrivateKey, randomBytes, webcrypto } from 'node:crypto';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  Pkcs10CertificateRequestGenerator,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';
import type { JsonGeneralName } from '@peculiar/x509';

/** PEM texts; `keyPem` is PKCS #8 and belongs in a file of mode 0600. */
export type CertificateAndKey = { certificatePem: string; keyPem: string };

const keyAlgorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const dayMs = 86_400_000;
// The other machine's clock may be behind this one's.
const backdateMs = 5 * 60_000;

/** A new authority (P-256, ten years) that may sign end certificates and no further authority. */
export const createCertificateAuthority = (name: string): Promise<CertificateAndKey> =>
  selfSigned(name, 0);

/** A new authority (P-256, ten years) that may also sign one authority below it, which works in its place. */
export const createRootAuthority = (name: string): Promise<CertificateAndKey> =>
  selfSigned(name, 1);

async function selfSigned(name: string, pathLength: 0 | 1): Promise<CertificateAndKey> {
  const keys = await webcrypto.subtle.generateKey(keyAlgorithm, true, ['sign', 'verify']);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: [{ CN: [name] }],
    serialNumber: serialNumber(),
    ...validity(3650),
    keys,
    signingAlgorithm: keyAlgorithm,
    extensions: [
      new BasicConstraintsExtension(true, pathLength, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificatePem: pem(certificate), keyPem: await privateKeyPem(keys.privateKey) };
}

/**
 * A new authority below `root` that may sign end certificates and nothing else. It works online, so that the root's key can
 * lie in a safe; it is replaced by the root when it ends, and no runner notices.
 *
 * @param options.root made by createRootAuthority.
 */
export async function createIntermediateAuthority(options: {
  root: CertificateAndKey;
  name: string;
  days: number;
}): Promise<CertificateAndKey> {
  const root = new X509Certificate(options.root.certificatePem);
  const keys = await webcrypto.subtle.generateKey(keyAlgorithm, true, ['sign', 'verify']);
  const certificate = await X509CertificateGenerator.create({
    subject: [{ CN: [options.name] }],
    issuer: root.subject,
    serialNumber: serialNumber(),
    ...validity(options.days),
    publicKey: keys.publicKey,
    signingKey: await importSigningKey(options.root.keyPem),
    signingAlgorithm: keyAlgorithm,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
      await AuthorityKeyIdentifierExtension.create(root),
    ],
  });
  return { certificatePem: pem(certificate), keyPem: await privateKeyPem(keys.privateKey) };
}

/**
 * A new key and a certificate for it with exactly one URI name, which is what the peer compares.
 *
 * @param options.usage the one extended key usage: a server's certificate is no use as a client's.
 * @param options.dnsNames and `ipAddresses`: how ordinary clients address a server; empty for a client.
 */
export async function issueCertificate(options: {
  ca: CertificateAndKey;
  uriSan: string;
  dnsNames: readonly string[];
  ipAddresses: readonly string[];
  usage: 'server' | 'client';
  days: number;
}): Promise<CertificateAndKey> {
  const { ca, uriSan, usage } = options;
  const authority = new X509Certificate(ca.certificatePem);
  const keys = await webcrypto.subtle.generateKey(keyAlgorithm, true, ['sign', 'verify']);
  const names: JsonGeneralName[] = [
    { type: 'url', value: uriSan },
    ...options.dnsNames.map((value) => ({ type: 'dns' as const, value })),
    ...options.ipAddresses.map((value) => ({ type: 'ip' as const, value })),
  ];
  const certificate = await X509CertificateGenerator.create({
    subject: [{ CN: [uriSan] }],
    issuer: authority.subject,
    serialNumber: serialNumber(),
    ...validity(options.days),
    publicKey: keys.publicKey,
    signingKey: await importSigningKey(ca.keyPem),
    signingAlgorithm: keyAlgorithm,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([
        usage === 'server' ? ExtendedKeyUsage.serverAuth : ExtendedKeyUsage.clientAuth,
      ]),
      new SubjectAlternativeNameExtension(names),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
      await AuthorityKeyIdentifierExtension.create(authority),
    ],
  });
  return { certificatePem: pem(certificate), keyPem: await privateKeyPem(keys.privateKey) };
}

/** A new key (P-256) and the request for a certificate of it that shall carry this one URI name, both PEM. */
export async function createCertificateRequest(
  uriSan: string,
): Promise<{ readonly csrPem: string; readonly keyPem: string }> {
  const keys = await webcrypto.subtle.generateKey(keyAlgorithm, true, ['sign', 'verify']);
  const request = await Pkcs10CertificateRequestGenerator.create({
    ...{ name: [{ CN: [uriSan] }], keys, signingAlgorithm: keyAlgorithm },
    extensions: [new SubjectAlternativeNameExtension([{ type: 'url', value: uriSan }])],
  });
  return { csrPem: `${request.toString('pem')}\n`, keyPem: await privateKeyPem(keys.privateKey) };
}

function validity(days: number): { notBefore: Date; notAfter: Date } {
  const now = Date.now();
  return { notBefore: new Date(now - backdateMs), notAfter: new Date(now + days * dayMs) };
}

function serialNumber(): string {
  // A leading 01 keeps it positive and without a leading zero byte, in every reader.
  return `01${randomBytes(15).toString('hex')}`;
}

function pem(certificate: X509Certificate): string {
  return `${certificate.toString('pem')}\n`;
}

async function privateKeyPem(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key));
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
    .export({ type: 'pkcs8', format: 'pem' })
    .toString();
}

async function importSigningKey(keyPem: string): Promise<webcrypto.CryptoKey> {
  const der = createPrivateKey(keyPem).export({ type: 'pkcs8', format: 'der' });
  return webcrypto.subtle.importKey('pkcs8', der, keyAlgorithm, false, ['sign']);
}
