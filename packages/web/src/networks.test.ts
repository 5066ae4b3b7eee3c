import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isWithin, Network } from './networks.ts';

test('an address is within its networks alone, IPv4 in IPv6 form too', () => {
  for (const address of ['10.1.2.3', '::ffff:10.1.2.3']) {
    assert.ok(isWithin('10.1.0.0/16', address), address);
  }
  assert.ok(isWithin('2001:db8::/32', '2001:db8::7'));
  for (const address of ['10.2.0.1', '2001:db9::1', '', 'localhost']) {
    assert.ok(!isWithin('10.1.0.0/16', address), address);
    assert.ok(!isWithin('2001:db8::/32', address), address);
  }
});

test('what is no network is refused', () => {
  assert.ok(Network.safeParse('10.0.0.0/8').success);
  for (const text of ['10.0.0.0/33', '10.0.0.0', 'everywhere', '2001:db8::/129', '']) {
    assert.ok(!Network.safeParse(text).success, text);
  }
});
