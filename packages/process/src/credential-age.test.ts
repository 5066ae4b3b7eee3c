import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { credentialsOf, overdue, overdueWords, RotateEvery } from './credential-age.ts';

const directory = mkdtempSync(join(tmpdir(), 'airlock-credentials-'));
after(() => {
  rmSync(directory, { recursive: true });
});

const written = new Date('2026-01-01T00:00:00Z');
function file(name: string, content = 'something secret'): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  utimesSync(path, written, written);
  return path;
}
const config = {
  webhookKeyFile: file('webhook.key'),
  database: { host: '127.0.0.1', passwordFile: file('password') },
  forges: [{ name: 'forge', tokenFile: file('token') }, { secretFile: file('secret') }],
  ledgerKeyFile: file('ledger.vkey', 'ledger.example+1a2b3c4d+AbCd\n'),
  known: { keyFile: file('public.pem', '-----BEGIN PUBLIC KEY-----\n…') },
  ledger: { keyFile: file('ledger.key') },
  saml: { certificateFile: file('certificate.pem'), keyFile: join(directory, 'not-there') },
  keyFile: null,
  keys: { main: [file('main.pem'), file('next.pem')], pr: file('pr.pem') },
};
const every = RotateEvery.parse({});

test('keys and secrets are found wherever a configuration names them; what only verifies, and certificates, are none', () => {
  assert.deepEqual(
    credentialsOf(config, every).map(({ setting, kind, since }) => [setting, kind, since]),
    [
      ['webhookKeyFile', 'key', written],
      ['database.passwordFile', 'secret', written],
      ['forges.0.tokenFile', 'secret', written],
      ['forges.1.secretFile', 'secret', written],
      ['keys.main.0', 'key', written],
      ['keys.main.1', 'key', written],
      ['keys.pr', 'key', written],
    ],
  );
});

test('a credential is overdue from the day on, by its kind, and no longer once its file is written anew', () => {
  const names = (at: string): string[] =>
    overdue(credentialsOf(config, every), new Date(at)).map(({ setting }) => setting);
  assert.deepEqual(names('2026-06-29T23:59:59Z'), []);
  const secrets = ['database.passwordFile', 'forges.0.tokenFile', 'forges.1.secretFile'];
  assert.deepEqual(names('2026-06-30T00:00:00Z'), secrets);
  assert.deepEqual(names('2026-12-31T23:59:59Z'), secrets);
  const keys = ['keys.main.0', 'keys.main.1', 'keys.pr'];
  assert.deepEqual(names('2027-01-01T00:00:00Z'), ['webhookKeyFile', ...secrets, ...keys]);
  utimesSync(join(directory, 'token'), written, new Date('2026-12-01T00:00:00Z'));
  try {
    assert.deepEqual(names('2027-01-01T00:00:00Z'), [
      'webhookKeyFile',
      'database.passwordFile',
      'forges.1.secretFile',
      ...keys,
    ]);
  } finally {
    file('token');
  }
});

test('how often is bounded: it can be said, and not that it is never', () => {
  const [key] = credentialsOf(config, RotateEvery.parse({ keyDays: 30 }));
  assert.ok(key !== undefined);
  assert.equal(
    overdueWords(key, new Date('2026-03-02T12:00:00Z')),
    'webhookKeyFile has been in use for 60 days; it is to be replaced every 30',
  );
  for (const days of [0, -1, 1_826, Infinity, null]) {
    assert.equal(RotateEvery.safeParse({ keyDays: days }).success, false, String(days));
  }
  assert.equal(RotateEvery.safeParse({ secretDays: 731 }).success, false);
});
