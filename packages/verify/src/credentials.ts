/** The credentials that the statement names, held against the target file that was approved, in one sentence. */
import { livedSeconds } from '@airlock/common/evidence/describe';
import type { DeliveryRecord, IssuedCredential } from '@airlock/common/intoto/delivery';
import { endingOf } from '@airlock/common/policy/target-credentials';
import type { TargetPolicy } from '@airlock/common/policy/target-policy';
import { EvidenceFault } from './report.ts';

/** @throws EvidenceFault for one that the approved file does not read or reads otherwise, or a hook that ran without one. */
export function checkCredentials(
  { session, credentials, hook }: Pick<DeliveryRecord, 'session' | 'credentials' | 'hook'>,
  { credentials: { vault } }: TargetPolicy,
): string {
  for (const { as, kind, ending, diesAt } of credentials) {
    const read = vault.reads.find((each) => each.as === as);
    if (read?.kind !== kind) {
      throw new EvidenceFault(`the approved target file reads no ${kind} credential ${as}`);
    }
    if (endingOf(kind) !== ending) {
      throw new EvidenceFault(
        `a ${kind} credential is ${endingOf(kind)}, ${as} is said to be ${ending}`,
      );
    }
    if ((diesAt === null) !== (ending === 'by-hand')) {
      throw new EvidenceFault(
        `${as} is ${ending} and ${diesAt === null ? 'has no' : 'has an'} end`,
      );
    }
  }
  if (hook.startedAt !== null && credentials.length !== vault.reads.length) {
    throw new EvidenceFault(
      `the hook ran with ${credentials.length} of the ${vault.reads.length} credentials that the approved target file reads`,
    );
  }
  if (session === null) return 'no credential, say the statement and these entries';
  if (credentials.length === 0) return 'no credential was issued; its session is proven closed';
  const of = (ending: IssuedCredential['ending']) =>
    credentials.filter((credential) => credential.ending === ending);
  const lived = of('revocable').map((credential) => livedSeconds(credential, session) ?? 0);
  const last = of('ttl-only')
    .flatMap(({ diesAt }) => diesAt ?? [])
    .sort()
    .at(-1);
  const byHand = of('by-hand').map(({ as, holder }) => `${as}, ${holder}`);
  const ends = [
    ...(lived.length === 0
      ? []
      : [`${lived.length} revoked after ${Math.max(...lived).toFixed(1)} s`]),
    ...(last === undefined
      ? []
      : [
          of('ttl-only').length === 1
            ? `1 ends by itself at ${last}`
            : `${of('ttl-only').length} end by themselves, the last at ${last}`,
        ]),
    ...(byHand.length === 0
      ? []
      : [`${byHand.length} that only a person ends (${byHand.join('; ')})`]),
  ];
  const total = credentials.length;
  return `${total} credential${total === 1 ? '' : 's'} issued: ${ends.join(', ')}`;
}
