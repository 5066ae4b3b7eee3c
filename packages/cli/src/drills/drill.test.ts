import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { shapes } from './dba.ts';
import { all, attackers, drill } from './drill.ts';
import { hookDrills } from './hook-door.ts';
import { drills } from './index.ts';
import { scan } from './scan.ts';
import { ourPaths, scanPaths } from './scan-paths.ts';
import { forms } from './secrets.ts';
import type { DrillTarget } from './target.ts';
import { webDrills } from './web-door.ts';

/** A service that lets everybody in and serves what nobody may have. */
const open = createServer((request, response) => {
  request.resume().on('end', () => {
    response.writeHead(202, { 'content-type': 'application/json' });
    response.end('{"delivery":"taken","me":"root:x:0:0:root"}');
  });
});
const nobody = { host: '127.0.0.1', port: 1, database: '', user: '', password: '' };
let target: DrillTarget;
before(async () => {
  await new Promise<void>((resolve) => open.listen(0, '127.0.0.1', resolve));
  // What listens on a TCP port has an address with a port.
  const origin = `http://127.0.0.1:${(open.address() as AddressInfo).port}`;
  target = {
    ...{ directory: '/nonexistent', nonprod: origin, gate: origin, webhookSecret: 'secret' },
    ...{ runnerApi: origin, enrolment: origin, runnerWork: '/nonexistent', pool: 'default' },
    runnerDay: { file: '/nonexistent', minutes: 1440 },
    repository: {
      name: 'shop/web',
      url: 'file:///nonexistent',
      bareDirectory: '/nonexistent',
      main: 'main',
    },
    ...{ deliveryTarget: 'prod-eu', gateConfig: '/nonexistent' },
    owned: {
      ...{ outbox: origin, artifactsDirectory: '/nonexistent', accounts: [] },
      ...{ gateWeb: nobody, superuser: nobody, vault: null },
      signingKeyFiles: { main: '', pr: '', test: '', promotion: '' },
    },
  };
});
after(() => {
  open.close();
});

test('no drill at the doors for forges and browsers holds against a service that lets everybody in', async () => {
  for (const each of [...hookDrills, ...webDrills]) {
    const { held, evidence } = await drill(each, target);
    assert.equal(held, false, `${each.id}: ${evidence}`);
  }
});

test('a scan names the one address that is answered otherwise, and takes a site that refuses alike for closed', async () => {
  let open = '/actuator/health';
  const closed = createServer((request, response) => {
    response.writeHead(request.url === open ? 404 : 401).end('no');
  });
  await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${(closed.address() as AddressInfo).port}`;
  try {
    const found = await scan.run({ ...target, nonprod: origin, gate: origin });
    assert.equal(found.held, false);
    assert.match(found.evidence, /, 4 differ: GET http:\S+\/actuator\/health: 404,/);
    open = '';
    const none = await scan.run({ ...target, nonprod: origin, gate: origin });
    assert.deepEqual([none.held, / 0 differ$/.test(none.evidence)], [true, true], none.evidence);
  } finally {
    closed.close();
  }
});

test('a scan asks for at least 500 addresses, ours among them', () => {
  assert.ok(scanPaths.length >= 500, `${scanPaths.length} addresses`);
  assert.ok(ourPaths.every((path) => scanPaths.includes(path)));
});

test('an attack that could not be made shows nothing, and does not hold', async () => {
  const drilled = await drill(
    {
      ...{ id: 'none', controls: [], attacker: 'outsider', attack: 'tries nothing' },
      run: () => Promise.reject(new Error('no such door')),
    },
    target,
  );
  assert.deepEqual(drilled, {
    ...{ id: 'none', kind: 'outsider', held: false },
    evidence: 'could not be tried: no such door',
  });
});

test('one way that got through is enough, and no way at all shows nothing', () => {
  const refused = { way: 'front', held: true, answer: '403' };
  assert.deepEqual(all([refused]), { held: true, evidence: 'front: 403' });
  assert.deepEqual(all([refused, { way: 'back', held: false, answer: '200' }]), {
    held: false,
    evidence: '1 of 2 ways got through: back: 200',
  });
  assert.equal(all([]).held, false);
});

test('every drill has a name of its own', () => {
  assert.equal(new Set(drills.map(({ id }) => id)).size, drills.length);
});

test('every kind of attacker has a drill', () => {
  const without = attackers.filter((kind) => !drills.some(({ attacker }) => attacker === kind));
  assert.deepEqual(without, []);
});

test('what is looked for in a log is what the shell prints of a secret in that encoding', () => {
  const value = 'dr"l/+&=0123456789abcdef0123456789abcdef0123';
  for (const { name, shell, of } of forms) {
    const printed = execFileSync('bash', ['-c', shell], { input: value, encoding: 'utf8' });
    assert.ok(printed.includes(of(value)), `${name}: ${printed} lacks ${of(value)}`);
  }
});

test('a value is looked for as rows show it: quoted text, bytes, and base64', () => {
  const value = 'dr"l/+&=0123456789abcdef0123456789abcdef0123';
  const rows = [
    `(1,"${value.replaceAll('"', '""')}")`,
    `(1,"\\\\x${Buffer.from(value).toString('hex')}")`,
    `(1,${Buffer.from(value).toString('base64')})`,
  ];
  for (const row of rows)
    assert.ok(
      shapes(value).some((shape) => row.includes(shape)),
      row,
    );
});

test('docs/operations/drills.md lists every drill as it is', () => {
  const page = readFileSync(
    join(import.meta.dirname, '../../../../docs/operations/drills.md'),
    'utf8',
  );
  const listed = page
    .split('\n')
    .filter((line) => line.startsWith('- `'))
    .sort();
  const wanted = drills
    .map(
      ({ id, attacker, attack, controls }) =>
        `- \`${id}\` (${[attacker, ...controls].join(', ')}): ${attack}`,
    )
    .sort();
  assert.deepEqual(listed, wanted);
});
