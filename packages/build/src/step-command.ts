/** What is executed for a step or a service. */
import type { PlanService, PlanStep } from '@airlock/common/wire/run-plan';
import type { CatalogueImage } from './isolation/catalogue.ts';
import { quoted, stepScript } from './step-script.ts';

/** A step, or a service, which has no directory and no kind of its own. */
export type Runnable = Pick<PlanStep, 'name' | 'image' | 'commands' | 'entrypoint'> &
  Partial<Pick<PlanStep, 'directory' | 'kind'>> &
  Partial<Pick<PlanService, 'ports'>>;

export type StepCommand =
  | {
      readonly ok: true;
      readonly command: readonly string[];
      readonly env: Readonly<Record<string, string>>;
      /** To be given as `$AIRLOCK_INPUT`: a script that is longer than one argument may be. */
      readonly input: string | null;
    }
  | { readonly ok: false; readonly reason: string };

/** Linux takes 128 KiB in one argument or variable (MAX_ARG_STRLEN), its name included. */
const maxArgumentBytes = 120_000;

export function stepCommand(what: Runnable, image: CatalogueImage): StepCommand {
  const told = `${what.ports === undefined ? 'step' : 'service'} ${what.name}`;
  const refused = (why: string): StepCommand => ({ ok: false, reason: `${told}: ${why}` });
  if (what.kind === 'plugin' && !image.plugin) {
    return refused(
      `${what.image} is to run as a plugin (settings and no commands), and this pool's catalogue has no plugin of that name; add it to the images of the pool's runners with plugin and entrypoint, or write commands`,
    );
  }
  const directory = what.directory ?? null;
  if (directory !== null && leavesWorkspace(directory)) {
    return refused(`directory ${directory} leads out of the workspace; write a path within it`);
  }
  if (what.commands.length > 0) return scriptCommand(what, directory, refused);
  const program = what.entrypoint ?? image.entrypoint;
  if (program.length === 0) {
    return refused(
      `nothing says what runs in image ${what.image}; write commands or an entrypoint, or give the image one in the catalogue of the pool's runners`,
    );
  }
  const command =
    directory === null
      ? program
      : ['/bin/sh', '-c', 'cd -- "$1" && shift && exec "$@"', 'sh', directory, ...program];
  return { ok: true, command, env: {}, input: null };
}

/** Whether a directory, as a pipeline names it, is none below the workspace. */
export function leavesWorkspace(directory: string): boolean {
  return directory.startsWith('/') || directory.split('/').includes('..');
}

function scriptCommand(
  { commands, entrypoint }: Runnable,
  directory: string | null,
  refused: (why: string) => StepCommand,
): StepCommand {
  const enter = directory === null ? '' : `cd -- ${quoted(directory)} || exit\n`;
  const script = `${enter}${stepScript(commands)}`;
  const encoded = Buffer.from(script).toString('base64');
  const fits = encoded.length <= maxArgumentBytes;
  // Entrypoints that are written for Woodpecker find the commands there.
  const env: Record<string, string> = fits ? { CI_SCRIPT: encoded } : {};
  if (entrypoint !== null) {
    if (fits) return { ok: true, command: entrypoint, env, input: null };
    return refused(
      `its commands have ${encoded.length} bytes in base64, of which an entrypoint can be given ${maxArgumentBytes}; move them into a script of the repository`,
    );
  }
  return fits
    ? { ok: true, command: ['/bin/sh', '-c', script], env, input: null }
    : { ok: true, command: ['/bin/sh', '-c', '. "$AIRLOCK_INPUT"'], env, input: script };
}
