/**
 * Who this runner is: one PEM file with its private key and its certificate chain, so that both are replaced by one rename and
 * no crash leaves a key beside another key's certificate.
 */
import { X509Certificate } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { ConfigurationError } from '@airlock/process/config';

export type Validity = { notBefore: Date; notAfter: Date };

/** @throws ConfigurationError when the file is no identity, or has ended. */
export function readValidity(identityFile: string, now: Date): Validity {
  const refused = (what: string, cause?: unknown): ConfigurationError =>
    new ConfigurationError(
      'configuration-refused',
      `controlPlane.identityFile: ${identityFile} ${what}; check the path, or bring this runner in with a new token: airlock runner token, then airlock-runner join`,
      { cause },
    );
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(readFileSync(identityFile));
  } catch (cause) {
    throw refused('cannot be read as a key and a certificate in PEM', cause);
  }
  const validity = {
    notBefore: new Date(certificate.validFrom),
    notAfter: new Date(certificate.validTo),
  };
  if (validity.notAfter <= now) throw refused(`ended at ${validity.notAfter.toISOString()}`);
  return validity;
}

/** Replaces what is there, if anything; a reader sees the old file or the new one. */
export function writeIdentity(identityFile: string, keyPem: string, chainPem: string): void {
  replaceFile(identityFile, `${keyPem.trim()}\n${chainPem.trim()}\n`, 0o600);
}

export function replaceFile(file: string, content: string, mode: number): void {
  const beside = `${file}.new`;
  writeFileSync(beside, content, { mode, flush: true });
  renameSync(beside, file);
}

/** Half of its life, so that as much again is left to try in. */
export const renewalOf = ({ notBefore, notAfter }: Validity): Date =>
  new Date((notBefore.getTime() + notAfter.getTime()) / 2);
