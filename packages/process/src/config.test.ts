import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { z } from 'zod';
import { ConfigurationError, FilePath, parseConfig } from './config.ts';
import { DatabaseSettings, poolConfig, RedisSettings } from './settings.ts';

const Schema = z.strictObject({
  intervalSeconds: z
    .int()
    .min(1)
    .max(60)
    .describe('How often, in seconds (1 to 60). Default 2.')
    .default(2),
  keyFile: FilePath.describe('The private key, PEM.'),
  database: DatabaseSettings,
  redis: RedisSettings,
});

const good = `
keyFile: keys/signer.pem
database: { host: 127.0.0.1, port: 5432, name: gate, user: gate_web }
redis: null
`;

function faults(text: string): string[] {
  try {
    parseConfig(Schema, text, '/etc/airlock/gate.yaml');
  } catch (error) {
    assert.ok(error instanceof ConfigurationError);
    return error.message.split('\n');
  }
  return [];
}

test('a complete file gives values, defaults, and paths from the file’s own directory', () => {
  const config = parseConfig(Schema, good, '/etc/airlock/gate.yaml');
  assert.equal(config.keyFile, '/etc/airlock/keys/signer.pem');
  assert.equal(config.intervalSeconds, 2);
  assert.equal(config.redis, null);
});

test('an absolute path stays as it is', () => {
  const text = good.replace('keys/signer.pem', '/run/secrets/key');
  assert.equal(parseConfig(Schema, text, 'conf/gate.yaml').keyFile, '/run/secrets/key');
});

test('all faults are listed at once, each with file, key, what and how to mend it', () => {
  assert.deepEqual(
    faults(`
intervalSeconds: 90
databse: {}
database: { host: 127.0.0.1, port: 99999, name: gate, user: gate_web, pasword: x }
redis: { url: localhost }
`),
    [
      '/etc/airlock/gate.yaml: intervalSeconds: Too big: expected number to be <=60; expected: How often, in seconds (1 to 60). Default 2.',
      '/etc/airlock/gate.yaml: keyFile: required and missing; add it: The private key, PEM.',
      '/etc/airlock/gate.yaml: database.port: Too big: expected number to be <=65535; expected: Port of Postgres (1 to 65535). Usually 5432.',
      '/etc/airlock/gate.yaml: database.pasword: unknown key; remove it or correct its spelling (known here: host, port, name, user, passwordFile)',
      '/etc/airlock/gate.yaml: redis.url: expected redis:// or rediss://; expected: Where Redis is, as redis://[user:password@]host:port[/database].',
      '/etc/airlock/gate.yaml: databse: unknown key; did you mean database?',
    ],
  );
});

test('a rule about several keys says itself what is wrong with one that is left out', () => {
  const either = z
    .strictObject({ a: z.string().optional().describe('One way.'), b: z.string().optional() })
    .superRefine(({ a, b }, context) => {
      if (a === undefined && b === undefined)
        context.addIssue({ code: 'custom', path: ['a'], message: 'write a or b' });
    });
  assert.throws(
    () => parseConfig(either, '{}', '/etc/airlock/x.yaml'),
    /x\.yaml: a: write a or b; expected: One way\.$/,
  );
});

const malformed: [claim: string, text: string, message: RegExp][] = [
  ['a duplicate key', `${good}keyFile: other.pem\n`, /Map keys must be unique at line 5/],
  ['an alias', `a: &x 1\nb: *x\n`, /aliases .* are not accepted/],
  ['a list at the top', '- a\n', /a mapping of keys/],
  ['an empty file', '', /a mapping of keys/],
  ['two documents', 'a: 1\n---\nb: 2\n', /multiple documents/],
  ['an unknown tag', 'a: !env HOME\n', /Unresolved tag/],
  ['a file that is too long', `# ${'x'.repeat(300_000)}\n`, /longer than 262144 bytes/],
];
for (const [claim, text, message] of malformed) {
  test(`${claim} is refused`, () => {
    const [fault = ''] = faults(text);
    assert.ok(fault.startsWith('/etc/airlock/gate.yaml: '), fault);
    assert.match(fault, message);
  });
}

test('a __proto__ key is refused and sets nothing', () => {
  assert.notDeepEqual(faults(`${good}__proto__: { polluted: 1 }\n`), []);
  assert.equal(Reflect.get({}, 'polluted'), undefined);
});

test('the password comes from its file, without the line end', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'airlock-settings-'));
  t.after(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  writeFileSync(join(directory, 'password'), 's3cret \n');
  const text = good.replace('gate_web }', 'gate_web, passwordFile: password }');
  const config = parseConfig(Schema, text, join(directory, 'gate.yaml'));
  assert.equal(poolConfig(config.database).password, 's3cret ');
});

test('a missing password file is a configuration fault that names it', () => {
  const settings = { host: 'h', port: 1, name: 'n', user: 'u', passwordFile: '/nonexistent/pw' };
  assert.throws(
    () => poolConfig(settings),
    (error) =>
      error instanceof ConfigurationError &&
      error.code === 'configuration-unreadable' &&
      error.message.includes('/nonexistent/pw'),
  );
});

test('without a password file no password is sent', () => {
  assert.equal('password' in poolConfig({ host: 'h', port: 1, name: 'n', user: 'u' }), false);
});
