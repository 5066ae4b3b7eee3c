/** What people have to prepare at Vault themselves, how, and how one sees that they did. */
import type { CredentialRead } from '@airlock/common/policy/target-credentials';
import { z } from 'zod';
import type { Mounts } from './compare.ts';
import { longestLife } from './engines.ts';
import { askVault, refused, type VaultAccess, type VaultAnswer } from './http.ts';
import type { VaultTarget } from './targets.ts';

export type ManualStep = {
  /** For people, such as `AWS role deploy of aws`. */
  readonly what: string;
  /** API calls with `<…>` for what only people know. */
  readonly how: readonly string[];
  /**
   * @returns why it is not done, or null.
   * @throws VaultSetupError when Vault cannot be reached or refuses to show it.
   */
  readonly look: (access: VaultAccess, mounts: Mounts) => Promise<string | null>;
};

type ReadOf<K extends CredentialRead['kind']> = Extract<CredentialRead, { kind: K }>;

export function manualSteps(targets: readonly VaultTarget[]): ManualStep[] {
  const steps = targets.flatMap((target) =>
    target.reads.flatMap((read) => {
      switch (read.kind) {
        case 'aws':
          return [awsRole(read, longestLife(target, [read]))];
        case 'pki':
          return [pkiAuthority(read)];
        case 'kv':
          return [kvSecret(read)];
        case 'database':
        case 'ssh':
          return [];
      }
    }),
  );
  return steps.filter(({ what }, index) => steps.findIndex((step) => step.what === what) === index);
}

const sessionTypes = ['assumed_role', 'federation_token', 'session_token'];
const AwsRole = z.object({
  data: z.object({ credential_type: z.string(), max_sts_ttl: z.number().default(0) }),
});

function awsRole({ mount, role }: ReadOf<'aws'>, seconds: number): ManualStep {
  const path = `${mount}/roles/${role}`;
  return {
    what: `AWS role ${role} of ${mount}`,
    how: [
      `POST sys/mounts/${mount} {"type":"aws"}`,
      `POST ${mount}/config/root {"access_key":"<of an IAM user that may sts:AssumeRole>","secret_key":"<its secret>"}`,
      `POST ${path} {"credential_type":"assumed_role","role_arns":["<ARN of the role to deploy with>"],"default_sts_ttl":${seconds},"max_sts_ttl":${seconds}}`,
    ],
    async look(access, mounts) {
      const wrong = wrongMount(mounts, mount, 'aws');
      if (wrong !== null) return wrong;
      const answer = await look(access, path);
      if (answer.status === 404) return `${path} is not there`;
      const parsed = AwsRole.safeParse(answer.body);
      if (!parsed.success) return `${path} shows no credential_type`;
      const { credential_type: type, max_sts_ttl: longest } = parsed.data.data;
      if (!sessionTypes.some((name) => type === name)) {
        return `${path} has credential_type ${type}, whose keys do not end; set assumed_role`;
      }
      return longest === 0 || longest > seconds
        ? `max_sts_ttl of ${path} is ${longest || 'not set'}; the target file allows ${seconds}`
        : null;
    },
  };
}

function pkiAuthority({ mount }: ReadOf<'pki'>): ManualStep {
  return {
    what: `certificate authority of ${mount}`,
    how: [
      `POST ${mount}/intermediate/generate/internal {"common_name":"<name>"}, signed by your authority, then POST ${mount}/intermediate/set-signed {"certificate":"<PEM>"}`,
      `or, where nobody else has to trust it: POST ${mount}/root/generate/internal {"common_name":"<name>","key_type":"ec"}`,
    ],
    async look(access, mounts) {
      const wrong = wrongMount(mounts, mount, 'pki');
      if (wrong !== null) return wrong;
      const answer = await askVault(access, { method: 'GET', path: `${mount}/cert/ca` });
      return answer.status === 200 ? null : `${mount} has no certificate authority`;
    },
  };
}

function kvSecret({ mount, path, field }: ReadOf<'kv'>): ManualStep {
  return {
    what: `secret ${mount}/${path}`,
    how: [
      `POST sys/mounts/${mount} {"type":"kv","options":{"version":"2"}}`,
      `POST ${mount}/data/${path} {"data":{"${field}":"<the secret>"}}`,
    ],
    async look(access, mounts) {
      const wrong = wrongMount(mounts, mount, 'kv');
      if (wrong !== null) return wrong;
      if (mounts[`${mount}/`]?.options?.['version'] !== '2') {
        return `${mount} is a key-value engine of version 1; mount one of version 2`;
      }
      // Its metadata: looking must not show the secret, nor stand in the audit log as a read of it.
      const answer = await look(access, `${mount}/metadata/${path}`);
      return answer.status === 404 ? `${mount}/${path} was never written` : null;
    },
  };
}

function wrongMount(mounts: Mounts, mount: string, type: string): string | null {
  const found = mounts[`${mount}/`];
  if (found === undefined) return `nothing is mounted at ${mount}`;
  return found.type === type ? null : `${mount} is of type ${found.type} and has to be ${type}`;
}

async function look(access: VaultAccess, path: string): Promise<VaultAnswer> {
  const answer = await askVault(access, { method: 'GET', path });
  if (answer.status === 200 || answer.status === 404) return answer;
  throw refused({ method: 'GET', path }, answer);
}
