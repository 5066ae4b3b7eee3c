/** X.509 certificates for the PKI engine: an authority that signs, and end certificates with a key of their own. */
// Has to come before x509, whose container refuses to load without it.
import 'reflect-metadata';
import { type KeyObject, generateKeyPair, randomBytes, webcrypto } from 'node:crypto';
import { promisify } from 'node:util';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';
import type { JsonGeneralName, X509Certificate } from '@peculiar/x509';

export type CertificateKeyType = 'rsa' | 'ec';
export type KeyPair = { publicKey: KeyObject; privateKey: KeyObject };
export type Authority = {
  certificate: X509Certificate;
  keyType: CertificateKeyType;
  keys: KeyPair;
};

const algorithms = {
  ec: { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' },
  rsa: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
} as const;
const makeKeyPair = promisify(generateKeyPair);

export function newKeyPair(type: CertificateKeyType, bits: number): Promise<KeyPair> {
  return type === 'ec'
    ? makeKeyPair('ec', { namedCurve: 'P-256' })
    : makeKeyPair('rsa', { modulusLength: bits || 2048 });
}

export async function createAuthority(options: {
  commonName: string;
  keyType: CertificateKeyType;
  keyBits: number;
  notBefore: Date;
  notAfter: Date;
}): Promise<Authority> {
  const { commonName, keyType, keyBits, notBefore, notAfter } = options;
  const keys = await newKeyPair(keyType, keyBits);
  const name = commonName === '' ? [] : [{ CN: [commonName] }];
  const publicKey = spki(keys.publicKey);
  const certificate = await X509CertificateGenerator.create({
    subject: name,
    issuer: name,
    serialNumber: serialNumber(),
    notBefore,
    notAfter,
    publicKey,
    signingKey: await signingKey(keyType, keys.privateKey),
    signingAlgorithm: algorithms[keyType],
    extensions: [
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      new BasicConstraintsExtension(true, undefined, true),
      await SubjectKeyIdentifierExtension.create(await publicCryptoKey(keyType, publicKey)),
    ],
  });
  return { certificate, keyType, keys };
}

export async function issue(
  authority: Authority,
  options: {
    keyType: CertificateKeyType;
    keys: KeyPair;
    commonName: string;
    names: readonly JsonGeneralName[];
    forServer: boolean;
    forClient: boolean;
    notBefore: Date;
    notAfter: Date;
  },
): Promise<X509Certificate> {
  const { keyType, keys, commonName, names, notBefore, notAfter } = options;
  const publicKey = spki(keys.publicKey);
  const usages = [
    ...(options.forServer ? [ExtendedKeyUsage.serverAuth] : []),
    ...(options.forClient ? [ExtendedKeyUsage.clientAuth] : []),
  ];
  return X509CertificateGenerator.create({
    subject: [{ CN: [commonName] }],
    issuer: authority.certificate.subject,
    serialNumber: serialNumber(),
    notBefore,
    notAfter,
    publicKey,
    signingKey: await signingKey(authority.keyType, authority.keys.privateKey),
    signingAlgorithm: algorithms[authority.keyType],
    extensions: [
      new KeyUsagesExtension(
        KeyUsageFlags.digitalSignature | KeyUsageFlags.keyEncipherment | KeyUsageFlags.keyAgreement,
        true,
      ),
      ...(usages.length > 0 ? [new ExtendedKeyUsageExtension(usages)] : []),
      await SubjectKeyIdentifierExtension.create(await publicCryptoKey(keyType, publicKey)),
      await AuthorityKeyIdentifierExtension.create(authority.certificate),
      ...(names.length > 0 ? [new SubjectAlternativeNameExtension([...names])] : []),
    ],
  });
}

/** `65:95:bd:…`, as Vault writes serial numbers. */
export function serialText(certificate: X509Certificate): string {
  return certificate.serialNumber.match(/../g)?.join(':') ?? '';
}

/** Without the newline at the end, as Vault answers. */
export function pem(certificate: X509Certificate): string {
  return certificate.toString('pem').trimEnd();
}

function serialNumber(): string {
  // A leading 01 keeps it positive and without a leading zero byte, in every reader.
  return `01${randomBytes(19).toString('hex')}`;
}

function spki(key: KeyObject): Buffer<ArrayBuffer> {
  return Buffer.from(key.export({ type: 'spki', format: 'der' }));
}

function publicCryptoKey(type: CertificateKeyType, der: Buffer<ArrayBuffer>) {
  return webcrypto.subtle.importKey('spki', der, algorithms[type], true, ['verify']);
}

function signingKey(type: CertificateKeyType, key: KeyObject) {
  const der = Buffer.from(key.export({ type: 'pkcs8', format: 'der' }));
  return webcrypto.subtle.importKey('pkcs8', der, algorithms[type], false, ['sign']);
}
