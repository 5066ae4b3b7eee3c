import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { WantedRebuild } from '@airlock/common/wire/rebuild-protocol';
import { createWorkList } from './work-list.ts';

const wanted = (promotion: string): WantedRebuild => ({
  promotion,
  repository: 'https://git.example/org/app',
  commit: 'a'.repeat(40),
  pipeline: '.woodpecker.yaml',
  releaseFile: '.airlock/release.yaml',
  artifact: { name: 'app.tar.gz', digest: 'b'.repeat(64), size: 1 },
});
const after = (seconds: number): Date => new Date(1_000_000 + seconds * 1000);

test('the oldest goes first; one that failed waits ever longer and does not hold up the next', () => {
  const list = createWorkList();
  const both = [wanted('prm_1'), wanted('prm_2')];
  assert.equal(list.next(both, after(0))?.promotion, 'prm_1');
  list.failed('prm_1', after(0));
  assert.equal(list.next(both, after(4))?.promotion, 'prm_2');
  assert.equal(list.next(both, after(5))?.promotion, 'prm_1');
  list.failed('prm_1', after(5));
  assert.equal(list.next(both, after(14))?.promotion, 'prm_2');
  assert.equal(list.next(both, after(15))?.promotion, 'prm_1');
  for (let count = 0; count < 20; count += 1) list.failed('prm_1', after(20));
  assert.equal(list.next([wanted('prm_1')], after(20 + 599)), null);
  assert.equal(list.next([wanted('prm_1')], after(20 + 600))?.promotion, 'prm_1');
});

test('what the gate no longer asks for is forgotten', () => {
  const list = createWorkList();
  list.failed('prm_1', after(0));
  assert.equal(list.next([], after(1)), null);
  assert.equal(list.next([wanted('prm_1')], after(2))?.promotion, 'prm_1');
});
