/**
 * `npm run contract:vault [-- --json]`: the contract suite as a table, group by server. On the stand-in as each server that it
 * imitates, and on a real one: the one at VAULT_ADDR (with VAULT_TEST_ROOT_TOKEN, and VAULT_CACERT when its certificate is not
 * of a public authority), else `bao` or `vault` on PATH in dev mode. Run it against your own Vault before you go live: it makes
 * mounts, policies and roles with names of their own and removes them; the mount `approle` stays, which the gate needs too. It
 * never seals or steps down anything. Your Vault must reach the Postgres at TEST_PG_URL (a superuser's); without TEST_PG_URL one
 * is started on this machine.
 */
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { run } from 'node:test';
import { parseArgs } from 'node:util';
import { realVault } from '@airlock/testkit/vault-server';
import { profiles } from '@airlock/vault-double/profile';

type Outcome = { test: string; result: 'passed' | 'failed' | 'skipped'; reason: string | null };
type Group = { group: string; server: string; outcomes: Outcome[] };

const root = join(import.meta.dirname, '../../..');
const { values } = parseArgs({ options: { json: { type: 'boolean', default: false } } });

prepareEnvironment();
const real = realVault();
const groups = await runSuite();
const failed = groups.flatMap(({ outcomes }) => outcomes).filter(isFailure).length;
if (values.json) {
  process.stdout.write(
    `${JSON.stringify({ ok: failed === 0 && groups.length > 0, real: real?.name ?? null, groups }, null, 2)}\n`,
  );
} else {
  printTable(groups);
}
process.exitCode = failed === 0 && groups.length > 0 ? 0 : 1;

function isFailure({ result }: Outcome): boolean {
  return result === 'failed';
}

/** Set here, because the processes of the test files inherit it. */
function prepareEnvironment(): void {
  process.env['AIRLOCK_CONTRACT_PROFILES'] ??= Object.keys(profiles).join(',');
  const { TEST_PG_URL: url, VAULT_CACERT: authority } = process.env;
  if (url !== undefined) {
    const { hostname, port, username, password } = new URL(url);
    process.env['AIRLOCK_TEST_POSTGRES'] = JSON.stringify({
      host: hostname,
      port: Number(port === '' ? 5432 : port),
      user: decodeURIComponent(username),
      password: decodeURIComponent(password),
    });
  }
  if (authority !== undefined) process.env['NODE_EXTRA_CA_CERTS'] = authority;
}

async function runSuite(): Promise<Group[]> {
  const found: Group[] = [];
  const pending = new Map<string, Outcome[]>();
  const note = (
    file: string,
    nesting: number,
    { test, result, reason }: Outcome,
    isSuite: boolean,
  ) => {
    const outcomes = pending.get(file) ?? [];
    pending.set(file, outcomes);
    if (nesting > 0 && !isSuite) outcomes.push({ test, result, reason });
    if (nesting > 0) return;
    // A suite reports after its tests. What fails outside of its tests is a failure of its own.
    if (result === 'failed' && !outcomes.some(isFailure)) outcomes.push({ test, result, reason });
    const at = test.lastIndexOf(' on ');
    const named = at === -1 ? { group: test, server: 'double' } : splitAt(test, at);
    if (!isSuite && outcomes.length === 0) outcomes.push({ test, result, reason });
    found.push({ ...named, outcomes });
    pending.delete(file);
  };

  const events = run({
    files: globSync('tests/contract/vault/*.test.ts', { cwd: root }).sort().map(absolute),
    concurrency: 2,
    execArgv: [
      '--conditions=source',
      '--import',
      join(root, 'scripts/tsx-hooks.mjs'),
      '--disable-warning=ExperimentalWarning',
    ],
  });
  events.on('test:pass', ({ file, nesting, name, skip, details }) => {
    const isSkipped = skip !== undefined && skip !== false;
    const reason = typeof skip === 'string' ? skip : null;
    const outcome = { test: name, result: isSkipped ? 'skipped' : 'passed', reason } as const;
    note(file ?? '', nesting, outcome, details.type === 'suite');
  });
  events.on('test:fail', ({ file, nesting, name, details }) => {
    const { cause } = details.error;
    const reason = cause instanceof Error ? cause.message : details.error.message;
    note(file ?? '', nesting, { test: name, result: 'failed', reason }, details.type === 'suite');
  });
  await new Promise<void>((resolve, reject) => {
    events.once('end', resolve);
    events.once('error', reject);
    events.resume();
  });
  return found;
}

function absolute(file: string): string {
  return join(root, file);
}

function splitAt(name: string, at: number): { group: string; server: string } {
  return { group: name.slice(0, at).replace(/,$/, ''), server: name.slice(at + 4) };
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function printTable(all: readonly Group[]): void {
  const servers = [...new Set(all.map(({ server }) => server))];
  const rows = [...new Set(all.map(({ group }) => group))].map((group) => [
    group,
    ...servers.map((server) => cell(all.filter((g) => g.group === group && g.server === server))),
  ]);
  const table = [['group', ...servers], ...rows];
  const widths = ['', ...servers].map((_, column) =>
    Math.max(...table.map((row) => (row[column] ?? '').length)),
  );
  for (const row of table) {
    print(
      row
        .map((text, column) => text.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    );
  }
  if (real === null) {
    print(
      '\nno real server: set VAULT_ADDR and VAULT_TEST_ROOT_TOKEN, or put bao or vault on PATH',
    );
  }
  const told = (result: Outcome['result']) =>
    all.flatMap(({ group, server, outcomes }) =>
      outcomes
        .filter((outcome) => outcome.result === result)
        .map(({ test, reason }) => ({ group, server, test, reason: reason ?? 'no reason given' })),
    );
  const skipped = new Map<string, number>();
  for (const { group, server, reason } of told('skipped')) {
    const line = `${server}: ${group}: ${reason}`;
    skipped.set(line, (skipped.get(line) ?? 0) + 1);
  }
  if (skipped.size > 0) print('\nskipped');
  for (const [line, count] of skipped) print(`  ${count} × ${line}`);
  const failures = told('failed');
  if (failures.length > 0) print('\nfailed');
  for (const { group, server, test, reason } of failures) {
    print(`  ${server}: ${group}: ${test}: ${reason}`);
  }
}

function cell(groups: readonly Group[]): string {
  const outcomes = groups.flatMap((group) => group.outcomes);
  if (outcomes.length === 0) return '–';
  return (['passed', 'failed', 'skipped'] as const)
    .map((result) => ({ result, count: outcomes.filter((o) => o.result === result).length }))
    .filter(({ count }) => count > 0)
    .map(({ result, count }) => `${count} ${result}`)
    .join(', ');
}
