/** Networks in CIDR form, such as 10.1.0.0/16 or 2001:db8::/32 (RFC 4632, RFC 4291), and who is in them. */
import { BlockList, isIP } from 'node:net';
import { z } from 'zod';

export const Network = z
  .string()
  .refine((text) => partsOf(text) !== null, 'expected a network such as 10.1.0.0/16');

export interface Networks {
  /** False for what is no address. An IPv4 address in IPv6 form counts as the IPv4 address that it is. */
  has(address: string): boolean;
}

/** @param all as `Network` takes them; anything else holds nobody. */
export function networks(all: readonly string[]): Networks {
  const list = new BlockList();
  for (const text of all) {
    const parts = partsOf(text);
    if (parts !== null) list.addSubnet(parts.address, parts.bits, parts.family);
  }
  return {
    has(address) {
      const plain = withoutMapping(address);
      const version = isIP(plain);
      return version !== 0 && list.check(plain, version === 4 ? 'ipv4' : 'ipv6');
    },
  };
}

/** Whether an address is in one network. */
export const isWithin = (network: string, address: string): boolean =>
  networks([network]).has(address);

/**
 * The address behind the proxies: from the connection backwards through X-Forwarded-For, the first that is no proxy. What a
 * stranger wrote into the header stands further left, and is not read; where a proxy wrote what is no address, it is the proxy.
 *
 * @param peer address of the connection.
 * @param forwardedFor all of the header's values, with commas between them.
 */
export function sourceAddress(
  peer: string,
  forwardedFor: string | undefined,
  proxies: Networks,
): string {
  const hops = (forwardedFor ?? '').split(',').map((hop) => hop.trim());
  let address = peer;
  while (proxies.has(address)) {
    const before = hops.pop();
    if (before === undefined || isIP(before) === 0) break;
    address = before;
  }
  return withoutMapping(address);
}

function partsOf(text: string): { address: string; bits: number; family: 'ipv4' | 'ipv6' } | null {
  const [, address = '', bits = ''] = /^(.+)\/(\d{1,3})$/.exec(text) ?? [];
  const version = isIP(address);
  if (version === 0 || Number(bits) > (version === 4 ? 32 : 128)) return null;
  return { address, bits: Number(bits), family: version === 4 ? 'ipv4' : 'ipv6' };
}

/** A socket for both families shows an IPv4 peer as ::ffff:192.0.2.1. */
function withoutMapping(address: string): string {
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1] ?? address;
}
