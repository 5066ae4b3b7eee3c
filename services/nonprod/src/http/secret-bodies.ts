/** What people send about secrets, as JSON and as forms. */
import { Secret } from '@airlock/common/secret';
import {
  SecretName,
  secretKinds,
  SshKey,
  type SecretKind,
} from '@airlock/common/wire/secret-handout';
import { z } from 'zod';
import { SecretDescription, SecretValue } from '../domain/secret.ts';
import { SecretFilters, secretEvents } from '../domain/secret-filter.ts';

const SetFields = z.strictObject({
  name: SecretName,
  /** Of kind `ssh-key`, the private key. */
  value: SecretValue,
  description: SecretDescription.default(''),
  kind: z.enum(secretKinds).default('value'),
  passphrase: z.string().max(1024).default(''),
  knownHosts: z
    .string()
    .max(6 * 1024)
    .default(''),
  /** Left out: as they are, or those of a new secret. */
  filters: SecretFilters.nullable().default(null),
  /** Said by whoever sets it: that it is no credential of production. */
  lowValue: z.literal(true),
});

export interface SetWish {
  readonly name: string;
  readonly description: string;
  readonly kind: SecretKind;
  readonly value: Secret;
  readonly filters: SecretFilters | null;
}

export const SetBody = SetFields.transform(wishOf);

const Lines = z.string().transform((text) => text.replaceAll('\r\n', '\n'));

/** A form sends lines apart with CR LF, and a ticked box as `on`. */
export const SetForm = SetFields.omit({ filters: true })
  .extend({
    value: Lines.pipe(SecretValue),
    knownHosts: Lines.default(''),
    lowValue: z.literal('on', 'tick the box: secrets of production have no place here'),
  })
  .transform((form, context) => wishOf({ ...form, filters: null }, context));

function wishOf(
  body: Omit<z.output<typeof SetFields>, 'lowValue'>,
  context: z.RefinementCtx,
): SetWish {
  const { name, description, kind, filters, value, passphrase, knownHosts } = body;
  const wish = { name, description, kind, filters };
  if (kind === 'value') return { ...wish, value: new Secret(value) };
  const key: SshKey = inner(SshKey, context, {
    // A form or a shell takes the last line end away, and ssh-add asks for it.
    privateKey: `${value.trimEnd()}\n`,
    ...{ passphrase, knownHosts },
  });
  return { ...wish, value: new Secret(JSON.stringify(key)) };
}

/** What `schema` makes of it, with its faults told as those of the whole. */
function inner<T>(schema: z.ZodType<T>, context: z.RefinementCtx, input: unknown): T {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  for (const { path, message } of parsed.error.issues) {
    context.addIssue({ code: 'custom', path, message });
  }
  return z.NEVER;
}

const Ticked = z.literal('on').optional();
const List = z
  .string()
  .max(4096)
  .default('')
  .transform((text) => text.split(/[\s,]+/).filter((word) => word !== ''));

/** The same as {@link SecretFilters}, from the fields of the form; `event_NAME` is ticked for each event. */
export const FiltersForm = z
  .object({
    ...{ refs: List, images: List, labels: List, protectedOnly: Ticked, approvedOnly: Ticked },
    leastTrust: z.coerce.number(),
    /** A day, to its end in UTC; empty: never. */
    expiresOn: z.union([z.iso.date(), z.literal('')], 'expected a day such as 2027-01-31'),
    rotateEveryDays: z
      .string()
      .regex(/^\d{0,4}$/, 'expected a number of days, or nothing')
      .transform((text) => (text === '' ? null : Number(text))),
  })
  .catchall(z.string())
  .transform((form, context) =>
    inner(SecretFilters, context, {
      events: secretEvents.filter((event) => form[`event_${event}`] === 'on'),
      refs: form.refs,
      images: form.images,
      labels: form.labels,
      protectedOnly: form.protectedOnly === 'on',
      approvedOnly: form.approvedOnly === 'on',
      leastTrust: form.leastTrust,
      expiresAt: form.expiresOn === '' ? null : `${form.expiresOn}T23:59:59Z`,
      rotateEveryDays: form.rotateEveryDays,
    }),
  );
