import assert from 'node:assert/strict';
import { test } from 'node:test';
import { markOf, openSuspicion, type Flag } from './flag.ts';
import { reviewRefusal } from './review.ts';

const flag = (kind: Flag['kind'], rule: string): Flag => ({ kind, rule, text: 't', lines: null });

test('nobody looks at their own run for the others, however their address is written', () => {
  const theirs = ['dana', 'Ann@Example.com'];
  assert.match(reviewRefusal(theirs, 'dana') ?? '', /You started this run/);
  assert.match(reviewRefusal(theirs, 'ann@example.com') ?? '', /You started this run/);
  assert.equal(reviewRefusal(theirs, 'leo'), null);
});

test('what is suspicious is open until somebody looked, and what is unusual never is', () => {
  const flags = [flag('unusual', 'duration'), flag('suspicious', 'miner')];
  assert.match(openSuspicion({ flags, review: null }) ?? '', /suspicious \(miner\), and nobody/);
  assert.equal(openSuspicion({ flags, review: {} }), null);
  assert.equal(openSuspicion({ flags: flags.slice(0, 1), review: null }), null);
  assert.equal(markOf({ suspicious: true, reviewed: false }), 'suspicious');
  assert.equal(markOf({ suspicious: true, reviewed: true }), 'reviewed');
  assert.equal(markOf({ suspicious: false, reviewed: false }), 'unusual');
});
