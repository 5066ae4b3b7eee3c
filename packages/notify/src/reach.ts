/**
 * Where a sender may connect to. What a name resolves to is looked at, and that very address is dialled: a name that
 * answers differently the second time (DNS rebinding) changes nothing, and no literal in a spelling of its own gets past
 * (127.1, 0x7f.1, ::ffff:127.0.0.1).
 */
import { lookup } from 'node:dns/promises';
import { BlockList, isIP } from 'node:net';
import { z } from 'zod';

/** What is not the public internet (IANA special-purpose registries, RFC 6890), and where clouds keep their metadata. */
const notPublic: readonly (readonly [network: string, bits: number, 'ipv4' | 'ipv6'])[] = [
  ['0.0.0.0', 8, 'ipv4'],
  ['10.0.0.0', 8, 'ipv4'],
  ['100.64.0.0', 10, 'ipv4'],
  ['127.0.0.0', 8, 'ipv4'],
  ['169.254.0.0', 16, 'ipv4'],
  ['172.16.0.0', 12, 'ipv4'],
  ['192.0.0.0', 24, 'ipv4'],
  ['192.0.2.0', 24, 'ipv4'],
  ['192.88.99.0', 24, 'ipv4'],
  ['192.168.0.0', 16, 'ipv4'],
  ['198.18.0.0', 15, 'ipv4'],
  ['198.51.100.0', 24, 'ipv4'],
  ['203.0.113.0', 24, 'ipv4'],
  ['224.0.0.0', 3, 'ipv4'],
  ['168.63.129.16', 32, 'ipv4'],
];
/** Of IPv6 only global unicast is public, and of that not what wraps an IPv4 address or is for documents. */
const globalUnicast: readonly [string, number] = ['2000::', 3];
const notGlobal: readonly (readonly [string, number])[] = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
];

export const Network = z
  .string()
  .refine((text) => listOf([text]) !== null, 'expected a network such as 10.1.2.0/24');

export interface Reach {
  /** The address to dial for a host, name or literal. */
  addressOf(host: string): Promise<Reached>;
}

export type Reached =
  | { readonly ok: true; readonly address: string; readonly isListed: boolean }
  | { readonly ok: false; readonly why: string; readonly isFinal: boolean };

type Resolve = (host: string) => Promise<readonly { readonly address: string }[]>;

const resolveAll: Resolve = (host) => lookup(host, { all: true, order: 'verbatim' });

/** @param listed networks in CIDR form that may be connected to although they are not public. */
export function createReach(listed: readonly string[], resolve: Resolve = resolveAll): Reach {
  const allowed = listOf(listed) ?? new BlockList();
  return {
    async addressOf(host) {
      let found: readonly { readonly address: string }[];
      try {
        found = await resolve(host);
      } catch (cause) {
        const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown';
        return { ok: false, why: `${host} has no address (${code})`, isFinal: false };
      }
      const [first] = found;
      if (first === undefined) return { ok: false, why: `${host} has no address`, isFinal: false };
      for (const { address } of found) {
        const isListed = isWithin(allowed, address);
        // One private address among public ones is how rebinding looks: none of them is dialled.
        if (!isListed && !isPublic(address)) {
          const why = `${host} resolves to ${address}, which is no public address; list its network under notify.reachable if it is meant`;
          return { ok: false, why, isFinal: true };
        }
      }
      return { ok: true, address: first.address, isListed: isWithin(allowed, first.address) };
    },
  };
}

function isPublic(address: string): boolean {
  const plain = unmapped(address);
  if (isIP(plain) === 4) return !blocked4.check(plain, 'ipv4');
  return global6.check(plain, 'ipv6') && !blocked6.check(plain, 'ipv6');
}

function isWithin(list: BlockList, address: string): boolean {
  const plain = unmapped(address);
  const version = isIP(plain);
  return version !== 0 && list.check(plain, version === 4 ? 'ipv4' : 'ipv6');
}

const unmapped = (address: string): string =>
  /^::ffff:\d+\.\d+\.\d+\.\d+$/i.test(address) ? address.slice('::ffff:'.length) : address;

const blocked4 = new BlockList();
for (const [network, bits, family] of notPublic) blocked4.addSubnet(network, bits, family);
const blocked6 = new BlockList();
for (const [network, bits] of notGlobal) blocked6.addSubnet(network, bits, 'ipv6');
const global6 = new BlockList();
global6.addSubnet(...globalUnicast, 'ipv6');

function listOf(networks: readonly string[]): BlockList | null {
  const list = new BlockList();
  for (const text of networks) {
    const [address = '', bits = ''] = text.split('/');
    const version = isIP(address);
    const most = version === 4 ? 32 : 128;
    if (version === 0 || !/^\d{1,3}$/.test(bits) || Number(bits) > most) return null;
    list.addSubnet(address, Number(bits), version === 4 ? 'ipv4' : 'ipv6');
  }
  return list;
}
