/** GitHub's webhooks, and Gitea's and Forgejo's, which are made after them. */
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
  type PullRequestNews,
} from './forge-event.ts';

const Repository = z
  .object({
    full_name: z.string().max(255),
    clone_url: z.string().max(1024).optional(),
    ssh_url: z.string().max(1024).optional(),
    html_url: z.string().max(1024).optional(),
  })
  .transform(({ full_name: fullName, clone_url, ssh_url, html_url }): PayloadRepository => ({
    fullName,
    urls: [clone_url, ssh_url, html_url].filter((url) => url !== undefined),
  }));

const Push = z.object({ ref: RefName, repository: Repository });
const CreateOrDelete = z.object({
  ref: RefName,
  ref_type: z.enum(['branch', 'tag', 'repository']),
  repository: Repository,
});
const Release = z.object({
  action: z.string(),
  release: z.object({ tag_name: RefName, name: Text.nullish(), prerelease: z.boolean() }),
  repository: Repository,
});
const Deployment = z.object({
  deployment: z.object({
    sha: Commit,
    ref: RefName,
    environment: Text,
    task: Text.nullish(),
  }),
  repository: Repository,
});

const PullRequest = z.object({
  action: z.string().max(64),
  pull_request: z.object({
    number: z.int().positive(),
    title: Text,
    state: z.enum(['open', 'closed']),
    merged: z.boolean().nullish(),
    draft: z.boolean().nullish(),
    updated_at: Time,
    // A deleted account is null.
    user: z.object({ id: ForgeId, login: Text }).nullable(),
    labels: z.array(z.object({ name: Text })).nullish(),
    head: z.object({
      ref: RefName,
      sha: Commit,
      // A deleted fork is null.
      repo: z.object({ id: ForgeId, full_name: Text }).nullish(),
    }),
    base: z.object({ ref: RefName, repo: z.object({ id: ForgeId }) }),
  }),
  repository: Repository,
});

function newsOf({ pull_request: pull }: z.infer<typeof PullRequest>): PullRequestNews {
  const from = pull.head.repo ?? null;
  return {
    number: pull.number,
    headCommit: pull.head.sha,
    headRepository: from?.full_name ?? null,
    sourceBranch: pull.head.ref,
    baseBranch: pull.base.ref,
    author: pull.user === null ? null : { id: pull.user.id, name: pull.user.login },
    isFork: from?.id !== pull.base.repo.id,
    title: pull.title,
    state: pull.merged === true ? 'merged' : pull.state,
    draft: pull.draft ?? false,
    labels: (pull.labels ?? []).map(({ name }) => name),
    updatedAt: pull.updated_at,
  };
}

type Change = Extract<ForgeEvent, { kind: 'pull-request' }>['change'];
/** What is not listed is noted: auto-merge, locks, merge queues. */
const changes: Readonly<Record<string, Change>> = {
  opened: 'commits',
  reopened: 'commits',
  synchronize: 'commits',
  synchronized: 'commits',
  closed: 'closed',
  edited: 'metadata',
  labeled: 'metadata',
  unlabeled: 'metadata',
  label_updated: 'metadata',
  label_cleared: 'metadata',
  assigned: 'metadata',
  unassigned: 'metadata',
  milestoned: 'metadata',
  demilestoned: 'metadata',
  review_requested: 'metadata',
  review_request_removed: 'metadata',
  ready_for_review: 'metadata',
  converted_to_draft: 'metadata',
};

const pullRequest = (payload: Payload): ForgeEvent =>
  reading(payload, PullRequest, (parsed) => ({
    kind: 'pull-request',
    repository: parsed.repository,
    change: (Object.hasOwn(changes, parsed.action) ? changes[parsed.action] : null) ?? 'noted',
    pullRequest: newsOf(parsed),
  }));

const push = (payload: Payload): ForgeEvent =>
  reading(payload, Push, ({ ref, repository }) => ({
    kind: 'refs-moved',
    repository,
    refs: [ref],
  }));

const createOrDelete = (payload: Payload): ForgeEvent =>
  reading(payload, CreateOrDelete, ({ ref, ref_type, repository }) =>
    ref_type === 'repository'
      ? ignored('create of a repository')
      : {
          kind: 'refs-moved',
          repository,
          refs: [ref_type === 'tag' ? `refs/tags/${ref}` : `refs/heads/${ref}`],
        },
  );

/** @param actions that make a release: a draft, an edit and a deletion do not. */
const release =
  (actions: readonly string[]) =>
  (payload: Payload): ForgeEvent =>
    reading(payload, Release, ({ action, release: released, repository }) =>
      actions.includes(action)
        ? {
            kind: 'release',
            repository,
            tag: released.tag_name,
            title: released.name ?? released.tag_name,
            prerelease: released.prerelease,
          }
        : ignored(`release ${action.slice(0, 64)}`),
    );

const deployment = (payload: Payload): ForgeEvent =>
  reading(payload, Deployment, ({ deployment: asked, repository }) => ({
    kind: 'deployment',
    repository,
    commit: asked.sha,
    ref: asked.ref,
    environment: asked.environment,
    task: asked.task ?? '',
  }));

/** Every other event that GitHub documents. */
const githubIgnores = new Set(
  (
    'branch_protection_configuration branch_protection_rule check_run check_suite code_scanning_alert commit_comment ' +
    'custom_property custom_property_values dependabot_alert deploy_key deployment_protection_rule deployment_review ' +
    'deployment_status discussion discussion_comment fork github_app_authorization gollum installation ' +
    'installation_repositories installation_target issue_comment issue_dependencies issues label marketplace_purchase ' +
    'member membership merge_group meta milestone org_block organization package page_build personal_access_token_request ' +
    'project project_card project_column projects_v2 projects_v2_item projects_v2_status_update public ' +
    'pull_request_review pull_request_review_comment pull_request_review_thread registry_package repository ' +
    'repository_advisory repository_dispatch repository_import repository_ruleset repository_vulnerability_alert ' +
    'secret_scanning_alert secret_scanning_alert_location secret_scanning_scan security_advisory security_and_analysis ' +
    'sponsorship star status sub_issues team team_add watch workflow_dispatch workflow_job workflow_run'
  ).split(' '),
);

export function fromGithub(payload: Payload): ForgeEvent {
  switch (payload.event) {
    case 'push':
      return push(payload);
    case 'create':
    case 'delete':
      return createOrDelete(payload);
    case 'pull_request':
      return pullRequest(payload);
    case 'release':
      // `published` comes with each of them once more.
      return release(['released', 'prereleased'])(payload);
    case 'deployment':
      return deployment(payload);
    case 'ping':
      return { kind: 'ping' };
    default:
      return githubIgnores.has(payload.event)
        ? ignored(payload.event)
        : unknownEvent('github', payload.event);
  }
}

const giteaPullRequests = new Set([
  'pull_request',
  'pull_request_assign',
  'pull_request_label',
  'pull_request_milestone',
  'pull_request_review_request',
  'pull_request_sync',
]);
const giteaIgnores = new Set(
  (
    'action_run_failure action_run_recover action_run_success fork issue_assign issue_comment issue_label issue_milestone ' +
    'issues package pull_request_approved pull_request_comment pull_request_rejected pull_request_review ' +
    'pull_request_review_approved pull_request_review_comment pull_request_review_rejected repository schedule status ' +
    'wiki workflow_dispatch workflow_job workflow_run'
  ).split(' '),
);

export function fromGitea(payload: Payload): ForgeEvent {
  if (giteaPullRequests.has(payload.event)) return pullRequest(payload);
  switch (payload.event) {
    case 'push':
      return push(payload);
    case 'create':
    case 'delete':
      return createOrDelete(payload);
    case 'release':
      return release(['published'])(payload);
    default:
      return giteaIgnores.has(payload.event)
        ? ignored(payload.event)
        : unknownEvent('gitea', payload.event);
  }
}
