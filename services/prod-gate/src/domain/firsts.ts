/**
 * What of a promotion nothing had that was ever delivered to its target: who wrote some of it, and the image that it was built
 * on. Neither is wrong and neither decides anything; both deserve a second look (a stolen account is new here, and so is a
 * runner that somebody has set up).
 */
import type { Promotion } from './promotion.ts';
import type { Trace } from './trace.ts';

export type Firsts = {
  /** Who wrote or committed what it brings, by their addresses; the name as git has it, null for a commit that is not listed. */
  readonly authors: readonly { readonly email: string; readonly name: string | null }[];
  /** SHA-256 of runner images, as provenance names them. */
  readonly images: readonly string[];
};

export const noFirsts: Firsts = { authors: [], images: [] };

/** A return brings nothing that was not delivered before, and before the first delivery everything is new. */
export const mayHaveFirsts = ({
  state,
  returns,
  delta,
}: Pick<Promotion, 'state' | 'returns' | 'delta'>): boolean =>
  state === 'waiting' && returns === null && delta.base !== null;

/** @param traces of the promotion, which no delivered one has. */
export function firstsOf({ delta }: Pick<Promotion, 'delta'>, traces: readonly Trace[]): Firsts {
  const of = (wanted: Trace['kind']): string[] =>
    traces.flatMap(({ kind, value }) => (kind === wanted ? [value] : []));
  return {
    // Traces keep also those of a document that this one took the place of.
    authors: of('email').flatMap((email) => {
      if (!delta.emails.includes(email)) return [];
      const listed = delta.commits.find(({ authorEmail }) => authorEmail === email);
      return [{ email, name: listed?.authorName ?? null }];
    }),
    images: of('image'),
  };
}

/** A sentence each, with the evidence; none where nothing is first. */
export function firstLines(target: string, { authors, images }: Firsts): string[] {
  const people = authors.map(({ email, name }) => (name === null ? email : `${name} <${email}>`));
  return [
    ...(people.length === 0
      ? []
      : [`Nothing that was delivered to ${target} before is by ${people.join(', ')}.`]),
    ...images.map(
      (digest) =>
        `Nothing that was delivered to ${target} before was built on the image sha256:${digest}.`,
    ),
  ];
}
