import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Network, networks, sourceAddress } from './networks.ts';

test('an address is in a network of its family, however the socket writes it', () => {
  const list = networks(['192.30.252.0/22', '2606:50c0::/32']);
  for (const inside of ['192.30.252.1', '192.30.255.255', '::ffff:192.30.252.9', '2606:50c0::1']) {
    assert.ok(list.has(inside), inside);
  }
  for (const outside of ['192.31.0.1', '2606:50c1::1', '', 'github.com', '3232235777']) {
    assert.ok(!list.has(outside), outside);
  }
});

test('without a proxy in front, what the header says is nothing', () => {
  assert.equal(sourceAddress('203.0.113.9', '192.30.252.1', networks([])), '203.0.113.9');
});

test('behind proxies the nearest address that is none of them counts, not what a stranger wrote first', () => {
  const proxies = networks(['10.0.0.0/8']);
  const header = '192.30.252.1, 203.0.113.9, 10.0.0.7';
  assert.equal(sourceAddress('10.0.0.2', header, proxies), '203.0.113.9');
  assert.equal(sourceAddress('::ffff:10.0.0.2', header, proxies), '203.0.113.9');
  assert.equal(sourceAddress('10.0.0.2', undefined, proxies), '10.0.0.2');
});

test('where a proxy wrote what is no address, the address is the proxy’s', () => {
  const proxies = networks(['10.0.0.0/8']);
  for (const header of ['192.30.252.1, unknown', '192.30.252.1, 203.0.113.9:1234', '1.2.3.4,']) {
    assert.equal(sourceAddress('10.0.0.2', header, proxies), '10.0.0.2', header);
  }
});

test('what is no network is refused', () => {
  for (const text of ['192.30.252.0', '192.30.252.0/33', 'x/8', '::/129', 'everywhere', '']) {
    assert.ok(!Network.safeParse(text).success, text);
  }
  assert.ok(Network.safeParse('::/0').success);
});
