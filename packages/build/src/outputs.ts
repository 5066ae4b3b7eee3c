/**
 * What a step hands to those that come after it: lines `NAME=value` of the one file that the plan names. Nothing that a step
 * prints is ever taken for a command (as `::set-output` was, CVE-2020-15228).
 */
import { readFile, rm } from 'node:fs/promises';
import type { JobStep } from '@airlock/common/wire/runner-protocol';
import { CollectError, collectFiles } from './collect-files.ts';
import type { Isolation } from './isolation/isolation.ts';

export type Outputs = Readonly<Record<string, string>>;

const maxBytes = 64 * 1024;
const maxLines = 64;
const maxValueBytes = 8 * 1024;
/** No variable that a shell, a linker or CI itself reads begins so. */
const prefix = 'OUTPUT_';

/**
 * Reads the file from inside the isolation: it is a build's, and so are the names above it.
 *
 * @param from.path under `directory`.
 * @param from.beside a path of this machine that is free.
 * @returns variables for later steps, `OUTPUT_` before each name; or one sentence on why the step has failed.
 * @throws what the isolation throws.
 */
export async function readOutputs(from: {
  readonly isolation: Pick<Isolation, 'run'>;
  readonly workspace: string;
  readonly directory: string;
  readonly path: string;
  readonly beside: string;
  readonly signal: AbortSignal;
}): Promise<
  { readonly ok: true; readonly outputs: Outputs } | { readonly ok: false; readonly reason: string }
> {
  const { isolation, workspace, directory, path, beside, signal } = from;
  try {
    const { files, left } = await collectFiles({
      ...{ isolation, workspace, directory, signal, roots: [path] },
      wanted: (found) => found === path,
      limits: { files: 1, fileBytes: maxBytes, totalBytes: maxBytes },
      to: () => beside,
    });
    if (files.length === 0) {
      const why = left[0] ?? `${path} is not there, or is no regular file`;
      return { ok: false, reason: `outputs: ${why}` };
    }
    return parseOutputs(path, await readFile(beside, 'utf8'));
  } catch (cause) {
    if (cause instanceof CollectError) return { ok: false, reason: `outputs: ${cause.message}` };
    throw cause;
  } finally {
    await rm(beside, { force: true });
  }
}

/** Empty lines and those that begin with `#` say nothing; of two lines of one name the later counts. */
export function parseOutputs(path: string, text: string): Awaited<ReturnType<typeof readOutputs>> {
  const outputs: Record<string, string> = {};
  const refused = (line: number, why: string) =>
    ({ ok: false, reason: `outputs: ${path}:${line + 1}: ${why}` }) as const;
  for (const [at, raw] of text.split('\n').entries()) {
    const line = raw.replace(/\r$/, '');
    if (line === '' || line.startsWith('#')) continue;
    const [, name, value = ''] = /^([A-Za-z_][A-Za-z0-9_]{0,63})=(.*)$/.exec(line) ?? [];
    if (name === undefined) return refused(at, 'expected NAME=value, as in VERSION=1.4.0');
    if (/[\0\uFFFD]/.test(value)) return refused(at, 'a value is text in UTF-8 without NUL');
    if (Buffer.byteLength(value) > maxValueBytes) {
      return refused(at, `a value has at most ${maxValueBytes} bytes; keep more in a file`);
    }
    outputs[`${prefix}${name}`] = value;
    if (Object.keys(outputs).length > maxLines) {
      return refused(at, `a step hands on at most ${maxLines} values`);
    }
  }
  return { ok: true, outputs };
}

/**
 * What a step is given: the outputs of those that it depends on, directly or through others. Of two of one name that of the
 * later step of the file counts, so that what a step sees never hangs on which of two was faster.
 */
export function outputsBefore(
  step: Pick<JobStep, 'dependsOn' | 'kind'>,
  steps: readonly Pick<JobStep, 'name' | 'dependsOn'>[],
  known: ReadonlyMap<string, Outputs>,
): Outputs {
  // A plugin is told by its settings alone.
  if (step.kind === 'plugin') return {};
  const before = new Set<string>();
  const open = [...step.dependsOn];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (before.has(name)) continue;
    before.add(name);
    open.push(...(steps.find((each) => each.name === name)?.dependsOn ?? []));
  }
  return Object.assign(
    {},
    ...steps.filter(({ name }) => before.has(name)).map(({ name }) => known.get(name) ?? {}),
  ) as Outputs;
}
