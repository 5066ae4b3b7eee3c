/** The target file and the roster that were approved, from the gate's own store, where intake keeps every version. */
import type { ContentStore } from '@airlock/artifacts/content-store';
import { AirlockError } from '@airlock/common/errors';
import { Roster, TargetPolicy } from '@airlock/common/policy/target-policy';
import { parseConfig } from '@airlock/process/config';
import { maxKeptFileBytes } from '../../app/keep-files.ts';

/** @returns null for a version that was never kept, as of a promotion that is older than the keeping. */
export async function readKept(
  artifacts: Pick<ContentStore, 'read'>,
  digest: string,
): Promise<Buffer | null> {
  try {
    return await artifacts.read(digest, maxKeptFileBytes);
  } catch (cause) {
    if (cause instanceof AirlockError && cause.code === 'artifact-missing') return null;
    throw cause;
  }
}

/** @throws ConfigurationError when what is kept under these digests is no target file or no roster. */
export async function readKeptPolicy(
  artifacts: Pick<ContentStore, 'read'>,
  digests: { readonly policy: string; readonly roster: string },
): Promise<{ policy: TargetPolicy; roster: Roster } | null> {
  const [policy, roster] = await Promise.all([
    readKept(artifacts, digests.policy),
    readKept(artifacts, digests.roster),
  ]);
  if (policy === null || roster === null) return null;
  return {
    policy: parseConfig(TargetPolicy, policy.toString('utf8'), digests.policy),
    roster: parseConfig(Roster, roster.toString('utf8'), digests.roster),
  };
}
