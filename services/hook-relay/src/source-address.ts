/** Where a request comes from, and whether that is in a list of networks. */
import { BlockList, isIPv4, isIPv6 } from 'node:net';
import { z } from 'zod';

const shape = /^(.+)\/(\d{1,3})$/;

/** A network such as 192.30.252.0/22 or 2606:50c0::/32. */
export const Cidr = z.string().refine((text) => {
  const [, address = '', bits = ''] = shape.exec(text) ?? [];
  return (isIPv4(address) && Number(bits) <= 32) || (isIPv6(address) && Number(bits) <= 128);
}, 'expected a network such as 192.30.252.0/22 or 2606:50c0::/32');

export interface Networks {
  has(address: string): boolean;
}

export function networks(cidrs: readonly string[]): Networks {
  const list = new BlockList();
  for (const cidr of cidrs) {
    const [, address = '', bits = ''] = shape.exec(cidr) ?? [];
    list.addSubnet(address, Number(bits), isIPv4(address) ? 'ipv4' : 'ipv6');
  }
  return {
    has(address) {
      const plain = withoutMapping(address);
      if (isIPv4(plain)) return list.check(plain, 'ipv4');
      return isIPv6(plain) && list.check(plain, 'ipv6');
    },
  };
}

/** A socket for both families shows an IPv4 peer as ::ffff:192.0.2.1. */
function withoutMapping(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  return mapped ?? address;
}

/**
 * The address behind the proxies: from the connection backwards through X-Forwarded-For, the first that is no proxy. What a
 * stranger wrote into the header stands further left, and is not read.
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
    if (before === undefined || before === '') break;
    address = before;
  }
  return withoutMapping(address);
}
