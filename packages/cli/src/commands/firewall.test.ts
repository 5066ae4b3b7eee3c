import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Listener } from '../doctor/listeners.ts';
import { listenersOf } from '../doctor/listeners.ts';
import { CliError } from '../exit-codes.ts';
import { firewall } from './firewall.ts';

const door: Listener = {
  ...{ file: '/etc/airlock/gate-web.yaml', setting: 'listen', host: '10.2.0.7', port: 443 },
  ...{ isTls: false, allowFrom: ['10.2.0.0/16', '2001:db8::/32'], redirectPort: 80 },
};

test('a door is its address and its ports, the one that leads to HTTPS among them', () => {
  const rules = firewall([door]);
  assert.ok(
    rules.includes(
      '    ip daddr 10.2.0.7 ip saddr @gate_web_listen_v4 tcp dport { 443, 80 } accept',
    ),
    rules.join('\n'),
  );
  assert.ok(rules.includes('    ip daddr 10.2.0.7 tcp dport { 443, 80 } counter drop'));
});

test('a door at every address is known by its port, for both kinds of addresses', () => {
  const rules = firewall([{ ...door, host: '::' }]).join('\n');
  assert.match(rules, /^ {4}ip saddr @gate_web_listen_v4 tcp/m);
  assert.match(rules, /^ {4}ip6 saddr @gate_web_listen_v6 tcp/m);
  assert.match(rules, /^ {4}tcp dport \{ 443, 80 \} counter drop$/m);
});

test('a door on loopback needs no rule', () => {
  assert.deepEqual(firewall([{ ...door, host: '127.0.0.1' }]), firewall([]));
});

test('what is no network stops it, and says where it stands', () => {
  assert.throws(
    () => firewall([{ ...door, allowFrom: ['10.2.0.0/16', '10.0.0.0/8 } ; flush ruleset'] }]),
    (error) =>
      error instanceof CliError &&
      error.message.startsWith('/etc/airlock/gate-web.yaml: listen.allowFrom: 10.0.0.0/8 }'),
  );
});

test('enrolment has the wall of the runner API, to which the same machines come next', () => {
  const content = {
    runnerApi: { host: '10.1.0.5', port: 8443, allowFrom: ['10.1.0.64/28'] },
    runnerEdge: { enrolment: { host: '10.1.0.5', port: 8444 } },
  };
  const files = [{ path: '/etc/airlock/nonprod-web.yaml', content }];
  const found = listenersOf({ directory: '/etc/airlock', files });
  assert.deepEqual(
    found.map(({ setting, allowFrom }) => [setting, allowFrom]),
    [
      ['runnerApi', ['10.1.0.64/28']],
      ['runnerEdge.enrolment', ['10.1.0.64/28']],
    ],
  );
});

test('where a process connects to is no door of this host: its database, and the server that takes its mail', () => {
  const content = {
    database: { host: '10.1.0.20', port: 5432 },
    notifications: { mail: { host: 'smtp.example.com', port: 465 } },
  };
  const files = [{ path: '/etc/airlock/gate-watchdog.yaml', content }];
  assert.deepEqual(listenersOf({ directory: '/etc/airlock', files }), []);
});
