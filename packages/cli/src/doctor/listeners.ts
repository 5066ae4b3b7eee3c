/** Where the processes listen, who else does on this machine, and what a connection is made of. */
import { readFile } from 'node:fs/promises';
import { connect, type ConnectionOptions, type PeerCertificate } from 'node:tls';
import { isPrivateAddress } from './private-address.ts';
import {
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

export interface Listener {
  readonly host: string;
  readonly port: number;
  readonly file: string;
  /** Of the block, such as `rebuilds.listener`. */
  readonly setting: string;
  readonly isTls: boolean;
  /** Networks that the process lets connect; null: everybody. */
  readonly allowFrom: readonly string[] | null;
  /** A second port of the same people, or null. */
  readonly redirectPort: number | null;
}

/** Blocks of a host and a port that others listen on. */
const ofOthers = new Set(['database', 'mail']);

/** Every block with a host and a port that a process listens on. */
export function listenersOf(installation: Installation): Listener[] {
  const found: Listener[] = [];
  const visit = (
    value: unknown,
    setting: string,
    whole: (typeof installation.files)[number],
  ): void => {
    if (!isRecord(value)) return;
    const { host, port, tls } = value;
    const key = setting.split('.').at(-1) ?? '';
    if (typeof host === 'string' && typeof port === 'number' && !ofOthers.has(key)) {
      // Whoever calls the runner API has come to its enrolment first.
      const walled = setting === 'runnerEdge.enrolment' ? whole.content['runnerApi'] : value;
      const redirectPort = isRecord(tls) ? tls['redirectPort'] : null;
      found.push({
        ...{ host, port, file: whole.path, setting, isTls: key !== 'listen' },
        allowFrom: isRecord(walled) ? networksIn(walled['allowFrom']) : null,
        redirectPort: typeof redirectPort === 'number' ? redirectPort : null,
      });
    }
    for (const [name, inner] of Object.entries(value)) {
      visit(inner, setting === '' ? name : `${setting}.${name}`, whole);
    }
  };
  for (const file of installation.files) visit(file.content, '', file);
  return found;
}

const networksIn = (value: unknown): string[] | null =>
  Array.isArray(value) ? value.map(String) : null;

async function bind(installation: Installation): Promise<Outcome> {
  await Promise.resolve();
  const listeners = listenersOf(installation);
  if (listeners.length === 0) return skip('no process listens here');
  const open = listeners.find(({ host }) => !isPrivateAddress(host));
  return open === undefined
    ? pass(`${listeners.length} listeners, all on loopback or private addresses`)
    : fail(
        `${open.file} listens on ${open.host}:${open.port}, which is no loopback or private address`,
        'Bind it to 127.0.0.1 or to the address that its callers use; webhooks from the internet come through the hook relay.',
      );
}

/** Sockets of this machine in the state LISTEN, from /proc/net. */
export function listeningOn(table: string): { address: string; port: number }[] {
  return table
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      const [, local = '', , state] = line.trim().split(/\s+/);
      const [hex = '', port = ''] = local.split(':');
      return state === '0A' ? [{ address: addressOf(hex), port: Number.parseInt(port, 16) }] : [];
    });
}

/** Each word of four bytes is in the byte order of the machine, which is little-endian wherever this runs. */
function addressOf(hex: string): string {
  const words = (hex.match(/.{8}/g) ?? []).map((word) => (word.match(/../g) ?? []).reverse());
  const bytes = words.flat().map((byte) => Number.parseInt(byte, 16));
  if (bytes.length === 4) return bytes.join('.');
  if (bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff) {
    return bytes.slice(12).join('.');
  }
  const groups = Array.from({ length: 8 }, (_, index) =>
    ((bytes[2 * index] ?? 0) * 256 + (bytes[2 * index + 1] ?? 0)).toString(16),
  );
  return groups.join(':');
}

async function others(installation: Installation): Promise<Outcome> {
  const tables = await Promise.all(
    ['/proc/net/tcp', '/proc/net/tcp6'].map((file) => readFile(file, 'utf8').catch(() => '')),
  );
  if (tables.every((table) => table === ''))
    return skip('no /proc/net here: use lsof -iTCP -sTCP:LISTEN');
  const own = new Set(listenersOf(installation).map(({ port }) => port));
  const all = tables.flatMap(listeningOn);
  const foreign = all.filter(
    ({ address, port }) => !own.has(port) && !/^(127\.|0:0:0:0:0:0:0:1$)/.test(address),
  );
  const [first] = foreign;
  if (first !== undefined && isDemo(installation)) {
    return skip(`${foreign.length} listeners of others: the demo shares its machine`);
  }
  return first === undefined
    ? pass(`${all.length} listeners on this machine, none of another service beyond loopback`)
    : fail(
        `${foreign.map(({ address, port }) => `${address}:${port}`).join(', ')} of another service`,
        `Nothing else belongs on this machine: see whose it is with ss -tlnp 'sport = :${first.port}', and move or end it.`,
      );
}

const warnDays = 21;

interface Shaken {
  readonly protocol: string | null;
  readonly certificate: PeerCertificate;
}

/** A handshake without a client certificate; who asks for one may end the connection after it. */
function handshake(listener: Listener, options: ConnectionOptions): Promise<Shaken> {
  const { host, port } = listener;
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, rejectUnauthorized: false, timeout: 5_000, ...options });
    socket.once('secureConnect', () => {
      resolve({ protocol: socket.getProtocol(), certificate: socket.getPeerCertificate() });
      socket.destroy();
    });
    socket.once('timeout', () => socket.destroy(new Error('no answer within 5 s')));
    socket.once('error', reject);
  });
}

async function tls(installation: Installation): Promise<Outcome> {
  const listeners = listenersOf(installation).filter(({ isTls }) => isTls);
  if (listeners.length === 0) return skip('no listener of TLS here');
  for (const listener of listeners) {
    const where = `${listener.host}:${listener.port} (${listener.file})`;
    try {
      const { certificate, protocol } = await handshake(listener, {});
      if (protocol !== 'TLSv1.3') {
        return fail(`${where} speaks ${protocol ?? 'no TLS'}`, 'Run the release that this is of.');
      }
      const days = Math.floor((Date.parse(certificate.valid_to) - Date.now()) / 86_400_000);
      if (!(days >= warnDays)) {
        return fail(
          `the certificate of ${where} ends on ${certificate.valid_to}`,
          'Issue the next one now: airlock ca issue; the process reads it when it starts.',
        );
      }
      if (certificate.subjectaltname?.includes('URI:airlock:') !== true) {
        return fail(
          `the certificate of ${where} has no name by which Airlock’s processes know it`,
          'Issue it with airlock ca issue, which puts the name in.',
        );
      }
    } catch (error) {
      return fail(`${where}: ${messageOf(error)}`, 'Start the process, or correct host and port.');
    }
    // Older versions as well; OpenSSL’s own floor is lowered, so that it is the server that says no.
    const older = await handshake(listener, {
      ...{ minVersion: 'TLSv1', maxVersion: 'TLSv1.2', ciphers: 'DEFAULT@SECLEVEL=0' },
    }).catch(() => null);
    if (older !== null) {
      return fail(
        `${where} speaks ${older.protocol ?? 'old TLS'}`,
        'Run the release that this is of.',
      );
    }
  }
  return pass(
    `${listeners.length} listeners speak TLS 1.3 alone; no certificate ends within ${warnDays} days`,
  );
}

export const listenerChecks: Readonly<Record<string, Check>> = { bind, listeners: others, tls };
