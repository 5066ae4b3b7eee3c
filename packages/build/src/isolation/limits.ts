import { z } from 'zod';
import type { SandboxResult } from '@airlock/sandbox/bubblewrap';

const gibibyte = 1024 ** 3;
const bytes = (what: string, standard: number): z.ZodDefault<z.ZodInt> =>
  z
    .int()
    .min(1024 * 1024)
    .max(1024 ** 5)
    .default(standard)
    .describe(`${what}, in bytes. Default ${standard / gibibyte} GiB.`);

/** What one command of a job may take of the machine, and one job of its disk. A step may ask for less, never for more. */
export const BuildLimits = z.strictObject({
  memoryBytes: bytes('Memory of all processes of a step together, /tmp included', 4 * gibibyte),
  cpus: z
    .number()
    .min(0.05)
    .max(1024)
    .optional()
    .describe("Processors' worth of time of a step, such as 1.5. Default: all."),
  processes: z
    .int()
    .min(16)
    .max(1_000_000)
    .default(2048)
    .describe('Processes and threads of a step at a time. Default 2048.'),
  openFiles: z
    .int()
    .min(64)
    .max(1_000_000)
    .default(8192)
    .describe('Open files of one process. Default 8192.'),
  fileBytes: bytes('Largest single file that a step may write', 8 * gibibyte),
  workspaceBytes: bytes('Disk that the workspace of a job may take', 20 * gibibyte),
  workspaceFiles: z
    .int()
    .min(1000)
    .max(1_000_000_000)
    .default(2_000_000)
    .describe('Files and directories in the workspace of a job. Default 2000000.'),
  workspace: z
    .enum(['watched', 'walled'])
    .default('watched')
    .describe(
      'How the disk of a job is held. walled: a file system of its own in a file, which has no more than that; needs root, mkfs.ext4 and loop devices, and a tenth of a second a job. watched: an ordinary directory, whose step is killed within about a second. Default watched.',
    ),
});
export type BuildLimits = z.infer<typeof BuildLimits>;

export const defaultLimits: BuildLimits = BuildLimits.parse({});

/** What a step asks for; null: nothing less than the builder's. */
export type StepLimits = {
  readonly cpus: number | null;
  readonly memoryBytes: number | null;
};

/** The builder's limits, lowered to what the step asks for. */
export function limitsOf(limits: BuildLimits, step: StepLimits | undefined): BuildLimits {
  const memoryBytes = Math.min(limits.memoryBytes, step?.memoryBytes ?? limits.memoryBytes);
  const cpus = Math.min(limits.cpus ?? Infinity, step?.cpus ?? Infinity);
  return { ...limits, memoryBytes, cpus: Number.isFinite(cpus) ? cpus : undefined };
}

/** One sentence on what a command wanted beyond its limits, and where to raise them; null when it wanted nothing. */
export function exceededSentence(
  { exceeded }: Pick<SandboxResult, 'exceeded'>,
  limits: BuildLimits,
): string | null {
  const mebibytes = (count: number): string => `${Math.round(count / 1024 ** 2)} MiB`;
  const sentences = {
    memory: `needed more memory than the ${mebibytes(limits.memoryBytes)} it was given; use less, raise backend_options.airlock.memory of the step, or limits.memoryBytes of the runner`,
    processes: `wanted more than ${limits.processes} processes at a time; start fewer, or raise limits.processes of the runner`,
    disk: `filled the workspace beyond ${mebibytes(limits.workspaceBytes)} or ${limits.workspaceFiles} files; write less, or raise limits.workspaceBytes and limits.workspaceFiles of the runner`,
  };
  const said = [...new Set(exceeded)].map((what) => sentences[what]);
  return said.length === 0 ? null : said.join('; it also ');
}
