import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configurationDigest, settingChanges, shownConfiguration } from './config-digest.ts';

const digest = (text: string): string => configurationDigest(shownConfiguration(text));
const base = 'redis:\n  url: redis://airlock:hunter2@127.0.0.1:6379/0\nport: 1\n';

test('comments, order and white space change no digest, and every setting does', () => {
  assert.equal(digest(`port:   1 # why\n${base.replace('port: 1\n', '')}`), digest(base));
  for (const other of [
    base.replace('port: 1', 'port: 2'),
    base.replace('port: 1', 'port: "1"'),
    base.replace('6379', '6380'),
    `${base}list: [a]\n`,
    `${base}list: []\n`,
    `${base}list: null\n`,
  ]) {
    assert.notEqual(digest(other), digest(base), other);
  }
});

test('no secret is in what is shown, and none can be tried out on the digest', () => {
  const others = [
    base.replace('hunter2', 'hunter3'),
    base.replace('airlock:hunter2', 'https-token-as-user'),
    base.replace('hunter2', 'pass@word'),
  ];
  for (const other of others) assert.equal(digest(other), digest(base), other);
  const broken = (password: string): string => digest(base.replace('hunter2', password));
  assert.equal(broken('hun/ter2'), broken('hun/ter3'));
  const written = JSON.stringify(
    shownConfiguration(`${base}hooks: [{ secret: canary-1 }]\napiToken: [canary-2]\n`),
  );
  assert.doesNotMatch(written, /hunter2|canary/);
  assert.match(written, /127\.0\.0\.1:6379/);
});

test('what changed is told by its place, with both values', () => {
  const after = base.replace('6379', '6380').replace('port: 1', 'ports: [1, 2]');
  assert.deepEqual(settingChanges(shownConfiguration(base), shownConfiguration(after)), [
    { path: 'port', before: '1', after: null },
    { path: 'ports.0', before: null, after: '1' },
    { path: 'ports.1', before: null, after: '2' },
    {
      path: 'redis.url',
      before: '"redis://(not shown)@127.0.0.1:6379/0"',
      after: '"redis://(not shown)@127.0.0.1:6380/0"',
    },
  ]);
  assert.deepEqual(settingChanges(shownConfiguration(base), shownConfiguration(base)), []);
});
