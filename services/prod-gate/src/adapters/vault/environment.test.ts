import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertSafeEnvironment } from './environment.ts';

const unsafe: NodeJS.ProcessEnv[] = [
  { VAULT_SKIP_VERIFY: 'false' },
  { VAULT_TOKEN: 's.x' },
  { BAO_TOKEN: 's.x' },
  { VAULT_NAMESPACE: 'other' },
  { VAULT_PREFIX: '/other' },
  { HTTP_PROXY: 'http://proxy' },
  { https_proxy: 'http://proxy' },
  { NODE_USE_ENV_PROXY: '1' },
  { NODE_DEBUG: 'http' },
  { NODE_DEBUG_NATIVE: 'TLS' },
  { DEBUG: 'express,node-vault' },
  { DEBUG: '*' },
  { NODE_TLS_REJECT_UNAUTHORIZED: '0' },
  { SSLKEYLOGFILE: '/tmp/keys' },
  { NODE_OPTIONS: '--inspect' },
  { NODE_OPTIONS: '--max-old-space-size=512 --require=/tmp/other.cjs' },
  { NODE_OPTIONS: '--tls-keylog=/tmp/keys' },
  { NODE_OPTIONS: '--heapsnapshot-signal=SIGUSR2' },
];
for (const environment of unsafe) {
  const [[name, value] = []] = Object.entries(environment);
  test(`${name}=${value} is refused, by its name`, () => {
    assert.throws(
      () => {
        assertSafeEnvironment(environment, []);
      },
      {
        code: 'configuration-refused',
        message: new RegExp(`${name} .*unset it`),
      },
    );
  });
}

for (const flag of [
  '--inspect',
  '--inspect-brk=127.0.0.1:9229',
  '--tls-keylog=/tmp/keys',
  '--trace-tls',
  '--trace-event-categories',
  '--use-env-proxy',
  '--heapsnapshot-signal=SIGUSR2',
  '--heap-prof',
  '--report-on-signal',
  '--tls-min-v1.0',
]) {
  test(`${flag} on the command line is refused, by its name`, () => {
    assert.throws(
      () => {
        assertSafeEnvironment({}, ['--enable-source-maps', flag]);
      },
      {
        code: 'configuration-refused',
        message: new RegExp(`${flag.replace(/=.*/, '')} .*unset it`),
      },
    );
  });
}

test('what changes nothing is let through', () => {
  assertSafeEnvironment(
    {
      PATH: '/usr/bin',
      VAULT_ADDR: 'https://other.example',
      NODE_EXTRA_CA_CERTS: '/etc/ca.pem',
      NODE_OPTIONS: '--max-old-space-size=512 --enable-source-maps',
      DEBUG: 'express',
      HTTP_PROXY: '',
    },
    ['--conditions=source', '--heapsnapshot-near-heap-limit=0', '--report-signal=SIGUSR2'],
  );
});

test('every fault is named at once, and no value', () => {
  assert.throws(
    () => {
      assertSafeEnvironment({ VAULT_TOKEN: 's.hidden', NODE_DEBUG: 'http' }, ['--inspect']);
    },
    ({ message }: Error) =>
      ['VAULT_TOKEN', 'NODE_DEBUG', '--inspect'].every((name) => message.includes(name)) &&
      !message.includes('s.hidden'),
  );
});
