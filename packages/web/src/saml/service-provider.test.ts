import { createSamlKey } from '@airlock/cli/setup/saml-key';
import { ConfigurationError } from '@airlock/process/config';
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { SessionStore } from '../session.ts';
import { createServiceProvider } from './service-provider.ts';

const directory = mkdtempSync(join(tmpdir(), 'airlock-saml-key-'));
after(() => {
  rmSync(directory, { recursive: true, force: true });
});
const ours = await createSamlKey('ours');
const other = await createSamlKey('other');

function file(name: string, content: string): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}

const start = (certificatePem: string): unknown =>
  createServiceProvider({
    settings: {
      entityId: 'urn:test:sp',
      idp: {
        entityId: 'urn:test:idp',
        signInUrl: 'https://idp.example/sso',
        certificateFile: file('idp.pem', other.certificatePem),
      },
      keyFile: file('sp.key', ours.keyPem),
      certificateFile: file('sp.pem', certificatePem),
    },
    acsUrl: 'https://gate.example/auth/saml/acs',
    forceAuthn: true,
    // Nothing signs in here.
    store: {} as SessionStore,
    now: () => new Date(),
  });

const refusal =
  (words: RegExp) =>
  (error: unknown): boolean =>
    error instanceof ConfigurationError && words.test(error.message);

test('a certificate and the key that it belongs to are taken', () => {
  assert.doesNotThrow(() => start(ours.certificatePem));
});

test('the certificate of another key is refused at the start, with both files named', () => {
  assert.throws(
    () => start(other.certificatePem),
    refusal(/saml\.certificateFile: .*sp\.pem does not belong to the key .*sp\.key/),
  );
});

test('what is no certificate is refused at the start', () => {
  assert.throws(() => start('no certificate'), refusal(/are not a PEM certificate/));
});
