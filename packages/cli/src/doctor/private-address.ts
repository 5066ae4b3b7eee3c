import { BlockList, isIP } from 'node:net';

const own = new BlockList();
own.addSubnet('127.0.0.0', 8, 'ipv4');
own.addSubnet('10.0.0.0', 8, 'ipv4');
own.addSubnet('172.16.0.0', 12, 'ipv4');
own.addSubnet('192.168.0.0', 16, 'ipv4');
// Carriers' and overlay networks' (RFC 6598).
own.addSubnet('100.64.0.0', 10, 'ipv4');
own.addAddress('::1', 'ipv6');
own.addSubnet('fc00::', 7, 'ipv6');
own.addSubnet('fe80::', 10, 'ipv6');

/** Loopback, RFC 1918, RFC 6598, RFC 4193 or link-local. A name counts as such only when it is localhost's. */
export function isPrivateAddress(host: string): boolean {
  const version = isIP(host);
  if (version === 0) return host === 'localhost' || host.endsWith('.localhost');
  return own.check(host, version === 4 ? 'ipv4' : 'ipv6');
}
