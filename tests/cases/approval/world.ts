/** Two good approvals, and short ways to change one thing about them. Each gives the parts of a case that differ. */
import {
  createApprovalWorld,
  type Person,
  type SigningChanges,
} from '@airlock/common/testing/approval-world';

export const world = createApprovalWorld();
export const { leo, mira, person, approve, promotion, origin } = world;

export const credential = (
  { credential: { revokedAt, ...rest } }: Person,
  changes: object = {},
) => ({
  ...rest,
  ...(revokedAt === null ? {} : { revokedAt: revokedAt.toISOString() }),
  ...changes,
});
export const goodMira = approve(mira);
export const one = (evidence: object) => ({ approvals: [evidence, goodMira] });
/** Leo's approval with this change, and Mira's good one. */
export const signed = (changes: SigningChanges) => one(approve(leo, changes));
export const said = (statement: NonNullable<SigningChanges['statement']>) => signed({ statement });
export const client = (clientData: Record<string, unknown>) => signed({ clientData });
export const spelt = (from: string | RegExp, to: string) =>
  signed({ statementText: (text) => swapped(text, from, to) });
export const speltClient = (from: string | RegExp, to: string) =>
  signed({ clientDataText: (text) => swapped(text, from, to) });
export const known = (changes: object) => ({
  credentials: [credential(leo, changes), credential(mira)],
});

export function swapped(text: string, from: string | RegExp, to: string): string {
  const result = text.replace(from, () => to);
  if (result === text) throw new Error(`${String(from)} does not stand in ${text}`);
  return result;
}

export const good = approve(leo);
export const noor = person('noor');
