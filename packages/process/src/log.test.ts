import { AirlockError } from '@airlock/common/errors';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatLine, type LogFields } from './log.ts';

const now = new Date('2026-11-22T10:00:00.123Z');
const line = (fields: LogFields): string =>
  formatLine('gate-intake', now, 'warn', 'outbox.behind', fields);

test('a line has ECS names', () => {
  assert.deepEqual(JSON.parse(line({ items: 3, at: now })), {
    '@timestamp': '2026-11-22T10:00:00.123Z',
    'log.level': 'warn',
    message: 'outbox.behind',
    'service.name': 'gate-intake',
    'event.action': 'outbox.behind',
    items: 3,
    at: '2026-11-22T10:00:00.123Z',
  });
});

test('no value can start a new line or drive a terminal', () => {
  const hostile = 'a\nb\r\u001b[2J\u0000\u007f\u009b31m\u2028\u202edrow\u200b';
  const written = line({ name: hostile, list: [hostile] });
  assert.match(written, /^[\u0020-\u007e]*$/);
  const parsed: unknown = JSON.parse(written);
  assert.ok(typeof parsed === 'object' && parsed !== null && 'name' in parsed);
  assert.equal(parsed.name, hostile);
});

test('an error shows its code and message, never its cause or its own fields', () => {
  const cause = Object.assign(new Error('connect'), { token: 'hvs.secret' });
  const written = line({ error: new AirlockError('vault-unreachable', 'no answer', { cause }) });
  assert.ok(written.includes('"error":{"code":"vault-unreachable","message":"no answer"}'));
  assert.ok(!written.includes('secret'));
});

test('a system error shows the code the system gave', () => {
  const error = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
  assert.ok(line({ error }).includes('"code":"ECONNREFUSED"'));
});

test('a field cannot replace the time, the level, the service or the event', () => {
  const written = line({
    '@timestamp': 'x',
    'log.level': 'x',
    'service.name': 'x',
    'event.action': 'x',
    message: 'for people',
  });
  assert.deepEqual(JSON.parse(written), {
    '@timestamp': '2026-11-22T10:00:00.123Z',
    'log.level': 'warn',
    message: 'for people',
    'service.name': 'gate-intake',
    'event.action': 'outbox.behind',
  });
});
