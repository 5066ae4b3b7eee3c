/** Pools as people and programs write them: a form of lines, or JSON. */
import { z } from 'zod';
import { Name } from '@airlock/common/wire/scalars';
import { isolationModes, PoolReuse, type Pool } from '../domain/pool.ts';

const Digest = z.string().regex(/^sha256:[0-9a-f]{64}$/, 'expected sha256: and 64 lower-case hex');
const Glob = z
  .string()
  .max(255)
  .regex(
    /^[A-Za-z0-9*?][A-Za-z0-9*?._/:@-]*$/,
    'expected an image name, with * and ? where wanted',
  );
const Label = z
  .string()
  .regex(/^[A-Za-z0-9_*][A-Za-z0-9._/*-]{0,62}$/, 'expected letters, digits, . _ / - *');
const Repository = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._/-]{0,127}$/);

const PoolImage = z.strictObject({ glob: Glob, digest: Digest.nullable(), plugin: z.boolean() });

const settings = {
  /** The version that this was made from; 0 for a new pool. */
  version: z.int().min(0),
  trust: z.literal([0, 1, 2, 3]),
  isolation: z.enum(isolationModes),
  once: z.boolean(),
  reuse: PoolReuse.nullable(),
  images: z.array(PoolImage).max(200),
  labels: z.record(Label, Label),
  everyone: z.boolean(),
  repositories: z.array(Repository).max(1000),
  concurrency: z.int().min(1).max(10_000).nullable(),
  egress: Name.nullable(),
};
export const PoolBody = z.strictObject({
  ...settings,
  images: z
    .array(
      PoolImage.extend({
        digest: PoolImage.shape.digest.default(null),
        plugin: PoolImage.shape.plugin.default(false),
      }),
    )
    .max(200),
  reuse: settings.reuse.default(null),
  labels: settings.labels.default({}),
  everyone: settings.everyone.default(false),
  repositories: settings.repositories.default([]),
  concurrency: settings.concurrency.default(null),
  egress: settings.egress.default(null),
});
export type PoolBody = z.infer<typeof PoolBody>;

const lines = (text: string): string[] =>
  text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '');
const Lines = z.string().max(100_000).default('').transform(lines);
const Ticked = z
  .literal('on')
  .optional()
  .transform((value) => value === 'on');
const Digits = z
  .string()
  .regex(/^\d{1,5}$/, 'expected a number')
  .transform(Number);

/** `GLOB [sha256:…] [plugin]`, one a line. */
const ImageLine = z.string().transform((line, context) => {
  const [glob = '', ...words] = line.split(/\s+/);
  const plugin = words.includes('plugin');
  const [digest = null, ...more] = words.filter((word) => word !== 'plugin');
  if (more.length > 0) {
    context.addIssue({ code: 'custom', message: `${line}: expected GLOB [sha256:…] [plugin]` });
  }
  return { glob, digest, plugin };
});
const LabelLine = z
  .string()
  .regex(/^[^=]+=[^=]+$/, 'expected NAME=VALUE, one a line')
  .transform((line): [string, string] => {
    const at = line.indexOf('=');
    return [line.slice(0, at).trim(), line.slice(at + 1).trim()];
  });

/** What the form of a pool sends. */
export const PoolForm = z.strictObject({
  version: Digits.pipe(settings.version),
  trust: Digits.pipe(settings.trust),
  isolation: settings.isolation,
  once: Ticked,
  reuse: z
    .string()
    .default('')
    .transform((text) => (text.trim() === '' ? null : text.trim()))
    .pipe(settings.reuse),
  images: Lines.pipe(z.array(ImageLine).pipe(settings.images)),
  labels: Lines.pipe(
    z
      .array(LabelLine)
      .transform((entries) => Object.fromEntries(entries))
      .pipe(settings.labels),
  ),
  everyone: Ticked,
  repositories: Lines.pipe(settings.repositories),
  concurrency: z
    .string()
    .default('')
    .transform((text) => (text.trim() === '' ? null : Number(text)))
    .pipe(settings.concurrency),
  egress: z
    .string()
    .default('')
    .transform((text) => (text.trim() === '' ? null : text.trim()))
    .pipe(settings.egress),
});

/** The same, with the name that a new pool gets. */
export const NewPoolForm = PoolForm.extend({ name: Name });

export function poolFrom(name: string, body: PoolBody): Pool {
  const { trust, isolation, once, reuse, images, labels, everyone, concurrency, egress } = body;
  return {
    ...{ name, trust, isolation, once, reuse, images, labels, everyone, concurrency, egress },
    repositories: [...new Set(body.repositories)].sort(),
  };
}

/** The lines that the form shows of a pool, which it reads back as the same pool. */
export function linesOf(pool: Pick<Pool, 'images' | 'labels' | 'repositories'>) {
  return {
    images: pool.images
      .map(({ glob, digest, plugin }) =>
        [glob, ...(digest === null ? [] : [digest]), ...(plugin ? ['plugin'] : [])].join(' '),
      )
      .join('\n'),
    labels: Object.entries(pool.labels)
      .map(([name, value]) => `${name}=${value}`)
      .join('\n'),
    repositories: pool.repositories.join('\n'),
  };
}
