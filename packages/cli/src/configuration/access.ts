/** Whose hands production is in by these files, and what a draft gives and takes, for `airlock config check`. */
import { warningsOf, waysOf, type AccessFiles } from '@airlock/common/access/coalition';
import { powerChanges } from '@airlock/common/access/powers';
import type { Administrators } from '@airlock/common/trust/administrators';
import type { ConfigurationFiles } from '@airlock/process/configuration-directory';

/** Null for a target without a file. */
export function accessOf(
  { targets, roster, trust }: ConfigurationFiles,
  administrators: Administrators,
  target: string,
): AccessFiles | null {
  const policy = targets.get(target)?.policy;
  return policy === undefined ? null : { policy, roster: roster.roster, trust, administrators };
}

/** Sentences; none where nobody's power changes. */
export function accessChanges(
  before: ConfigurationFiles,
  after: ConfigurationFiles,
  options: { readonly administrators: Administrators; readonly now: Date },
): string[] {
  const { administrators, now } = options;
  const gone = [...before.targets.keys()].filter((target) => !after.targets.has(target));
  return [
    ...gone.map((target) => `${target}: its file goes away; nobody can deliver there any more`),
    ...[...after.targets.keys()].flatMap((target) => {
      const was = accessOf(before, administrators, target);
      const is = accessOf(after, administrators, target);
      if (is === null) return [];
      return was === null
        ? [`${target}: is new; airlock who-can-deliver says for whom, once it is in force`]
        : powerChanges(was, is, now);
    }),
  ];
}

/** Where one person is enough, target by target. */
export function accessWarnings(
  files: ConfigurationFiles,
  options: { readonly administrators: Administrators; readonly now: Date },
): string[] {
  return [...files.targets.keys()].flatMap((target) => {
    const access = accessOf(files, options.administrators, target);
    if (access === null) return [];
    return warningsOf(waysOf(access, options.now)).map((text) => `${target}: ${text}`);
  });
}
