import { z } from 'zod';
import { secretKinds, type SecretKind } from '@airlock/common/wire/secret-handout';
import { SecretFilters } from '../../domain/secret-filter.ts';

export interface FilterRow {
  readonly events: string[];
  readonly refs: string[];
  readonly protectedOnly: boolean;
  readonly images: string[];
  readonly leastTrust: number;
  readonly approvedOnly: boolean;
  readonly expiresAt: Date | null;
  readonly rotateEveryDays: number | null;
  readonly labels: string[];
}

/** @throws ZodError for a row that no page could have written: nobody reads the secret then. */
export function filtersOf(row: FilterRow): SecretFilters {
  const { events, refs, protectedOnly, images, leastTrust, approvedOnly, rotateEveryDays, labels } =
    row;
  return SecretFilters.parse({
    ...{ events, refs, protectedOnly, images, leastTrust, approvedOnly, rotateEveryDays, labels },
    expiresAt: row.expiresAt?.toISOString() ?? null,
  });
}

export function filterColumns(filters: SecretFilters): FilterRow {
  const { expiresAt, ...columns } = filters;
  return { ...columns, expiresAt: expiresAt === null ? null : new Date(expiresAt) };
}

export function kindOf(text: string): SecretKind {
  return z.enum(secretKinds).parse(text);
}
