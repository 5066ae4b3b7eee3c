/**
 * The online half of the runner edge's authority: the intermediate that signs runners' certificates. Its root's key is
 * elsewhere. What it signs opens nothing by itself: the registry has to know the certificate too.
 */
// Has to come before x509, whose container refuses to load without it.
import 'reflect-metadata';
import { createHash, createPrivateKey, randomBytes, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  Pkcs10CertificateRequest,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate as Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';
import { ConfigurationError } from '@airlock/process/config';
import { RunnerEdgeError, type RunnerAuthority } from '../../app/runner-ports.ts';
import { runnerPrefix } from '../../domain/runner.ts';

/** The runner's clock may be behind this one's. */
const longestBackdateMs = 5 * 60_000;
const signing = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

/**
 * @param options.caFile root certificates by which runners and server know one another; handed to runners.
 * @param options.lifetimeMs of a runner's certificate.
 * @throws ConfigurationError when a file is unreadable, the key is another one's, or the intermediate is not below a root.
 */
export async function openRunnerAuthority(options: {
  readonly caFile: string;
  readonly certificateFile: string;
  readonly keyFile: string;
  readonly lifetimeMs: number;
}): Promise<RunnerAuthority> {
  const caPem = read('runnerApi.caFile', options.caFile);
  const pem = read('runnerEdge.authority.certificateFile', options.certificateFile);
  const keyPem = read('runnerEdge.authority.keyFile', options.keyFile);
  const { signingKey, certificate } = await checked(caPem, pem, keyPem);
  const endsAt = certificate.notAfter;

  return {
    caPem,
    endsAt,

    async keyFingerprint(csr) {
      return fingerprintOf((await request(csr)).publicKey.rawData);
    },

    async issue({ csr, runner, pool, now }) {
      const asked = await request(csr);
      if (now.getTime() + options.lifetimeMs > endsAt.getTime()) {
        throw new RunnerEdgeError(
          'authority-ending',
          `the intermediate of the runner edge ends at ${endsAt.toISOString()}, sooner than a runner's certificate would; replace it: airlock ca intermediate`,
        );
      }
      const backdateMs = Math.min(longestBackdateMs, options.lifetimeMs / 100);
      const notAfter = new Date(now.getTime() + options.lifetimeMs);
      // A leading 01 keeps it positive and without a leading zero byte, in every reader.
      const serial = `01${randomBytes(15).toString('hex')}`;
      const issued = await X509CertificateGenerator.create({
        subject: [{ CN: [`${runnerPrefix}${runner}`] }, { OU: [`pool ${pool}`] }],
        issuer: certificate.subject,
        serialNumber: serial,
        notBefore: new Date(now.getTime() - backdateMs),
        notAfter,
        publicKey: asked.publicKey,
        signingKey,
        signingAlgorithm: signing,
        extensions: [
          new BasicConstraintsExtension(false, undefined, true),
          new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
          new ExtendedKeyUsageExtension([ExtendedKeyUsage.clientAuth]),
          new SubjectAlternativeNameExtension([{ type: 'url', value: `${runnerPrefix}${runner}` }]),
          await SubjectKeyIdentifierExtension.create(asked.publicKey),
          await AuthorityKeyIdentifierExtension.create(certificate),
        ],
      });
      return {
        chainPem: `${issued.toString('pem')}\n${pem.trim()}\n`,
        fingerprint: createHash('sha256').update(Buffer.from(issued.rawData)).digest('hex'),
        serial,
        notAfter,
      };
    },
  };
}

/** @throws RunnerEdgeError `request-refused` for anything but a request signed by the P-256 or Ed25519 key that it names. */
async function request(pem: string): Promise<Pkcs10CertificateRequest> {
  let parsed: Pkcs10CertificateRequest;
  let isSigned: boolean;
  try {
    parsed = new Pkcs10CertificateRequest(pem);
    isSigned = await parsed.verify();
  } catch (cause) {
    throw new RunnerEdgeError('request-refused', 'the certificate request cannot be read', {
      cause,
    });
  }
  if (!isSigned) {
    throw new RunnerEdgeError(
      'request-refused',
      'the certificate request is not signed by the key in it',
    );
  }
  const { algorithm } = parsed.publicKey;
  const isKnown =
    algorithm.name === 'Ed25519' ||
    (algorithm.name === 'ECDSA' && 'namedCurve' in algorithm && algorithm.namedCurve === 'P-256');
  if (isKnown) return parsed;
  throw new RunnerEdgeError(
    'request-refused',
    'the certificate request names a key that is neither P-256 nor Ed25519',
  );
}

/** As people compare it: SHA-256 of the public key, in groups of four. */
function fingerprintOf(spki: ArrayBuffer): string {
  const hex = createHash('sha256').update(Buffer.from(spki)).digest('hex');
  return hex.replace(/(.{4})(?!$)/g, '$1 ');
}

async function checked(
  caPem: string,
  pem: string,
  keyPem: string,
): Promise<{ signingKey: CryptoKey; certificate: Certificate }> {
  const refused = (what: string, cause?: unknown): ConfigurationError =>
    new ConfigurationError('configuration-refused', `runnerEdge.authority: ${what}`, { cause });
  try {
    const own = new X509Certificate(pem);
    if (!own.checkPrivateKey(createPrivateKey(keyPem))) {
      throw refused('keyFile is not the key of certificateFile');
    }
    const roots = caPem
      .split(/(?=-----BEGIN CERTIFICATE-----)/)
      .filter((part) => part.includes('BEGIN CERTIFICATE'))
      .map((part) => new X509Certificate(part));
    if (!own.ca || !roots.some((root) => own.checkIssued(root) && own.verify(root.publicKey))) {
      throw refused(
        'certificateFile is no authority below one of runnerApi.caFile; make one with: airlock ca intermediate',
      );
    }
    const der = createPrivateKey(keyPem).export({ type: 'pkcs8', format: 'der' });
    return {
      certificate: new Certificate(pem),
      signingKey: await crypto.subtle.importKey('pkcs8', der, signing, false, ['sign']),
    };
  } catch (cause) {
    if (cause instanceof ConfigurationError) throw cause;
    throw refused('certificateFile or keyFile cannot be read as PEM of a P-256 authority', cause);
  }
}

function read(setting: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new ConfigurationError(
      'configuration-unreadable',
      `${setting}: ${file} cannot be read; check the path and that this process's user may read it`,
      { cause },
    );
  }
}
