import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freePort } from '@airlock/testkit/ports';
import { openDatabase } from './client.ts';
import { isUnreachable } from './unreachable.ts';

test('a server that is not there is told from one that refuses', async () => {
  const port = await freePort();
  const database = openDatabase({ host: '127.0.0.1', port, name: 'gate', user: 'gate_web' });
  try {
    for (const ask of [
      () => database.prisma.promotion.findMany(),
      () => database.transaction(() => Promise.resolve()),
      () => database.pool.query('select 1'),
    ]) {
      await assert.rejects(ask, isUnreachable);
    }
  } finally {
    await database.close();
  }
  assert.equal(isUnreachable(new Error('unique constraint')), false);
});
