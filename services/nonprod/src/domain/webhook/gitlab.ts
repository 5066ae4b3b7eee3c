/** GitLab's project webhooks. https://docs.gitlab.com/user/project/integrations/webhook_events/ */
import { z } from 'zod';
import {
  Commit,
  ForgeId,
  ignored,
  reading,
  RefName,
  Text,
  Time,
  unknownEvent,
  type ForgeEvent,
  type Payload,
  type PayloadRepository,
} from './forge-event.ts';

const Project = z
  .object({
    path_with_namespace: z.string().max(255),
    git_http_url: z.string().max(1024).optional(),
    git_ssh_url: z.string().max(1024).optional(),
    web_url: z.string().max(1024).optional(),
  })
  .transform((project): PayloadRepository => ({
    fullName: project.path_with_namespace,
    urls: [project.git_http_url, project.git_ssh_url, project.web_url].filter(
      (url) => url !== undefined,
    ),
  }));

const Push = z.object({ ref: RefName, project: Project });
const Release = z.object({ action: z.string(), tag: RefName, name: Text, project: Project });

const MergeRequest = z.object({
  user: z.object({ id: ForgeId, username: Text }),
  project: Project,
  labels: z.array(z.object({ title: Text })).nullish(),
  object_attributes: z.object({
    iid: z.int().positive(),
    title: Text,
    state: z.enum(['opened', 'closed', 'locked', 'merged']),
    action: z.string().max(64).nullish(),
    draft: z.boolean().nullish(),
    /** Only of an update that brought commits. */
    oldrev: z.string().nullish(),
    updated_at: Time,
    author_id: ForgeId,
    source_branch: RefName,
    target_branch: RefName,
    source_project_id: ForgeId.nullable(),
    target_project_id: ForgeId,
    source: z.object({ path_with_namespace: Text }).nullish(),
    last_commit: z.object({ id: Commit }),
  }),
});

type Attributes = z.infer<typeof MergeRequest>['object_attributes'];

function changeOf({
  action,
  oldrev,
}: Attributes): Extract<ForgeEvent, { kind: 'pull-request' }>['change'] {
  switch (action) {
    case 'open':
    case 'reopen':
      return 'commits';
    case 'update':
      return oldrev === undefined || oldrev === null ? 'metadata' : 'commits';
    case 'close':
    case 'merge':
      return 'closed';
    default:
      return 'noted';
  }
}

const states = { opened: 'open', locked: 'open', closed: 'closed', merged: 'merged' } as const;

const mergeRequest = (payload: Payload): ForgeEvent =>
  reading(payload, MergeRequest, ({ user, project, labels, object_attributes: merge }) => ({
    kind: 'pull-request',
    repository: project,
    change: changeOf(merge),
    pullRequest: {
      number: merge.iid,
      headCommit: merge.last_commit.id,
      headRepository: merge.source?.path_with_namespace ?? null,
      sourceBranch: merge.source_branch,
      baseBranch: merge.target_branch,
      // `user` is whoever acted. Of the author there is the id alone.
      author: {
        id: merge.author_id,
        name: user.id === merge.author_id ? user.username : `#${merge.author_id}`,
      },
      isFork: merge.source_project_id !== merge.target_project_id,
      title: merge.title,
      state: states[merge.state],
      draft: merge.draft ?? false,
      labels: (labels ?? []).map(({ title }) => title),
      updatedAt: merge.updated_at,
    },
  }));

const ignores = new Set([
  'Confidential Issue Hook',
  'Confidential Note Hook',
  'Deployment Hook',
  'Emoji Hook',
  'Feature Flag Hook',
  'Issue Hook',
  'Job Hook',
  'Member Hook',
  'Milestone Hook',
  'Note Hook',
  'Pipeline Hook',
  'Project Hook',
  'Resource Access Token Hook',
  'Subgroup Hook',
  'Vulnerability Hook',
  'Wiki Page Hook',
]);

export function fromGitlab(payload: Payload): ForgeEvent {
  switch (payload.event) {
    case 'Push Hook':
    case 'Tag Push Hook':
      return reading(payload, Push, ({ ref, project }) => ({
        kind: 'refs-moved',
        repository: project,
        refs: [ref],
      }));
    case 'Merge Request Hook':
      return mergeRequest(payload);
    case 'Release Hook':
      return reading(payload, Release, ({ action, tag, name, project }) =>
        action === 'create'
          ? { kind: 'release', repository: project, tag, title: name, prerelease: false }
          : ignored(`Release Hook ${action.slice(0, 64)}`),
      );
    default:
      return ignores.has(payload.event)
        ? ignored(payload.event)
        : unknownEvent('gitlab', payload.event);
  }
}
