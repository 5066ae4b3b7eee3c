/** What a sandbox may connect to, as a decision over values. */
import { BlockList, isIP, isIPv4 } from 'node:net';

export type EgressEntry = { readonly host: string; readonly port: number };

/**
 * Reads one entry of an allow-list: `name:port`, `*.name:port` (any name below it, at least one label), or an address,
 * `10.0.0.5:5432` or `[2001:db8::1]:443`. Null when it is none of these.
 */
export function parseEgressEntry(text: string): EgressEntry | null {
  const isBelow = text.startsWith('*.');
  const target = parseTarget(isBelow ? text.slice(2) : text);
  if (target === null || (isBelow && isIP(target.host) !== 0)) return null;
  return isBelow ? { ...target, host: `*.${target.host}` } : target;
}

/** `host:port` as a client says it, in lower case and without brackets; null when it is malformed. */
export function parseTarget(text: string): EgressEntry | null {
  const match = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+):(\d{1,5})$/i.exec(text);
  const port = Number(match?.[2]);
  if (match === null || port < 1 || port > 65_535) return null;
  const host = (match[1] ?? '').toLowerCase();
  if (host.startsWith('[')) {
    const address = host.slice(1, -1);
    return isIP(address) === 6 ? { host: address, port } : null;
  }
  return isIPv4(host) || isName(host) ? { host, port } : null;
}

function isName(host: string): boolean {
  const labels = host.split('.');
  const isLabel = (label: string): boolean =>
    /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?$/.test(label);
  // A last label of digits is an address in disguise: 2130706433, 0x7f.1 and 127.1 are the loopback to a C library.
  return (
    host.length <= 253 &&
    labels.every(isLabel) &&
    !/^(?:\d+|0x[0-9a-f]*)$/.test(labels.at(-1) ?? '')
  );
}

export type EgressRefusal =
  /** Neither name nor address stands in the list. */
  | 'not-listed'
  /** The name is listed, and what it resolves to is a private address that is not. */
  | 'private-address';

/** Whether a name or address may be asked for at all, before it is resolved. */
export function isListed(list: readonly EgressEntry[], { host, port }: EgressEntry): boolean {
  return list.some(
    (entry) =>
      entry.port === port &&
      (entry.host === host || (entry.host.startsWith('*.') && host.endsWith(entry.host.slice(1)))),
  );
}

/** Of the addresses that a listed name has, those that may be connected to: public ones, and what stands in the list itself. */
export function permittedAddresses(
  list: readonly EgressEntry[],
  addresses: readonly string[],
  port: number,
): string[] {
  return addresses.filter(
    (host) => isPublic(host) || list.some((entry) => entry.host === host && entry.port === port),
  );
}

const special = new BlockList();
for (const [network, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
] as const) {
  special.addSubnet(network, bits, 'ipv4');
}
const global6 = new BlockList();
global6.addSubnet('2000::', 3, 'ipv6');
// Teredo, documentation, 6to4: each of them holds another address.
const special6 = new BlockList();
special6.addSubnet('2001::', 23, 'ipv6');
special6.addSubnet('2001:db8::', 32, 'ipv6');
special6.addSubnet('2002::', 16, 'ipv6');

/** True for addresses of the public Internet (IANA's special-purpose registries list the others). */
export function isPublic(address: string): boolean {
  if (isIPv4(address)) return !special.check(address, 'ipv4');
  return (
    isIP(address) === 6 &&
    !address.includes('%') &&
    global6.check(address, 'ipv6') &&
    !special6.check(address, 'ipv6')
  );
}
