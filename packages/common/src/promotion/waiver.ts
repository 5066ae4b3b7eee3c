/**
 * What a promotion document says where it is to pass without something that its target file ordinarily asks for: break-glass,
 * which takes the place of approvals and windows, or the override of a window, which asks for more approvals.
 */
import { z } from 'zod';
import { Name } from '../wire/scalars.ts';

export const waiverKinds = ['break-glass', 'override'] as const;
export type WaiverKind = (typeof waiverKinds)[number];

/** A justification is a sentence and not a word. */
export const leastJustification = 20;
export const longestJustification = 500;

export const Justified = z.strictObject({
  person: Name.describe('Roster id of who asked.'),
  justification: z
    .string()
    .min(leastJustification)
    .max(longestJustification)
    .refine((text) => text.trim() === text, { message: 'begins or ends with white space' })
    .describe('Why it cannot wait, as everybody reads it.'),
});
export type Justified = z.infer<typeof Justified>;

export type Waiver = Justified & { readonly kind: WaiverKind };

/** As members of a document; never both. */
export type WaiverMembers = { readonly breakGlass?: Justified; readonly override?: Justified };

/** Null where the document asks for none. */
export function waiverOf({ breakGlass, override }: WaiverMembers): Waiver | null {
  if (breakGlass !== undefined) return { kind: 'break-glass', ...breakGlass };
  return override === undefined ? null : { kind: 'override', ...override };
}

/** The member that says it in a document. */
export function waiverMembers(waiver: Waiver | null): WaiverMembers {
  if (waiver === null) return {};
  const { kind, person, justification } = waiver;
  const said = { person, justification };
  return kind === 'break-glass' ? { breakGlass: said } : { override: said };
}
