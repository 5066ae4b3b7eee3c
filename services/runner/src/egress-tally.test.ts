import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EgressReport, maxEgressHosts } from '@airlock/common/wire/isolation';
import { createEgressTally } from './egress-tally.ts';

test('what the networks of a job carried is one sum, and the next job begins at nothing', () => {
  const tally = createEgressTally();
  tally.add({ allowed: 1, refused: 2, bytesIn: 30, bytesOut: 4 });
  tally.add({ allowed: 1, refused: 0, bytesIn: 5, bytesOut: 6 });
  assert.deepEqual(tally.take(), { allowed: 2, refused: 2, bytesIn: 35, bytesOut: 10, hosts: [] });
  assert.deepEqual(tally.take(), { allowed: 0, refused: 0, bytesIn: 0, bytesOut: 0, hosts: [] });
});

test('every host that a job asked for is named once, with what came of it, and the next job begins at none', () => {
  const tally = createEgressTally();
  tally.decided({ host: 'Registry.example', allowed: true });
  tally.decided({ host: 'registry.example', allowed: true });
  tally.decided({ host: '169.254.169.254', allowed: false });
  assert.deepEqual(tally.take().hosts, [
    { host: 'registry.example', allowed: 2, refused: 0 },
    { host: '169.254.169.254', allowed: 0, refused: 1 },
  ]);
  assert.deepEqual(tally.take().hosts, []);
});

test('a job that asks for more hosts, or for longer names, than a report takes makes a report that is taken', () => {
  const tally = createEgressTally();
  for (let n = 0; n < 2 * maxEgressHosts; n += 1)
    tally.decided({ host: `${n}.${'x'.repeat(300)}`, allowed: false });
  const report = tally.take();
  assert.equal(report.hosts.length, maxEgressHosts);
  assert.equal(EgressReport.safeParse(report).success, true);
});
