import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EgressConfig } from '@airlock/build/isolation/egress';
import { RunnerHello } from '@airlock/common/wire/runner-enrolment';
import { toldEgress } from './told-egress.ts';

const hello = { version: '1', isolation: 'bubblewrap', labels: [] };
const allowing = (allow: readonly string[]) => EgressConfig.parse({ allow, mirrors: {} });

test('a runner tells the places of its list in words that nonprod reads, 200 of them and how many there are', () => {
  const longest = `*.${Array.from({ length: 4 }, () => 'a'.repeat(62)).join('.')}.b:65535`;
  const few = ['registry.npmjs.org:443', '[2001:db8::1]:443', '10.0.0.5:5432', longest];
  const told = toldEgress({ isolation: 'bubblewrap', egress: allowing(few) });
  assert.deepEqual(told, { egress: { places: few, count: 4 } });
  assert.ok(RunnerHello.safeParse({ ...hello, ...told }).success);
  const many = Array.from({ length: 1000 }, (_, index) => `host-${index}.example:443`);
  const { egress } = toldEgress({ isolation: 'podman', egress: allowing(many) });
  assert.deepEqual([egress?.places.length, egress?.count], [200, 1000]);
  assert.ok(RunnerHello.safeParse({ ...hello, egress }).success);
  assert.ok(!RunnerHello.safeParse({ ...hello, egress: { places: many, count: 1000 } }).success);
});

test('without a list nothing is outside, and where builds have the machine’s network nothing is told', () => {
  assert.deepEqual(toldEgress({ isolation: 'bubblewrap', egress: undefined }), {
    egress: { places: [], count: 0 },
  });
  for (const isolation of ['user', 'none'] as const) {
    assert.deepEqual(toldEgress({ isolation, egress: undefined }), {});
  }
});
