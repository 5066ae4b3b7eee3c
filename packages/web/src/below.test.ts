import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { below, pageBelow, pathOf } from './below.ts';

test('a site at the top of its host changes nothing', () => {
  const handle = (): void => {};
  assert.equal(pathOf('https://ci.example'), '');
  assert.equal(below('', handle), handle);
  assert.equal(pageBelow('', '<a href="/runs">'), '<a href="/runs">');
});

test('below a path, addresses of the site in attributes get it, and nothing else does', () => {
  const top = pathOf('https://example.com/ci');
  const page = [
    '<a href="/runs"><img src="/assets/a.svg"><form action="/me"><button formaction="/x">',
    '<div data-live="/live" data-lines-url="/lines" data-url="/u"><meta content="0;url=/runs">',
    '<a href="https://forge.example/a"><a href="//other.example/"><a href="#line"><p title="/runs">',
    '<p>href=&quot;/runs&quot; and /runs</p>',
  ].join('\n');
  assert.equal(
    pageBelow(top, page),
    [
      '<a href="/ci/runs"><img src="/ci/assets/a.svg"><form action="/ci/me"><button formaction="/ci/x">',
      '<div data-live="/ci/live" data-lines-url="/ci/lines" data-url="/ci/u"><meta content="0;url=/ci/runs">',
      '<a href="https://forge.example/a"><a href="//other.example/"><a href="#line"><p title="/runs">',
      '<p>href=&quot;/runs&quot; and /runs</p>',
    ].join('\n'),
  );
});

test('inside there is no path; where somebody is led to has it, and elsewhere on the host there is nothing', async (t) => {
  const asked: (string | undefined)[] = [];
  const server = createServer(
    below('/ci', (request, response) => {
      asked.push(request.url);
      response.setHeader('Location', request.headers['x-to'] ?? '/');
      response.writeHead(303).end();
    }),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  // A TCP server's address is an object; the string form is for pipes.
  const { port } = server.address() as AddressInfo;
  const ask = async (path: string, to = '/runs'): Promise<[number, string | null]> => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
      redirect: 'manual',
      headers: { 'x-to': to },
    });
    return [answer.status, answer.headers.get('location')];
  };
  assert.deepEqual(await ask('/ci/runs?x=/ci/'), [303, '/ci/runs']);
  assert.deepEqual(await ask('/ci/', 'https://idp.example/sso'), [303, 'https://idp.example/sso']);
  assert.deepEqual(await ask('/ci/', '//other.example/'), [303, '//other.example/']);
  assert.deepEqual(await ask('/ci'), [308, '/ci/']);
  for (const path of ['/', '/runs', '/cix', '/CI/runs'])
    assert.deepEqual(await ask(path), [404, null]);
  assert.deepEqual(asked, ['/runs?x=/ci/', '/', '/']);
});

test('scripts of pages name no address of their own: those that they ask for stand in attributes', () => {
  const scripts = globSync('islands/*.ts', { cwd: import.meta.dirname });
  assert.ok(scripts.length >= 5);
  for (const script of scripts.filter((name) => !name.includes('.test.'))) {
    const text = readFileSync(join(import.meta.dirname, script), 'utf8');
    assert.doesNotMatch(text, /['"`]\/[a-z]/, script);
  }
});
