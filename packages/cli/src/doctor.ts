/**
 * `airlock doctor`: live tests of an installation. Each says what was tried, what came back and how to mend it.
 *
 * An installation is a directory of process configurations (`*.yaml`, two levels deep at most); blocks of a known name
 * (`database`, `redis`, `vault`, `git`) are tested wherever they stand, each distinct one once.
 */
import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { connect } from 'node:net';
import { promisify } from 'node:util';
import { probeSandbox } from '@airlock/sandbox/probe';
import pg from 'pg';
import { parse } from 'yaml';
import { buildChecks } from './doctor/builds.ts';
import { compareWithNonprod } from './doctor/low-value.ts';
import { credentialChecks } from './doctor/credentials.ts';
import { databaseChecks } from './doctor/database-roles.ts';
import { exposureChecks } from './doctor/exposure.ts';
import { listenerChecks } from './doctor/listeners.ts';
import {
  allFiles,
  blocks,
  connectionOf,
  fail,
  isDemo,
  messageOf,
  pass,
  skip,
  type Check,
  type Finding,
  type Installation,
} from './doctor/installation.ts';

const run = promisify(execFile);

/** Settings that quietly weaken what the services rely on (node-vault, Node's TLS, code injected at start). */
const dangerousVariables = [
  'NODE_OPTIONS',
  'NODE_TLS_REJECT_UNAUTHORIZED',
  'NODE_DEBUG',
  'VAULT_SKIP_VERIFY',
  'VAULT_TOKEN',
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'LD_PRELOAD',
];

async function checkDatabase(block: {
  value: Record<string, unknown>;
  file: string;
}): Promise<string | null> {
  const { host, port, name, user } = block.value;
  const where = `${String(host)}:${String(port)}/${String(name)} as ${String(user)}`;
  const client = new pg.Client({
    ...(await connectionOf(block)),
    connectionTimeoutMillis: 5_000,
  });
  try {
    await client.connect();
    const { rows } = await client.query<{ rolsuper: boolean }>(
      'select rolsuper from pg_roles where rolname = current_user',
    );
    return rows[0]?.rolsuper === true
      ? `${where} is a superuser; give the process its own role`
      : null;
  } catch (error) {
    return `${where}: ${messageOf(error)}`;
  } finally {
    await client.end();
  }
}

/** One RESP command over a plain socket: enough to know whether Redis answers, without a client library. */
function redisCommand(url: URL, command: string): Promise<string> {
  return new Promise((resolvePromise, reject) => {
    const socket = connect({ host: url.hostname, port: Number(url.port || 6379), timeout: 3_000 });
    socket.on('connect', () => socket.write(`${command}\r\n`));
    socket.on('data', (data) => {
      socket.destroy();
      resolvePromise(data.toString());
    });
    socket.on('timeout', () => socket.destroy(new Error('no answer within 3 s')));
    socket.on('error', reject);
  });
}

const checks: Readonly<Record<string, Check>> = {
  async node() {
    const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
    await Promise.resolve();
    return major > 22 || (major === 22 && minor >= 18)
      ? pass(`Node ${process.versions.node}`)
      : fail(
          `Node ${process.versions.node} is too old`,
          'Install Node 24, or start through npm, which brings its own.',
        );
  },
  async git() {
    try {
      const { stdout } = await run('git', ['--version']);
      const [, major = '0', minor = '0'] = /(\d+)\.(\d+)/.exec(stdout) ?? [];
      return Number(major) > 2 || (Number(major) === 2 && Number(minor) >= 38)
        ? pass(stdout.trim())
        : fail(`${stdout.trim()} is too old for safe.bareRepository`, 'Install git 2.38 or newer.');
    } catch (error) {
      return fail(
        `git does not start: ${messageOf(error)}`,
        'Install git (Debian: apt-get install -y git).',
      );
    }
  },
  async sandbox() {
    const probe = await probeSandbox();
    return probe.available ? pass(`bubblewrap ${probe.version}`) : fail(probe.reason, probe.remedy);
  },
  async environment() {
    await Promise.resolve();
    const set = dangerousVariables.filter((name) => process.env[name] !== undefined);
    return set.length === 0
      ? pass('no variable that weakens TLS, proxies Vault or injects code')
      : fail(
          `${set.join(', ')} set in this environment`,
          `Unset ${set.join(', ')}; services refuse to start with some of them.`,
        );
  },
  async configuration(installation) {
    if (installation.files.length === 0) {
      return fail(
        `no *.yaml below ${installation.directory}`,
        'Name the directory of the process configurations with --installation.',
      );
    }
    for (const { path } of installation.files) {
      try {
        parse(await readFile(path, 'utf8'), { maxAliasCount: 0 });
      } catch (error) {
        return fail(
          `${path}: ${messageOf(error)}`,
          'Correct the YAML at the line and column named.',
        );
      }
    }
    return pass(`${installation.files.length} files are well-formed`);
  },
  async 'private-files'(installation) {
    let found = 0;
    for (const { key, path, from } of allFiles(installation)) {
      try {
        const { mode } = await stat(path);
        const isSecret =
          /(password|secretId|roleId|secret)File$/i.test(key) ||
          (await readFile(path, 'utf8')).includes('PRIVATE KEY');
        if (!isSecret) continue;
        found += 1;
        if ((mode & 0o077) !== 0) {
          return fail(
            `${path} is readable by others (mode ${(mode & 0o777).toString(8)})`,
            `chmod 600 ${path}`,
          );
        }
      } catch (error) {
        return fail(
          `${path}, named in ${from}: ${messageOf(error)}`,
          'Create the file or correct the path.',
        );
      }
    }
    return found === 0
      ? skip('no key or password file is named')
      : pass(`${found} key and password files are private to their owner`);
  },
  async certificates(installation) {
    const paths = new Set(
      allFiles(installation)
        .filter(({ key }) => /^(ca|certificate)File$/.test(key))
        .map(({ path }) => path),
    );
    if (paths.size === 0) return skip('no certificate is named');
    const soon = Date.now() + 7 * 86_400_000;
    for (const path of paths) {
      try {
        const certificate = new X509Certificate(await readFile(path));
        if (certificate.validToDate.getTime() < soon) {
          return fail(
            `${path} ends on ${certificate.validTo}`,
            'Renew it before it ends; connections stop on that day.',
          );
        }
      } catch (error) {
        return fail(`${path}: ${messageOf(error)}`, 'Put a PEM certificate there.');
      }
    }
    return pass(`${paths.size} certificates, none ends within 7 days`);
  },
  async postgres(installation) {
    const found = blocks(installation, 'database');
    if (found.length === 0) return skip('no database block');
    const faults = (await Promise.all(found.map(checkDatabase))).filter((fault) => fault !== null);
    return faults.length === 0
      ? pass(`${found.length} roles sign in, none of them a superuser`)
      : fail(
          faults.join('; '),
          'Start Postgres, or correct host, port, user and passwordFile in the database block.',
        );
  },
  async redis(installation) {
    const [first] = blocks(installation, 'redis');
    if (first === undefined) return skip('no redis block: queues work by timers');
    const url = new URL(String(first.value['url']));
    try {
      const answer = await redisCommand(url, 'PING');
      return answer.startsWith('+PONG')
        ? pass(`${url.host} answers`)
        : fail(
            `${url.host} answered ${JSON.stringify(answer.slice(0, 80))}`,
            'Correct redis.url; a password goes into the URL.',
          );
    } catch (error) {
      return fail(
        `${url.host}: ${messageOf(error)}`,
        'Start Redis or correct redis.url; until then queues work by timers, slower.',
      );
    }
  },
  async vault(installation) {
    const [first] = blocks(installation, 'vault');
    if (first === undefined) return skip('no vault block');
    const address = String(first.value['address']);
    try {
      const response = await fetch(new URL('/v1/sys/health', address), {
        redirect: 'error',
        signal: AbortSignal.timeout(5_000),
      });
      if (response.status === 503)
        return fail(`${address} is sealed`, 'Unseal Vault; deliveries wait until then.');
      if (response.status === 501)
        return fail(`${address} is not initialised`, 'Initialise Vault and run the set-up.');
      const standIn = response.headers.get('x-airlock-vault-double') !== null;
      if (!standIn) return pass(`${address} is unsealed`);
      return isDemo(installation)
        ? skip(`${address} is the built-in stand-in, as it should be in the demo`)
        : fail(
            `${address} is the built-in stand-in`,
            'Point vault.address at a real Vault or OpenBao.',
          );
    } catch (error) {
      return fail(`${address}: ${messageOf(error)}`, 'Start Vault or correct vault.address.');
    }
  },
  async 'low-value'(installation) {
    const isGate = ({ value }: { value: Record<string, unknown> }): boolean =>
      String(value['user']).startsWith('gate_');
    const databases = blocks(installation, 'database').filter(isGate);
    const [database] = databases;
    if (database === undefined) return skip('no process of the gate here');
    const gate = new Set(databases.map(({ file }) => file));
    const files = new Set(
      allFiles(installation)
        .filter(({ from }) => gate.has(from))
        .map(({ path }) => path),
    );
    const marksLateMs = 24 * 3_600_000;
    try {
      const found = await compareWithNonprod(await connectionOf(database), [...files]);
      if (found.overlaps.length > 0) {
        return fail(
          found.overlaps
            .map(({ file, secret }) => `${file} is nonprod's secret ${secret}`)
            .join('; '),
          'Replace it at the gate, and erase that secret at nonprod: builds there can read it.',
        );
      }
      if (found.takenAt === null || Date.now() - found.takenAt.getTime() > marksLateMs) {
        return fail(
          `nonprod ${found.takenAt === null ? 'has never told marks of its secrets' : `told marks of its secrets last at ${found.takenAt.toISOString()}`}`,
          'Look at gate-intake and nonprod-outbox; nobody can compare without.',
        );
      }
      return pass(`${found.compared} private files of the gate, none is a secret of nonprod's`);
    } catch (error) {
      return fail(messageOf(error), 'Mend what the checks postgres and private-files name.');
    }
  },
  async 'git-remote'(installation) {
    const urls = new Set(blocks(installation, 'git').map(({ value }) => String(value['url'])));
    if (urls.size === 0) return skip('no git block');
    for (const url of urls) {
      try {
        const { stdout } = await run(
          'git',
          ['ls-remote', '--exit-code', '--', url, 'refs/heads/main'],
          {
            timeout: 10_000,
            env: {
              PATH: process.env['PATH'] ?? '',
              GIT_TERMINAL_PROMPT: '0',
              GIT_CONFIG_NOSYSTEM: '1',
              GIT_CONFIG_GLOBAL: '/dev/null',
            },
          },
        );
        if (!/^[0-9a-f]{40}\trefs\/heads\/main$/m.test(stdout))
          throw new Error('refs/heads/main is not there');
      } catch (error) {
        return fail(
          `${url}: ${messageOf(error).split('\n')[0] ?? ''}`,
          'Correct git.url, or give this host read access to the repository.',
        );
      }
    }
    return pass(`refs/heads/main of ${[...urls].join(', ')} can be read`);
  },
  ...buildChecks,
  ...databaseChecks,
  ...listenerChecks,
  ...exposureChecks,
  ...credentialChecks,
};

export const checkIds: readonly string[] = Object.keys(checks);

/** Promises of the founding documents that a check shows, by their ids. */
export const doctorControls: Readonly<Record<string, readonly string[]>> = {
  'private-files': ['B45'],
  certificates: ['B36'],
  'low-value': ['J6'],
  'least-priv': ['B46'],
  'pg-hba': ['V25'],
  ...{ admins: ['V6'], bind: ['V4'], listeners: ['V43', 'B67'] },
  tls: ['B4', 'B36', 'B68'],
  ...{ split: ['J3'], 'git-readonly': ['B39'] },
  'one-job-runners': ['B25'],
  ...{ 'security-contact': ['V2'], 'gate-wall': ['J14'], version: ['B65'], rotation: ['B47'] },
};

/** Runs the checks one after another, in order; `only` names some; none names all. */
export async function examine(
  installation: Installation,
  only: readonly string[] = [],
): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const [id, check] of Object.entries(checks)) {
    if (only.length > 0 && !only.includes(id)) continue;
    findings.push({ id, ...(await check(installation)) });
  }
  return findings;
}
