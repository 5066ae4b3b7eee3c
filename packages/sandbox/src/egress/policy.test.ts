import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  isListed,
  isPublic,
  parseEgressEntry,
  parseTarget,
  permittedAddresses,
  type EgressEntry,
} from './policy.ts';

const list = (...texts: string[]): EgressEntry[] =>
  texts.map((text) => {
    const entry = parseEgressEntry(text);
    assert.ok(entry !== null, text);
    return entry;
  });

test('a name is listed with its port alone, in any case of letters', () => {
  const allow = list('registry.npmjs.org:443');
  const asked = (text: string): boolean => {
    const target = parseTarget(text);
    return target !== null && isListed(allow, target);
  };
  assert.deepEqual(
    [
      'registry.npmjs.org:443',
      'REGISTRY.npmjs.org:443',
      'registry.npmjs.org:80',
      'evil-registry.npmjs.org:443',
      'registry.npmjs.org.evil.example:443',
      'npmjs.org:443',
    ].map(asked),
    [true, true, false, false, false, false],
  );
});

test('a star stands for one or more labels, and never for the name itself', () => {
  const allow = list('*.example.org:443');
  const asked = (host: string): boolean => isListed(allow, { host, port: 443 });
  assert.deepEqual(['a.example.org', 'a.b.example.org', 'example.org', 'aexample.org'].map(asked), [
    true,
    true,
    false,
    false,
  ]);
});

test('an address that is written as a C library reads it and nobody else does is malformed', () => {
  for (const host of ['2130706433', '0x7f.1', '127.1', '0177.0.0.1', '0x7f000001', '127.0.0.1.']) {
    assert.equal(parseTarget(`${host}:80`), null, host);
  }
  for (const text of [
    'a:0',
    'a:65536',
    'a',
    ':80',
    'a b:80',
    'a@b:80',
    'a/b:80',
    '::1:80',
    '-a:80',
  ]) {
    assert.equal(parseTarget(text), null, text);
  }
  assert.deepEqual(parseTarget('[::1]:80'), { host: '::1', port: 80 });
});

test('no entry is a star alone or a range', () => {
  for (const text of [
    '*:443',
    '*.:443',
    '10.0.0.0/8:443',
    '*.10.0.0.1:443',
    'a.*.org:443',
    'a:*',
  ]) {
    assert.equal(parseEgressEntry(text), null, text);
  }
});

test('private, local, shared, reserved and tunnelled addresses are not public', () => {
  for (const address of [
    ...['127.0.0.1', '127.255.0.1', '0.0.0.0', '10.1.2.3', '172.16.0.1', '172.31.255.255'],
    ...['192.168.1.1', '169.254.169.254', '100.64.0.1', '224.0.0.1', '255.255.255.255'],
    ...[
      '::',
      '::1',
      '::ffff:127.0.0.1',
      '::ffff:8.8.8.8',
      'fe80::1',
      'fc00::1',
      'fd12::1',
      'ff02::1',
    ],
    ...['64:ff9b::7f00:1', '2002:7f00:1::', '2001::1', 'fec0::1', 'fe80::1%lo', 'not an address'],
  ]) {
    assert.equal(isPublic(address), false, address);
  }
  for (const address of ['8.8.8.8', '172.32.0.1', '100.128.0.1', '2606:4700::1111']) {
    assert.equal(isPublic(address), true, address);
  }
});

test('of what a listed name resolves to, a private address counts only when it is listed itself', () => {
  const allow = list('registry.internal:443', '10.0.0.5:443');
  const permitted = permittedAddresses(
    allow,
    ['8.8.8.8', '10.0.0.5', '10.0.0.6', '127.0.0.1'],
    443,
  );
  assert.deepEqual(permitted, ['8.8.8.8', '10.0.0.5']);
  assert.deepEqual(permittedAddresses(allow, ['10.0.0.5'], 80), []);
});
