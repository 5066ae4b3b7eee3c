import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressFault, RepositoryName } from './repository-address.ts';

const prefixes = ['https://git.example/shop/', 'ssh://git@git.example/'];

test('an address below one of the prefixes may be fetched', () => {
  for (const url of ['https://git.example/shop/web.git', 'ssh://git@git.example/a/b.git']) {
    assert.equal(addressFault(url, prefixes), null, url);
  }
});

test('an address elsewhere, or one that leads out of its prefix, may not', () => {
  for (const url of [
    'https://git.example/other/web.git',
    'https://git.example.evil/shop/web.git',
    'https://git.example/shop/../../etc',
    'https://git.example/shop/%2e%2e/x',
    'https://git.example/shop/a b',
    'https://git.example/shop/web?x=1',
    'https://git.example/shop/',
    'ssh://git@git.example/-oProxyCommand=id/../x',
    'ext::sh -c id',
    'file:///etc',
    'http://169.254.169.254/latest',
  ]) {
    assert.notEqual(addressFault(url, prefixes), null, url);
  }
  assert.match(addressFault('https://git.example/a', []) ?? '', /alone: none/);
});

test('a name is no path that leads anywhere, and none of a page', () => {
  for (const name of ['shop/web', 'web', 'a/b/c', 'Shop-1/web_2.x']) {
    assert.ok(RepositoryName.safeParse(name).success, name);
  }
  for (const name of ['../x', 'a/../b', 'a//b', '/a', 'a/', '.git', 'a/.git', 'new', 'a b', '']) {
    assert.ok(!RepositoryName.safeParse(name).success, name);
  }
});
