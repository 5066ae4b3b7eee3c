import { readPathOf, type VaultCredentials } from '@airlock/common/policy/target-credentials';
import { plannedLife } from '../../domain/planned-credentials.ts';

/** What a delivery will read at Vault and how long each of it lives. */
export function PlannedCredentials({ vault }: { readonly vault: VaultCredentials }) {
  return (
    <>
      {vault.reads.map((read, index) => (
        <>
          {index === 0 ? null : ', '}
          <code>{readPathOf(read)}</code> ({plannedLife(read, vault)})
        </>
      ))}
    </>
  );
}
