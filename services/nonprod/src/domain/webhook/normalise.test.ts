import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { Provider } from '@airlock/common/webhook/provider';
import type { ForgeEvent } from './forge-event.ts';
import { isAbout, normalise } from './normalise.ts';

/** GitHub’s own examples of every webhook, and the counts by what becomes of them. */
const examples = JSON.parse(
  readFileSync(new URL(import.meta.resolve('@octokit/webhooks-examples')), 'utf8'),
) as {
  name: string;
  examples: Record<string, unknown>[];
}[];

const read = (provider: Provider, event: string, payload: unknown): ForgeEvent =>
  normalise(provider, event, Buffer.from(JSON.stringify(payload)));

test('each of GitHub’s 329 published example payloads is handled or ignored by name, and none is refused', () => {
  const counts: Record<string, number> = {};
  for (const { name, examples: payloads } of examples) {
    for (const payload of payloads) {
      const event = read('github', name, payload);
      counts[event.kind] = (counts[event.kind] ?? 0) + 1;
      assert.notEqual(event.kind, 'refused', `${name}: ${JSON.stringify(event)}`);
    }
  }
  assert.deepEqual(counts, {
    ignored: 273,
    'refs-moved': 16,
    deployment: 4,
    ping: 4,
    'pull-request': 29,
    release: 3,
  });
});

test('a pull request of GitHub’s examples tells its head, its author by id, and what changed', () => {
  const payload = examples
    .find(({ name }) => name === 'pull_request')
    ?.examples.find(({ action }) => action === 'opened');
  const event = read('github', 'pull_request', payload);
  assert.equal(event.kind, 'pull-request');
  assert.equal(event.change, 'commits');
  assert.deepEqual(event.pullRequest, {
    number: 2,
    headCommit: 'ec26c3e57ca3a959ca5aad62de7213c562f8c821',
    headRepository: 'Codertocat/Hello-World',
    sourceBranch: 'changes',
    baseBranch: 'master',
    author: { id: '21031067', name: 'Codertocat' },
    isFork: false,
    title: 'Update the README with new information.',
    state: 'open',
    draft: false,
    labels: [],
    updatedAt: new Date('2019-05-15T15:20:33Z'),
  });
});

const head = 'a'.repeat(40);
const githubPull = (change: object) => ({
  action: 'synchronize',
  repository: { full_name: 'shop/web', clone_url: 'https://github.com/shop/web.git' },
  pull_request: {
    number: 7,
    title: 'A change',
    state: 'open',
    updated_at: '2026-11-22T10:00:00Z',
    user: { id: 5, login: 'mallory' },
    head: { ref: 'main', sha: head, repo: { id: 2, full_name: 'mallory/web' } },
    base: { ref: 'main', repo: { id: 1 } },
    ...change,
  },
});

test('a pull request from another repository is a fork, and so is one whose repository is gone', () => {
  const isFork = (change: object): boolean => {
    const event = read('github', 'pull_request', githubPull(change));
    return event.kind === 'pull-request' && event.pullRequest.isFork;
  };
  assert.equal(isFork({}), true);
  assert.equal(isFork({ head: { ref: 'main', sha: head, repo: null } }), true);
  assert.equal(
    isFork({ head: { ref: 'main', sha: head, repo: { id: 1, full_name: 'shop/web' } } }),
    false,
  );
});

const gitlabProject = {
  path_with_namespace: 'shop/web',
  git_http_url: 'https://gitlab.example/shop/web.git',
  git_ssh_url: 'git@gitlab.example:shop/web.git',
};
const gitlabMerge = (attributes: object) => ({
  object_kind: 'merge_request',
  user: { id: 1, username: 'root' },
  project: gitlabProject,
  labels: [{ title: 'API' }],
  object_attributes: {
    iid: 3,
    title: 'MS-Viewport',
    state: 'opened',
    action: 'update',
    draft: false,
    updated_at: '2026-11-22 10:00:00 UTC',
    author_id: 51,
    source_branch: 'ms-viewport',
    target_branch: 'main',
    source_project_id: 14,
    target_project_id: 1,
    source: { path_with_namespace: 'awesome_space/awesome_project' },
    last_commit: { id: head },
    ...attributes,
  },
});

test('GitLab’s merge request: new commits are told by oldrev, the author by id, and a fork by its project', () => {
  const pushed = read('gitlab', 'Merge Request Hook', gitlabMerge({ oldrev: 'b'.repeat(40) }));
  assert.equal(pushed.kind, 'pull-request');
  assert.equal(pushed.change, 'commits');
  assert.deepEqual(pushed.pullRequest, {
    number: 3,
    headCommit: head,
    headRepository: 'awesome_space/awesome_project',
    sourceBranch: 'ms-viewport',
    baseBranch: 'main',
    author: { id: '51', name: '#51' },
    isFork: true,
    title: 'MS-Viewport',
    state: 'open',
    draft: false,
    labels: ['API'],
    updatedAt: new Date('2026-11-22T10:00:00Z'),
  });
  const change = (attributes: object): string => {
    const event = read('gitlab', 'Merge Request Hook', gitlabMerge(attributes));
    return event.kind === 'pull-request' ? event.change : event.kind;
  };
  assert.equal(change({}), 'metadata');
  assert.equal(change({ action: 'open' }), 'commits');
  assert.equal(change({ action: 'merge', state: 'merged' }), 'closed');
  assert.equal(change({ action: 'approved' }), 'noted');
});

const giteaRepository = { full_name: 'shop/web', clone_url: 'https://gitea.example/shop/web.git' };
const cloudRepository = {
  full_name: 'shop/web',
  links: { html: { href: 'https://bitbucket.org/shop/web' } },
};
const serverRepository = {
  id: 84,
  slug: 'web',
  project: { key: 'SHOP' },
  links: { clone: [{ href: 'ssh://git@bitbucket.example:7999/shop/web.git', name: 'ssh' }] },
};

const moves: [provider: Provider, event: string, payload: object, refs: string[]][] = [
  [
    'github',
    'push',
    { ref: 'refs/heads/feature/main', repository: giteaRepository },
    ['refs/heads/feature/main'],
  ],
  [
    'github',
    'create',
    { ref: 'v1', ref_type: 'tag', repository: giteaRepository },
    ['refs/tags/v1'],
  ],
  [
    'gitea',
    'push',
    { ref: 'refs/heads/develop', repository: giteaRepository },
    ['refs/heads/develop'],
  ],
  [
    'gitea',
    'delete',
    { ref: 'old', ref_type: 'branch', repository: giteaRepository },
    ['refs/heads/old'],
  ],
  [
    'gitlab',
    'Push Hook',
    { ref: 'refs/heads/master', project: gitlabProject },
    ['refs/heads/master'],
  ],
  [
    'gitlab',
    'Tag Push Hook',
    { ref: 'refs/tags/v1.0.0', project: gitlabProject },
    ['refs/tags/v1.0.0'],
  ],
  [
    'bitbucket',
    'repo:push',
    {
      repository: cloudRepository,
      push: {
        changes: [
          { new: { type: 'branch', name: 'feature/main' }, old: null },
          { new: null, old: { type: 'tag', name: 'v1' } },
        ],
      },
    },
    ['refs/heads/feature/main', 'refs/tags/v1'],
  ],
  [
    'bitbucket-server',
    'repo:refs_changed',
    {
      eventKey: 'repo:refs_changed',
      repository: serverRepository,
      changes: [{ ref: { id: 'refs/heads/master', displayId: 'master' }, type: 'UPDATE' }],
    },
    ['refs/heads/master'],
  ],
];
for (const [provider, event, payload, refs] of moves) {
  test(`${provider} ${event} tells the full refs that moved: ${refs.join(' ')}`, () => {
    const read_ = read(provider, event, payload);
    assert.equal(read_.kind, 'refs-moved');
    assert.deepEqual(read_.refs, refs);
  });
}

test('Gitea’s pull request is read like GitHub’s, from each of the events that tell of one', () => {
  for (const event of ['pull_request', 'pull_request_sync', 'pull_request_label']) {
    const found = read('gitea', event, githubPull({}));
    assert.equal(found.kind, 'pull-request');
    assert.equal(found.pullRequest.author?.id, '5');
  }
});

test('Bitbucket Cloud shortens the head, so it is left to git; the author is known by uuid', () => {
  const side = (name: string, hash: string, uuid: string) => ({
    branch: { name },
    commit: { hash },
    repository: { full_name: `x/${uuid}`, uuid },
  });
  const event = read('bitbucket', 'pullrequest:created', {
    repository: cloudRepository,
    pullrequest: {
      id: 1,
      title: 'T',
      state: 'OPEN',
      author: { uuid: '{d301}', nickname: 'emma', display_name: 'Emma' },
      source: side('topic', 'd3022fc0ca3d', '{b}'),
      destination: side('main', 'ce5965ddd289', '{a}'),
      updated_on: '2026-11-22T10:00:00.482543+00:00',
    },
  });
  assert.equal(event.kind, 'pull-request');
  assert.equal(event.pullRequest.headCommit, null);
  assert.deepEqual(event.pullRequest.author, { id: '{d301}', name: 'emma' });
  assert.equal(event.pullRequest.isFork, true);
});

test('Bitbucket Data Center’s pull request is read, and its test delivery is a ping', () => {
  const side = (id: number, displayId: string) => ({
    id: `refs/heads/${displayId}`,
    displayId,
    latestCommit: head,
    repository: { ...serverRepository, id },
  });
  const event = read('bitbucket-server', 'pr:merged', {
    pullRequest: {
      id: 9,
      title: 'A new title',
      state: 'MERGED',
      updatedDate: 1_505_783_592_000,
      author: { user: { id: 1, name: 'admin' } },
      fromRef: side(84, 'topic'),
      toRef: side(84, 'master'),
    },
  });
  assert.equal(event.kind, 'pull-request');
  assert.equal(event.change, 'closed');
  assert.equal(event.pullRequest.state, 'merged');
  assert.equal(event.pullRequest.isFork, false);
  assert.deepEqual(read('bitbucket-server', 'diagnostics:ping', { test: true }), { kind: 'ping' });
});

const refusals: [name: string, provider: Provider, event: string, body: string, words: RegExp][] = [
  ['an event that no forge has', 'github', 'pushh', '{}', /has no event "pushh"/],
  ['an event of another forge', 'gitlab', 'push', '{}', /gitlab has no event "push"/],
  [
    'a form instead of JSON',
    'github',
    'push',
    'payload=%7B%7D',
    /choose the content type application\/json/,
  ],
  ['bytes that are no text', 'github', 'push', '\u{FFFD}', /not JSON/],
  ['a push without a ref', 'github', 'push', '{"repository":{"full_name":"a/b"}}', /^push: ref: /],
  [
    'a head that is no commit',
    'github',
    'pull_request',
    JSON.stringify(githubPull({ head: { ref: 'x', sha: '$(id)', repo: null } })),
    /^pull_request: pull_request\.head\.sha: expected a full commit id/,
  ],
];
for (const [name, provider, event, body, words] of refusals) {
  test(`refused with what is wrong: ${name}`, () => {
    const found = normalise(provider, event, Buffer.from(body));
    assert.equal(found.kind, 'refused');
    assert.match(found.why, words);
  });
}

test('a payload is about a repository by any spelling of its address, and not by a part of it', () => {
  const repository = {
    name: 'web',
    url: 'https://git.example/shop/web.git',
    cloneUrl: 'git@git.example:shop/web',
  };
  const about = (...urls: string[]): boolean => isAbout({ fullName: 'x/y', urls }, repository);
  assert.ok(about('https://user@GIT.example/shop/web/'));
  assert.ok(about('ssh://git@git.example:22/shop/web.git'));
  assert.ok(!about('https://git.example/shop/web2.git'));
  assert.ok(!about('https://other.example/shop/web.git', 'https://git.example/mallory/shop/web'));
  assert.ok(isAbout({ fullName: 'WEB', urls: [] }, repository));
});
