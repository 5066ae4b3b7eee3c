/** What the pages tell a browser, what the two sides share, and what a read-only credential may do. */
import { execFile } from 'node:child_process';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { mkdtemp, rm } from 'node:fs/promises';
import { isIPv4 } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import {
  allFiles,
  blocks,
  connectionOf,
  fail,
  isDemo,
  isRecord,
  messageOf,
  pass,
  skip,
  type Check,
  type Installation,
  type Outcome,
} from './installation.ts';

const run = promisify(execFile);

function headersOf(origin: string): Promise<IncomingHttpHeaders> {
  const url = new URL('/', origin);
  const isTls = url.protocol === 'https:';
  return new Promise((resolve, reject) => {
    const outgoing = (isTls ? httpsRequest : httpRequest)(
      {
        ...{
          method: 'GET',
          path: '/',
          port: url.port,
          timeout: 5_000,
          headers: { host: url.host },
        },
        // *.localhost is loopback by RFC 6761, which the C library of many systems does not know.
        hostname: url.hostname.endsWith('.localhost') ? '127.0.0.1' : url.hostname,
      },
      (answer) => {
        answer.resume();
        resolve(answer.headers);
      },
    );
    outgoing.on('timeout', () => outgoing.destroy(new Error('no answer within 5 s')));
    outgoing.on('error', reject);
    outgoing.end();
  });
}

const year = 31_536_000;

/** What is wrong with the headers of a page that nobody has signed in to; null: nothing. */
export function headerFault(headers: IncomingHttpHeaders, isTls: boolean): string | null {
  const policy = String(headers['content-security-policy']);
  if (!policy.includes("default-src 'none'"))
    return 'no Content-Security-Policy of default-src none';
  if (!policy.includes("frame-ancestors 'none'")) return 'may be framed by other pages';
  if (headers['x-content-type-options'] !== 'nosniff') return 'no X-Content-Type-Options: nosniff';
  const told = headers['x-powered-by'] ?? headers['server'];
  if (told !== undefined) return `tells what it is: ${String(told)}`;
  const age = Number(/max-age=(\d+)/.exec(String(headers['strict-transport-security']))?.[1] ?? 0);
  return isTls && age < year ? 'no Strict-Transport-Security of a year' : null;
}

async function headers(installation: Installation): Promise<Outcome> {
  const origins = installation.files.flatMap(({ content }) =>
    isRecord(content['listen']) && typeof content['origin'] === 'string' ? [content['origin']] : [],
  );
  if (origins.length === 0) return skip('no process serves pages here');
  for (const origin of origins) {
    try {
      const fault = headerFault(await headersOf(origin), origin.startsWith('https:'));
      if (fault !== null) {
        return fail(
          `${origin}: ${fault}`,
          'A proxy in between takes headers away or adds its own: let it pass what the process says, and add Strict-Transport-Security where it ends TLS.',
        );
      }
    } catch (error) {
      return fail(`${origin}: ${messageOf(error)}`, 'Start the process, or correct origin.');
    }
  }
  return pass(`${origins.join(', ')}: content policy, no framing, no sniffing, no product name`);
}

/** Whoever finds a hole looks there first (RFC 9116). */
async function securityContact(installation: Installation): Promise<Outcome> {
  await Promise.resolve();
  const sites = installation.files.filter(
    ({ content }) => isRecord(content['listen']) && typeof content['origin'] === 'string',
  );
  if (sites.length === 0) return skip('no process serves pages here');
  const silent = sites.filter(({ content }) => !isRecord(content['securityContact']));
  if (silent.length === 0) return pass('every site here says whom to tell');
  return fail(
    `${silent.map(({ path }) => path).join(', ')}: no securityContact, so that /.well-known/security.txt is not there`,
    'Write securityContact: {contacts: [mailto:security@company.example]} there.',
  );
}

export const isGate = (path: string): boolean => /(^|\/)gate-[a-z]+[.]yaml$/.test(path);

/** Whether whoever finds the gate’s address gets as far as its pages. */
async function gateWall(installation: Installation): Promise<Outcome> {
  await Promise.resolve();
  const gates = installation.files.filter(
    ({ path, content }) => isGate(path) && isRecord(content['listen']),
  );
  if (gates.length === 0) return skip('no gate serves pages here');
  for (const { path, content } of gates) {
    const { host, allowFrom, tls } = content['listen'] as Record<string, unknown>;
    const isWalled =
      Array.isArray(allowFrom) || (isRecord(tls) && typeof tls['clientCaFile'] === 'string');
    if (!isWalled && !isLoopback(String(host))) {
      return fail(
        `${path} listens on ${String(host)}, and everybody who reaches that address gets to the gate’s sign-in`,
        'Write listen.allowFrom with the networks of its people there, or listen.tls.clientCaFile with the authority of their certificates.',
      );
    }
  }
  return pass('the gate’s pages answer on loopback, or to named networks or certificates alone');
}

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'));

/** Credentials, keys and servers that both sides name: one that is taken on the left opens something on the right. */
export function shared(installation: Installation): string[] {
  const sides = new Map<string, Set<string>>();
  const note = (what: string, file: string): void => {
    sides.set(what, (sides.get(what) ?? new Set()).add(isGate(file) ? 'gate' : 'nonprod'));
  };
  for (const { key, path, from } of allFiles(installation)) {
    if (/(key|password|secretId|roleId|identity)File$/i.test(key)) note(path, from);
  }
  for (const { path, content } of installation.files) {
    const { database, redis } = content;
    if (isRecord(database)) {
      note(
        `database ${String(database['host'])}:${String(database['port'])}/${String(database['name'])}`,
        path,
      );
    }
    if (isRecord(redis)) note(`redis ${String(redis['url'])}`, path);
  }
  return [...sides].flatMap(([what, of]) => (of.size > 1 ? [what] : []));
}

async function split(installation: Installation): Promise<Outcome> {
  await Promise.resolve();
  const gate = installation.files.filter(({ path }) => isGate(path)).length;
  if (gate === 0 || gate === installation.files.length) {
    return pass('this host has one side alone');
  }
  const both = shared(installation);
  const what = both.join(', ');
  if (isDemo(installation)) {
    return skip(`the demo runs both sides on one host${what === '' ? '' : `; they share ${what}`}`);
  }
  return fail(
    `nonprod and the gate run on one host${what === '' ? '' : ` and share ${what}`}`,
    'Give the gate hosts, databases, Redis and keys of its own: root on nonprod must find nothing that the gate uses.',
  );
}

async function readOnly(installation: Installation): Promise<Outcome> {
  const urls = new Set(blocks(installation, 'git').map(({ value }) => String(value['url'])));
  if (urls.size === 0) return skip('no git block');
  const tried: string[] = [];
  for (const url of urls) {
    if (url.startsWith('file:')) continue;
    if (await mayPush(url)) {
      return fail(
        `${url}: this host may push there`,
        'Replace the credential by a deploy key that may only read.',
      );
    }
    tried.push(url);
  }
  return tried.length === 0
    ? skip('repositories are directories of this machine')
    : pass(`nothing may be pushed to ${tried.join(', ')}`);
}

/** Whether a push would be taken; nothing is pushed. That the repository can be reached is another check’s. */
export async function mayPush(url: string): Promise<boolean> {
  const directory = await mkdtemp(join(tmpdir(), 'airlock-doctor-'));
  const git = (...args: readonly string[]): Promise<unknown> =>
    run(
      'git',
      ['-c', 'user.name=doctor', '-c', 'user.email=doctor@invalid', '-C', directory, ...args],
      {
        timeout: 15_000,
        env: {
          ...{ PATH: process.env['PATH'] ?? '', HOME: directory, GIT_TERMINAL_PROMPT: '0' },
          ...{ GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null' },
        },
      },
    );
  try {
    await git('init', '--quiet');
    await git('commit', '--quiet', '--allow-empty', '-m', 'never pushed');
    return await git('push', '--dry-run', '--', url, 'HEAD:refs/heads/airlock-doctor').then(
      () => true,
      () => false,
    );
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function oneJobRunners(installation: Installation): Promise<Outcome> {
  const [database] = blocks(installation, 'database').filter(
    ({ value }) => value['user'] === 'nonprod_web',
  );
  if (database === undefined) return skip('nonprod-web is not here');
  const client = new pg.Client({
    ...(await connectionOf(database)),
    connectionTimeoutMillis: 5_000,
  });
  try {
    await client.connect();
    const { rows } = await client.query<{ name: string; reuse: string }>(
      'select name, reuse from pool where trust = 0 and not once and reuse is not null order by name',
    );
    const names = rows.map(({ name, reuse }) => `${name} (${reuse})`).join(', ');
    if (rows.length === 0) return pass('runners of every pool of trust 0 take one job and end');
    if (isDemo(installation)) return skip(`runners of ${names} are used again`);
    return fail(
      `runners of ${names} are used again after a stranger’s build`,
      'Take the reason out and tick “take one job and end” at /pools/NAME, and start them with airlock-runner agent --once.',
    );
  } catch (error) {
    return fail(messageOf(error), 'Mend what the check postgres names.');
  } finally {
    await client.end();
  }
}

export const exposureChecks: Readonly<Record<string, Check>> = {
  ...{ headers, split },
  'security-contact': securityContact,
  'gate-wall': gateWall,
  'git-readonly': readOnly,
  'one-job-runners': oneJobRunners,
};
