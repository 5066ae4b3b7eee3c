/** Networks in CIDR form, such as 10.1.0.0/16 or 2001:db8::/32 (RFC 4632, RFC 4291). */
import { BlockList, isIP } from 'node:net';
import { z } from 'zod';

export const Network = z
  .string()
  .refine((text) => listOf(text) !== null, 'expected a network such as 10.1.0.0/16');

/** False for what is no address. An IPv4 address in IPv6 form counts as the IPv4 address that it is. */
export function isWithin(network: string, address: string): boolean {
  const plain = address.startsWith('::ffff:') ? address.slice('::ffff:'.length) : address;
  const version = isIP(plain);
  if (version === 0) return false;
  return listOf(network)?.check(plain, version === 4 ? 'ipv4' : 'ipv6') === true;
}

function listOf(text: string): BlockList | null {
  const [address = '', bits = ''] = text.split('/');
  const version = isIP(address);
  if (version === 0 || !/^\d{1,3}$/.test(bits) || Number(bits) > (version === 4 ? 32 : 128)) {
    return null;
  }
  const list = new BlockList();
  list.addSubnet(address, Number(bits), version === 4 ? 'ipv4' : 'ipv6');
  return list;
}
