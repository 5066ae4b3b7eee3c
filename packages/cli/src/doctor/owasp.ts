/** OWASP's ten risks of CI/CD, each with what is looked at here and what can be tried against it. */

export interface Risk {
  readonly id: string;
  /** As OWASP calls it. */
  readonly title: string;
  /** Of `airlock doctor`. */
  readonly checks: readonly string[];
  /** Of `airlock drill`. */
  readonly drills: readonly string[];
}

/** @see https://owasp.org/www-project-top-10-ci-cd-security-risks/ */
export const owaspCicd: readonly Risk[] = [
  {
    id: 'CICD-SEC-1',
    title: 'Insufficient flow control mechanisms',
    checks: ['split', 'admins'],
    drills: ['own-nonprod', 'admin-bypass', 'approve-by-token', 'lift-alone', 'lying-web', 'drift'],
  },
  {
    id: 'CICD-SEC-2',
    title: 'Inadequate identity and access management',
    checks: ['admins', 'least-priv', 'pg-hba'],
    drills: ['self-admin', 'header-spoof', 'token-over-scope', 'roster-swap', 'runner-impersonate'],
  },
  {
    id: 'CICD-SEC-3',
    title: 'Dependency chain abuse',
    checks: ['version', 'sandbox'],
    drills: ['image-not-listed', 'egress'],
  },
  {
    id: 'CICD-SEC-4',
    title: 'Poisoned pipeline execution',
    checks: ['one-job-runners', 'sandbox'],
    drills: ['fork-secrets', 'names-to-shell', 'form-injection', 'log-command', 'cache-poison'],
  },
  {
    id: 'CICD-SEC-5',
    title: 'Insufficient PBAC (pipeline-based access controls)',
    checks: ['one-job-runners', 'sandbox', 'low-value'],
    drills: [
      'pool-escape',
      'cross-build-read',
      'docker-sock',
      'metadata-address',
      'runner-other-job',
    ],
  },
  {
    id: 'CICD-SEC-6',
    title: 'Insufficient credential hygiene',
    checks: ['private-files', 'low-value', 'rotation', 'git-readonly', 'certificates'],
    drills: ['log-leak', 'artifact-leak', 'dba-read', 'bait-taken', 'hook-outlives-stop'],
  },
  {
    id: 'CICD-SEC-7',
    title: 'Insecure system configuration',
    checks: ['configuration', 'environment', 'bind', 'listeners', 'tls', 'headers', 'gate-wall'],
    drills: ['scan', 'path-traversal', 'policy-swap'],
  },
  {
    id: 'CICD-SEC-8',
    title: 'Ungoverned usage of 3rd party services',
    checks: ['git-remote', 'vault', 'security-contact'],
    drills: ['hook-forged', 'hook-replay'],
  },
  {
    id: 'CICD-SEC-9',
    title: 'Improper artifact integrity validation',
    checks: ['certificates'],
    drills: ['own-nonprod', 'runner-status-forge', 'quarantine-by-key', 'anonymous-artifact'],
  },
  {
    id: 'CICD-SEC-10',
    title: 'Insufficient logging and visibility',
    checks: ['postgres'],
    drills: ['stop-erased', 'login-beside-gate', 'miner-pattern', 'drift'],
  },
];
