/** Against a server that answers as each forge's published schema does. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import type { ListingProvider } from '../../app/found-ports.ts';
import { createForgeLister } from './list-repositories.ts';

interface Said {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

const now = new Date('2026-11-23T10:00:00Z');
let directory: string;
let tokenFile: string;
let origin: string;
let answers: Readonly<Record<string, Said | Said[]>> = {};
let asked: { readonly url: string; readonly headers: IncomingHttpHeaders }[] = [];

const server = createServer((request, response) => {
  const url = request.url ?? '';
  asked.push({ url, headers: request.headers });
  const found = answers[url] ?? { status: 404 };
  const said = Array.isArray(found) ? (found.shift() ?? { status: 500 }) : found;
  response.writeHead(said.status ?? 200, { 'content-type': 'application/json', ...said.headers });
  response.end(said.body === undefined ? '' : JSON.stringify(said.body));
});

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'airlock-forge-'));
  tokenFile = join(directory, 'token');
  await writeFile(tokenFile, 'read-token\n');
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
after(async () => {
  server.close();
  await rm(directory, { recursive: true });
});
beforeEach(() => {
  asked = [];
});

const lister = (provider: ListingProvider, organisation = 'shop') =>
  createForgeLister(
    {
      ...{ provider, organisation, tokenFile, add: [] },
      ...{ host: 'forge.example', api: `${origin}/api` },
    },
    () => now,
  );
const signal = new AbortController().signal;

/** As GitHub's "List organization repositories" shows one, with fields that nobody reads. */
const github = (id: number, name: string, change = {}) => ({
  ...{ id, node_id: 'MDEwOlJlcG9zaXRvcnkx', name, full_name: `shop/${name}` },
  ...{ private: false, archived: false, disabled: false, fork: false, visibility: 'public' },
  ...{ clone_url: `https://forge.example/shop/${name}.git`, default_branch: 'main' },
  ...{ pool: 'main', secrets: ['TOKEN'], topics: ['airlock-approved'] },
  ...change,
});
const page1 = '/api/orgs/shop/repos?per_page=100&type=all';
const page2 = '/api/organizations/9/repos?per_page=100&page=2';

test('GitHub: every page by Link, with the token in its header', async () => {
  answers = {
    [page1]: {
      headers: { link: `<${origin}${page2}>; rel="next", <${origin}${page2}>; rel="last"` },
      body: [github(1, 'web')],
    },
    [page2]: {
      headers: { link: `<${origin}${page1}>; rel="prev", <${origin}${page1}>; rel="first"` },
      body: [github(2, 'old', { archived: true, private: true, default_branch: 'trunk' })],
    },
  };
  assert.deepEqual(await lister('github').list(signal), {
    kind: 'listed',
    repositories: [
      {
        ...{ id: '1', path: 'shop/web', cloneUrl: 'https://forge.example/shop/web.git' },
        ...{ mainBranch: 'main', archived: false, isPrivate: false },
      },
      {
        ...{ id: '2', path: 'shop/old', cloneUrl: 'https://forge.example/shop/old.git' },
        ...{ mainBranch: 'trunk', archived: true, isPrivate: true },
      },
    ],
  });
  assert.deepEqual(
    asked.map(({ headers }) => headers.authorization),
    ['Bearer read-token', 'Bearer read-token'],
  );
});

test('a page that is unchanged is taken from the look before', async () => {
  const etag = '"abc"';
  const first = { headers: { etag }, body: [github(1, 'web')] };
  answers = { [page1]: [first, { status: 304, headers: { etag } }] };
  const forge = lister('github');
  const before = await forge.list(signal);
  assert.deepEqual(await forge.list(signal), before);
  assert.deepEqual(
    asked.map(({ headers }) => headers['if-none-match']),
    [undefined, etag],
  );
});

test('GitLab: a group with its subgroups; what is internal there is private here', async () => {
  const path =
    '/api/groups/shop%2Fteam/projects?per_page=100&include_subgroups=true&with_shared=false&order_by=id&sort=asc';
  answers = {
    [path]: {
      headers: { 'x-next-page': '', 'ratelimit-remaining': '1999' },
      body: [
        {
          ...{ id: 7, name: 'Web', path_with_namespace: 'shop/team/sub/web', archived: false },
          ...{ http_url_to_repo: 'https://forge.example/shop/team/sub/web.git' },
          ...{ default_branch: null, visibility: 'internal' },
        },
      ],
    },
  };
  assert.deepEqual(await lister('gitlab', 'shop/team').list(signal), {
    kind: 'listed',
    repositories: [
      {
        ...{ id: '7', path: 'shop/team/sub/web', mainBranch: null },
        cloneUrl: 'https://forge.example/shop/team/sub/web.git',
        ...{ archived: false, isPrivate: true },
      },
    ],
  });
  assert.equal(asked[0]?.headers['private-token'], 'read-token');
});

test('Gitea and Forgejo: an empty repository has no main branch, whatever it names', async () => {
  const one = (id: number, name: string, empty: boolean) => ({
    ...{ id, name, full_name: `shop/${name}`, empty, archived: false, default_branch: 'main' },
    ...{ clone_url: `https://forge.example/shop/${name}.git`, private: false, internal: true },
  });
  answers = {
    '/api/orgs/shop/repos?limit=50': { body: [one(1, 'web', false), one(2, 'hollow', true)] },
  };
  const listing = await lister('gitea').list(signal);
  assert.ok(listing.kind === 'listed');
  assert.deepEqual(
    listing.repositories.map(({ path, mainBranch, isPrivate }) => [path, mainBranch, isPrivate]),
    [
      ['shop/web', 'main', true],
      ['shop/hollow', null, true],
    ],
  );
  assert.equal(asked[0]?.headers.authorization, 'token read-token');
});

test('Bitbucket: by uuid, pages by next in the body, and no account in the address', async () => {
  const one = (digit: string, slug: string) => ({
    ...{ uuid: `{${digit.repeat(8)}-0000-4000-8000-000000000000}`, full_name: `shop/${slug}` },
    ...{ is_private: true, mainbranch: { type: 'branch', name: 'master' } },
    links: {
      clone: [
        { name: 'https', href: `https://somebody@forge.example/shop/${slug}.git` },
        { name: 'ssh', href: `git@forge.example:shop/${slug}.git` },
      ],
    },
  });
  const second = '/api/repositories/shop?pagelen=100&page=2';
  answers = {
    '/api/repositories/shop?pagelen=100': {
      body: { pagelen: 100, values: [one('a', 'web')], next: `${origin}${second}` },
    },
    [second]: { body: { pagelen: 100, values: [one('b', 'api')] } },
  };
  const listing = await lister('bitbucket').list(signal);
  assert.ok(listing.kind === 'listed');
  assert.deepEqual(
    listing.repositories.map(({ id, cloneUrl }) => [id, cloneUrl]),
    [
      ['{aaaaaaaa-0000-4000-8000-000000000000}', 'https://forge.example/shop/web.git'],
      ['{bbbbbbbb-0000-4000-8000-000000000000}', 'https://forge.example/shop/api.git'],
    ],
  );
});

test('a limit is heeded until the time that the forge names, and nothing is listed in part', async () => {
  const link = `<${origin}${page2}>; rel="next"`;
  const reset = String(now.getTime() / 1000 + 600);
  const spent = { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': reset };
  const limits: readonly (readonly [Said, string])[] = [
    [{ status: 403, headers: spent }, '2026-11-23T10:10:00.000Z'],
    [{ status: 429, headers: { 'retry-after': '120' } }, '2026-11-23T10:02:00.000Z'],
    [
      { status: 429, headers: { 'retry-after': 'Mon, 23 Nov 2026 10:05:00 GMT' } },
      '2026-11-23T10:05:00.000Z',
    ],
    [
      { status: 429, headers: { 'ratelimit-remaining': '0', 'ratelimit-reset': reset } },
      '2026-11-23T10:10:00.000Z',
    ],
    [{ status: 503 }, '2026-11-23T10:01:00.000Z'],
    [{ status: 429, headers: { 'retry-after': '99999999' } }, '2026-11-23T16:00:00.000Z'],
  ];
  for (const [said, until] of limits) {
    answers = { [page1]: { headers: { link }, body: [github(1, 'web')] }, [page2]: said };
    assert.deepEqual(await lister('github').list(signal), {
      kind: 'limited',
      until: new Date(until),
    });
  }
});

test('a next page elsewhere, a redirect, a circle and what is no list are refused', async () => {
  const away: readonly (readonly [Said, RegExp])[] = [
    [{ headers: { link: '<http://127.0.0.1:1/api/x>; rel="next"' }, body: [] }, /nothing is asked/],
    [{ headers: { link: `<${origin}/other>; rel="next"` }, body: [] }, /nothing is asked there/],
    [{ headers: { link: `<${origin}${page1}>; rel="next"` }, body: [] }, /does not end/],
    [{ status: 302, headers: { location: `${origin}${page2}` } }, /answers 302/],
    [{ status: 403 }, /answers 403/],
    [{ status: 404 }, /check the name/],
    [{ status: 304 }, /answers 304/],
    [{ body: { message: 'Hello' } }, /no list of repositories/],
    [{ body: [github(1, 'web', { id: '1' })] }, /no list of repositories: 0\.id/],
  ];
  for (const [said, expected] of away) {
    answers = { [page1]: said, [page2]: { body: [] } };
    asked = [];
    await assert.rejects(lister('github').list(signal), expected);
    assert.equal(asked.length, 1);
  }
});
