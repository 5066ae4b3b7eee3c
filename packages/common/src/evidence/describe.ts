/**
 * The files for people that repeat what is signed: written from the signed statements, and compared byte for byte with what
 * the statements say by whoever verifies.
 */
import type { Subject } from '../intoto/statement.ts';
import type { DeliveryRecord, IssuedCredential } from '../intoto/delivery.ts';
import type { VerificationSummary } from '../slsa/vsa.ts';

export type SignedRecords = {
  readonly subject: Subject;
  readonly delivery: DeliveryRecord;
  readonly summary: VerificationSummary;
};

/** Content of `artifact.json`, `checks.json`, `delivery.json` and `leases.json` by file name. */
export function describeRecords(records: SignedRecords): ReadonlyMap<string, string> {
  const { subject, delivery, summary } = records;
  const { hook, session, credentials } = delivery;
  return new Map<string, string>([
    [
      'artifact.json',
      json({ name: subject.name, sha256: subject.sha256, bytes: delivery.artifactBytes }),
    ],
    [
      'checks.json',
      json({
        verifiedAt: summary.timeVerified,
        result: summary.verificationResult,
        levels: summary.verifiedLevels,
        policy: delivery.policy,
        roster: delivery.roster,
        hook: hook.name,
        approvals: delivery.approvals.map(({ person }) => person),
      }),
    ],
    [
      'delivery.json',
      json({
        id: delivery.delivery,
        promotion: delivery.promotion,
        release: delivery.release,
        target: delivery.target,
        state: delivery.outcome,
        startedAt: delivery.startedAt,
        hookStartedAt: hook.startedAt,
        hookFinishedAt: hook.finishedAt,
        hookExit: hook.exit,
        finishedAt: delivery.finishedAt,
      }),
    ],
    [
      'leases.json',
      json(
        session === null
          ? []
          : [
              {
                session: session.id,
                accessorSha256: session.accessor,
                revokedAt: session.revokedAt,
                credentials: credentials.map((credential) => ({
                  ...credential,
                  livedSeconds: livedSeconds(credential, session),
                })),
              },
            ],
      ),
    ],
  ]);
}

/** From issue to proven revocation; null for what revocation does not end. */
export function livedSeconds(
  { issuedAt, ending }: Pick<IssuedCredential, 'issuedAt' | 'ending'>,
  { revokedAt }: { readonly revokedAt: string },
): number | null {
  return ending === 'revocable' ? (Date.parse(revokedAt) - Date.parse(issuedAt)) / 1000 : null;
}

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;
