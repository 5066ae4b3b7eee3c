/** A promotion as its pages show it, and one reason of every code: what the tests of pages are made of. */
import { formatId } from '@airlock/common/ids';
import { TargetPolicy } from '@airlock/common/policy/target-policy';
import type { Frame } from '@airlock/web/views/layout';
import type { PromotionDetails } from '../../app/view-promotion.ts';
import { noFirsts } from '../../domain/firsts.ts';
import type { Promotion } from '../../domain/promotion.ts';
import type { DenialReason } from '../../domain/verdict.ts';

export const now = new Date('2026-11-22T10:00:00Z');
export const soon = new Date('2026-11-23T10:00:00Z');
export const bytes = Buffer.alloc(10, 7);
export const hook = `load-release@sha256:${'a'.repeat(64)}`;

export const frame: Frame = {
  service: 'gate',
  viewer: {
    id: 'mira',
    name: 'Mira',
    nameId: 'mira@idp.example',
    idp: 'https://idp.example',
    groups: [],
    roles: ['release-manager'],
  },
  csrfToken: 'token',
  path: '/queue',
  nav: [],
  assets: { directory: '/assets', url: (name) => `/assets/${name}` },
  version: '0.0.0',
  footer: [],
};

export const hostile = '<img src=x onerror=alert(1)> \u202e"\'';

export const promotion: Promotion = {
  id: formatId('prm', bytes),
  target: 'prod-eu',
  release: '2026.11.22-1',
  state: 'waiting',
  stateReason: null,
  stateChangedAt: now,
  version: 1,
  subjectName: 'shop-api.tar.gz',
  artifactDigest: 'a'.repeat(64),
  artifactSize: 2_000_000,
  repository: 'https://git.example/org/app',
  commit: 'c'.repeat(40),
  mainPosition: 10,
  pipeline: '.woodpecker.yaml',
  builderId: 'https://nonprod.example/builders/main@v1',
  keyIds: ['key'],
  reproduce: 1,
  returns: null,
  invocationId: hostile,
  builtAt: now,
  requester: hostile,
  requesterIdp: 'https://idp.example',
  reason: hostile,
  requestedAt: now,
  admittedAt: now,
  expiresAt: soon,
  bundleDigest: 'b'.repeat(64),
  envelopeDigest: 'd'.repeat(64),
  provenanceDigest: 'e'.repeat(64),
  policyDigest: 'f'.repeat(64),
  hook,
  promotionDigest: '1'.repeat(64),
  delta: {
    base: { commit: '2'.repeat(40), release: hostile },
    commitCount: 1,
    commits: [
      {
        commit: 'c'.repeat(40),
        subject: hostile,
        authorName: hostile,
        authorEmail: 'dana@example.com',
        committerEmail: 'dana@example.com',
        committedAt: '2026-11-22T09:00:00Z',
      },
    ],
    emails: ['dana@example.com'],
    fileCount: 2,
    files: [
      { path: hostile, status: 'A', added: null, removed: null },
      { path: 'package-lock.json', status: 'M', added: 3, removed: 1 },
    ],
  },
};

export const policy = TargetPolicy.parse({
  version: 1,
  target: 'prod-eu',
  admits: [
    {
      repo: promotion.repository,
      refs: ['refs/heads/main'],
      pipeline: promotion.pipeline,
      releaseFile: '.airlock/release.yaml',
      subject: promotion.subjectName,
      builders: { id: promotion.builderId, threshold: 1, images: [`sha256:${'6'.repeat(64)}`] },
      maxAge: '14d',
      tests: 'required',
      signedCommits: 'required',
    },
  ],
  approvals: {
    rules: [{ role: 'release-manager', count: 2 }],
    exclude: ['requester', 'authors', 'committers'],
    expires: '24h',
  },
  credentials: {
    vault: {
      jwtMount: 'jwt',
      jwtRole: 'deliver',
      reads: [{ as: 'db', kind: 'database', mount: 'database', role: 'loader' }],
      ttl: '5m',
    },
  },
  deliver: {
    hook,
    timeout: '2m',
    params: {},
    egress: [{ as: 'db', kind: 'postgres', host: '127.0.0.1', port: 5432, name: 'production' }],
  },
});

export function viewOf(
  fields: Partial<Promotion> = {},
  reasons: readonly DenialReason[] = [],
): PromotionDetails {
  const [first, ...rest] = reasons;
  const shown = { ...promotion, ...fields };
  return {
    promotion: shown,
    facts: {
      now,
      promotion: shown,
      underOwnDelivery: false,
      targetKnown: true,
      returning: null,
      changed: { policy: false, roster: false, editors: false, base: null, fields: [] },
      hookDigest: 'a'.repeat(64),
      artifactPresent: true,
      bundle: null,
      builders: { need: 1, listed: 0, count: null },
      windowClosed: null,
      cooling: null,
      start: null,
      older: null,
      waiver: null,
      unmappedEmails: [],
      unmappedEditors: [],
      approvals: {
        have: 0,
        need: 2,
        rules: [{ role: 'release-manager', count: 2, filledBy: [], helpful: ['Leo', 'Mira'] }],
        enough: ['Leo', 'Mira'],
        editors: [],
        counting: [],
        signedWith: [],
        discounted: [],
        eligible: ['Leo', 'Mira'],
      },
      rejectedBy: null,
      freeze: null,
      busy: null,
      pendingSession: null,
      outliving: null,
      live: null,
      liveDiffers: null,
      ledgerFault: null,
      configurationFault: null,
      ledgerFreeze: null,
      restsOn: [],
      exceptedFrom: [],
      stops: [],
      emergencyStop: null,
    },
    verdict:
      first === undefined ? { allowed: true } : { allowed: false, reasons: [first, ...rest] },
    decisions: [],
    replaced: [],
    delivery: null,
    policy,
    need: 2,
    requester: null,
    viewer: {
      standing: { may: true },
      mayReject: true,
      mayStart: true,
      decided: null,
      commits: [],
    },
    evidence: { bundle: Buffer.alloc(0), document: Buffer.alloc(0) },
    remarks: [],
    bundle: null,
    firsts: noFirsts,
    newer: null,
    sighting: null,
    previous: null,
  };
}

export const rebuilder = 'https://audit.example/rebuilder@v1';

/** One reason of every code: a new code does not compile before it stands here. */
export const everyReason: {
  readonly [Code in DenialReason['code']]: Extract<DenialReason, { code: Code }>;
} = {
  E_NOT_WAITING: { code: 'E_NOT_WAITING', state: 'expired' },
  E_PROMOTION_EXPIRED: { code: 'E_PROMOTION_EXPIRED', expiredAt: now },
  E_APPROVALS_MISSING: {
    code: 'E_APPROVALS_MISSING',
    have: 1,
    need: 2,
    rules: [{ role: 'release-manager', count: 2, filledBy: ['Leo'], helpful: ['Mira'] }],
    eligible: ['Mira'],
    enough: ['Mira'],
  },
  E_START_AWAITED: {
    ...{ code: 'E_START_AWAITED', promotion: 'prm_0000000000', target: 'prod-eu' },
    may: ['Leo', 'Mira'],
    lapsed: null,
  },
  E_OLDER_FIRST: { code: 'E_OLDER_FIRST', target: 'prod-eu', older: '2026.11.21-3' },
  E_STOPPED: {
    ...{ code: 'E_STOPPED', stop: 'stp_0123456789', kind: 'freeze', matter: null },
    ...{ person: 'Leo', reason: 'checkout is down', since: now, until: null },
  },
  E_EMERGENCY_STOP: { code: 'E_EMERGENCY_STOP', since: now },
  E_REJECTED: { code: 'E_REJECTED', person: 'Leo' },
  E_TARGET_UNKNOWN: { code: 'E_TARGET_UNKNOWN', target: 'prod-eu' },
  E_POLICY_CHANGED: { code: 'E_POLICY_CHANGED', target: 'prod-eu' },
  E_ROSTER_CHANGED: { code: 'E_ROSTER_CHANGED' },
  E_EDITORS_CHANGED: { code: 'E_EDITORS_CHANGED' },
  E_EDITOR_UNMAPPED: { code: 'E_EDITOR_UNMAPPED', keyid: 'key' },
  E_HOOK_DIGEST: { code: 'E_HOOK_DIGEST', hook },
  E_HOOK_MISSING: { code: 'E_HOOK_MISSING', hook },
  E_BASE_CHANGED: { code: 'E_BASE_CHANGED', was: null, now: '2026.11.20-1' },
  E_DOCUMENT_DIFFERS: { code: 'E_DOCUMENT_DIFFERS', fields: ['commit'] },
  E_ARTIFACT_MISSING: { code: 'E_ARTIFACT_MISSING', digest: 'a'.repeat(64) },
  E_REPOSITORY_FROZEN: {
    code: 'E_REPOSITORY_FROZEN',
    repository: promotion.repository,
    reason: 'main was rewritten',
    since: now,
  },
  E_WINDOW_CLOSED: {
    code: 'E_WINDOW_CLOSED',
    ...{ target: 'prod-eu', denied: 'year-end', opensAt: now },
  },
  E_COOLING: { code: 'E_COOLING', target: 'prod-eu', startsAt: now },
  E_TARGET_BUSY: { code: 'E_TARGET_BUSY', deliveryId: 'dlv_1', since: now },
  E_CREDENTIAL_PENDING: {
    code: 'E_CREDENTIAL_PENDING',
    sessionId: 'vse_1',
    state: 'REVOKE_PENDING',
    since: now,
  },
  E_CREDENTIAL_OUTLIVES: { code: 'E_CREDENTIAL_OUTLIVES', deliveryId: 'dlv_1', until: now },
  E_ROLLBACK_UNAPPROVED: { code: 'E_ROLLBACK_UNAPPROVED', release: '1', live: '2' },
  E_RETURN_UNPROVEN: { code: 'E_RETURN_UNPROVEN', detail: 'it never was live on prod-eu' },
  E_LIVE_DIFFERS: {
    ...{ code: 'E_LIVE_DIFFERS', row: '2026.11.20-1' },
    ...{ ledger: '2026.11.20-4', isNewer: false },
  },
  E_AUTHOR_UNMAPPED: { code: 'E_AUTHOR_UNMAPPED', email: 'dana@example.org' },
  E_BUNDLE_REFUSED: { code: 'E_BUNDLE_REFUSED', admissionCode: 'E_STALE', detail: 'too old' },
  E_REBUILD_MISSING: {
    code: 'E_REBUILD_MISSING',
    ...{ have: 1, need: 2, listed: 1, silent: [rebuilder], discounted: [] },
  },
  E_REBUILD_DIFFERS: {
    code: 'E_REBUILD_DIFFERS',
    ...{ builders: [rebuilder], files: ['products.json', hostile], fileCount: 2 },
  },
  E_LEDGER_UNAVAILABLE: { code: 'E_LEDGER_UNAVAILABLE', detail: 'no checkpoint' },
  E_CONFIGURATION_ROLLBACK: {
    code: 'E_CONFIGURATION_ROLLBACK',
    serial: 3,
    detail: 'it is number 3, and the ledger has number 4',
  },
  E_CONFIGURATION_UNRECORDED: { code: 'E_CONFIGURATION_UNRECORDED', serial: 5 },
  E_LEDGER_INCONSISTENT: { code: 'E_LEDGER_INCONSISTENT', detail: 'two roots', since: now },
};

/** Reasons that have more than one sentence, in their other forms. */
export const otherForms: readonly DenialReason[] = [
  {
    code: 'E_APPROVALS_MISSING',
    have: 0,
    need: 2,
    rules: [{ role: 'release-manager', count: 2, filledBy: [], helpful: ['Mira'] }],
    eligible: ['Mira'],
    enough: null,
  },
  {
    code: 'E_APPROVALS_MISSING',
    have: 0,
    need: 1,
    rules: [{ role: 'security', count: 1, filledBy: [], helpful: [] }],
    eligible: [],
    enough: null,
  },
  { code: 'E_WINDOW_CLOSED', target: 'prod-eu', denied: null, opensAt: null },
  { code: 'E_LIVE_DIFFERS', row: null, ledger: '2026.11.20-4', isNewer: true },
  { code: 'E_BASE_CHANGED', was: '2026.11.20-1', now: null },
  {
    code: 'E_REBUILD_MISSING',
    ...{ have: 1, need: 3, listed: 1, silent: [], discounted: [] },
  },
  {
    code: 'E_REBUILD_MISSING',
    ...{ have: 1, need: 2, listed: 1, silent: [] },
    discounted: [
      { builderId: rebuilder, keyIds: [], code: 'E_REBUILD_UNRECORDED', detail: 'on its way' },
    ],
  },
  {
    code: 'E_REBUILD_MISSING',
    ...{ have: 1, need: 2, listed: 1, silent: [] },
    discounted: [{ builderId: null, keyIds: [], code: 'E_REBUILD_BUILDER', detail: 'not listed' }],
  },
];
