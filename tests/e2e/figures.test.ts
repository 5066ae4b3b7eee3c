import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { root } from '@airlock/demo/names';
import { parse } from 'yaml';
import { z } from 'zod';
import { runningPair } from '../support/pair.ts';

const named = (metrics: string): string[] =>
  [...metrics.matchAll(/^# TYPE (\S+) /gm)].map(([, name = '']) => name).sort();

/** As browsers do: what ends in .localhost is this machine, whatever the resolver says. */
async function askByName(url: URL): Promise<{ readonly status: number; readonly body: string }> {
  const { port, host, pathname: path } = url;
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, path, headers: { host } }, (response) => {
      text(response).then((body) => {
        resolve({ status: response.statusCode ?? 0, body });
      }, reject);
    }).on('error', reject);
  });
}

test('both services tell figures at a port of this machine, and not at the one for people', async () => {
  const pair = await runningPair();
  const { nonprodOrigin, gateOrigin, ports } = pair;
  const at = async (port: number, path: string): Promise<string> => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`);
    const body = await response.text();
    assert.equal(response.status, 200, body);
    return body;
  };
  assert.deepEqual(named(await at(ports.nonprodFigures, '/metrics')), [
    'airlock_build_info',
    'airlock_build_seconds',
    'airlock_certificate_end_timestamp_seconds',
    'airlock_credential_due_timestamp_seconds',
    'airlock_job_wait_seconds',
    'airlock_outbox_poll_age_seconds',
    'airlock_pool_desired',
    'airlock_queue_wait_seconds',
    'airlock_runner_online',
    'airlock_runs_total',
  ]);
  const gate = await at(ports.gateFigures, '/metrics');
  assert.deepEqual(named(gate), [
    'airlock_build_info',
    'airlock_certificate_end_timestamp_seconds',
    'airlock_credential_due_timestamp_seconds',
    'airlock_decision_seconds',
    'airlock_deliveries_total',
    'airlock_delivery_seconds',
    'airlock_ledger_checkpoint_age_seconds',
    'airlock_ledger_entries',
    'airlock_outbox_poll_age_seconds',
    'airlock_stops_in_force',
    'airlock_vault_leases_active',
    'airlock_vault_revoke_failures_total',
  ]);
  assert.match(gate, /^airlock_ledger_entries [1-9]\d*$/m);
  for (const kind of ['freeze', 'stop-all']) {
    assert.match(gate, new RegExp(`^airlock_stops_in_force\\{kind="${kind}"\\} 0$`, 'm'));
  }
  const certificate =
    /^airlock_certificate_end_timestamp_seconds\{setting="saml.certificateFile"\} (\S+)$/m;
  const ends = new X509Certificate(readFileSync(pair.keys.saml.gate.certificateFile)).validToDate;
  assert.equal(Number(certificate.exec(gate)?.[1]) * 1000, ends.getTime());
  for (const port of [ports.nonprodFigures, ports.gateFigures]) await at(port, '/readyz');
  for (const origin of [nonprodOrigin, gateOrigin]) {
    const answer = await askByName(new URL('/metrics', origin));
    assert.ok([303, 401, 404].includes(answer.status), String(answer.status));
    assert.ok(!answer.body.includes('airlock_'), origin);
  }
});

const Rules = z.object({
  groups: z.array(
    z.object({
      name: z.string(),
      rules: z.array(
        z.strictObject({
          alert: z.string().regex(/^Airlock[A-Za-z]+$/),
          expr: z.string(),
          for: z.string().optional(),
          labels: z.strictObject({ severity: z.enum(['page', 'ticket']) }),
          annotations: z.strictObject({ summary: z.string(), runbook: z.string() }),
        }),
      ),
    }),
  ),
});

/** As forges make anchors of headings. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\w\s-]/g, '')
    .replaceAll(' ', '-');

test('B60: every alert asks for figures that are told, and leads to a page that is there', async () => {
  const { ports } = await runningPair();
  const told = new Set<string>();
  for (const port of [ports.nonprodFigures, ports.gateFigures]) {
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    for (const [, name = '', type] of text.matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
      const parts = type === 'histogram' ? ['_bucket', '_sum', '_count'] : [''];
      for (const part of parts) told.add(`${name}${part}`);
    }
  }
  const file = readFileSync(join(root, 'deploy/alerts/airlock.rules.yaml'), 'utf8');
  const rules = Rules.parse(parse(file)).groups.flatMap((group) => group.rules);
  assert.equal(new Set(rules.map(({ alert }) => alert)).size, rules.length);
  for (const { alert, expr, annotations } of rules) {
    const asked = expr.match(/airlock_\w+/g) ?? [];
    assert.ok(asked.length > 0, alert);
    for (const name of asked) assert.ok(told.has(name), `${alert}: nothing tells ${name}`);
    const [page = '', anchor] = annotations.runbook.split('#');
    assert.match(page, /^docs\/operations\/[a-z-]+\.md$/, alert);
    assert.ok(existsSync(join(root, page)), `${alert}: ${page}`);
    const headings = readFileSync(join(root, page), 'utf8').match(/^#+ .*$/gm) ?? [];
    const anchors = headings.map((heading) => anchorOf(heading.replace(/^#+ /, '')));
    if (anchor !== undefined) assert.ok(anchors.includes(anchor), `${alert}: ${page}#${anchor}`);
  }
});
