import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createReach } from './reach.ts';

const at =
  (...addresses: string[]) =>
  () =>
    Promise.resolve(addresses.map((address) => ({ address })));

test('no private, link-local, metadata, multicast or wrapped address is reached', async () => {
  for (const address of [
    ...['0.0.0.0', '10.0.0.1', '100.64.0.1', '127.0.0.1', '127.1.2.3', '169.254.169.254'],
    ...['172.16.0.1', '172.31.255.255', '192.168.1.1', '198.18.0.1', '224.0.0.1'],
    ...['255.255.255.255', '168.63.129.16', '::', '::1', 'fe80::1', 'fc00::1', 'fd00:ec2::254'],
    ...['ff02::1', '::ffff:127.0.0.1', '::ffff:169.254.169.254', '::ffff:a9fe:a9fe'],
    ...['64:ff9b::7f00:1', '2002:7f00:1::', '2001::1', '::127.0.0.1'],
  ]) {
    const reached = await createReach([], at(address)).addressOf('hook.example');
    assert.ok(!reached.ok && reached.isFinal, address);
  }
});

test('public addresses are reached, and the one that was looked at is the one that is dialled', async () => {
  for (const address of ['93.184.215.14', '172.15.255.255', '2606:2800:21f::1', '::ffff:8.8.8.8']) {
    const reached = await createReach([], at(address)).addressOf('hook.example');
    assert.deepEqual(reached, { ok: true, address, isListed: false });
  }
});

test('one private address among public ones keeps all of them from being dialled', async () => {
  const reached = await createReach([], at('93.184.215.14', '10.0.0.1')).addressOf('a.example');
  assert.ok(!reached.ok && reached.why.includes('10.0.0.1'));
});

test('a listed network is reached, and its neighbour is not', async () => {
  const listed = ['10.1.2.0/24'];
  const own = await createReach(listed, at('10.1.2.3')).addressOf('chat.internal');
  assert.deepEqual(own, { ok: true, address: '10.1.2.3', isListed: true });
  const wrapped = await createReach(listed, at('::ffff:10.1.2.3')).addressOf('chat.internal');
  assert.ok(wrapped.ok);
  const other = await createReach(listed, at('10.1.3.3')).addressOf('chat.internal');
  assert.ok(!other.ok);
});

test('literals in spellings of their own lead to the address that they are', async () => {
  // By the resolver of this machine.
  for (const host of ['127.1', '2130706433', '0x7f.1', '0', 'localhost']) {
    const reached = await createReach([]).addressOf(host);
    assert.ok(!reached.ok, host);
  }
});
