import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EgressConfig } from './egress.ts';

type Told = { readonly mirrors: object | null; readonly faults: string };

function read(allow: string[], mirrors: object): Told {
  const parsed = EgressConfig.safeParse({ allow, mirrors });
  if (parsed.success) return { mirrors: parsed.data.mirrors, faults: '' };
  const faults = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  return { mirrors: null, faults: faults.join('; ') };
}

test('a mirror is taken where the list leads to it, by its port or that of its scheme', () => {
  const mirrors = { npm: 'https://npm.example/npm/', pip: 'http://10.0.0.5:8081/simple' };
  assert.deepEqual(read(['npm.example:443', '10.0.0.5:8081'], mirrors).mirrors, mirrors);
  assert.deepEqual(read(['*.example:443'], { npm: 'https://npm.example/' }).mirrors, {
    npm: 'https://npm.example/',
  });
});

test('one that no step could reach, that has a password or is none for http is refused by its name', () => {
  const npm = (address: string): string => read(['npm.example:443'], { npm: address }).faults;
  assert.equal(
    npm('https://npm.example:8443/'),
    'mirrors.npm: npm.example:8443 is not in egress.allow, so that no step reaches this mirror; add it there',
  );
  assert.match(npm('http://npm.example/'), /mirrors\.npm: npm\.example:80 is not in/);
  assert.match(npm('https://me:secret@npm.example/'), /mirrors\.npm: .* has no password/);
  assert.match(npm('file:///srv/npm'), /mirrors\.npm: Invalid URL/);
  assert.match(read(['npm.example:443'], { cargo: 'https://npm.example/' }).faults, /cargo/);
});
