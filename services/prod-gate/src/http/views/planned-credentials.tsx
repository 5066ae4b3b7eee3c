import { readPathOf } from '@airlock/common/policy/target-credentials';
import { proxiedCredential } from '@airlock/common/policy/target-egress';
import type { TargetPolicy } from '@airlock/common/policy/target-policy';
import { plannedLife } from '../../domain/planned-credentials.ts';

/** What a delivery will read at Vault, who gets it, and how long each of it lives. */
export function PlannedCredentials({
  policy: { credentials, deliver },
}: {
  readonly policy: Pick<TargetPolicy, 'credentials' | 'deliver'>;
}) {
  const { vault } = credentials;
  return (
    <>
      {vault.reads.map((read, index) => (
        <>
          {index === 0 ? null : ', '}
          <code>{readPathOf(read)}</code> (
          {deliver.egress.some((egress) => proxiedCredential(egress) === read.as)
            ? 'used in the hook’s place'
            : 'handed to the hook'}
          ; {plannedLife(read, vault)})
        </>
      ))}
    </>
  );
}
