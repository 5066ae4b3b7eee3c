/** `airlock diff`: what a promotion changes on its target, against what is live there. */
import { Option, type Command } from 'commander';
import { z } from 'zod';
import { CliError, exitCode } from '../exit-codes.ts';
import { safe, toStdout, type Print } from '../print.ts';
import { changeLines, Changes, promotionPath, signIn } from '../release-commands.ts';

export const Difference = z.looseObject({
  target: z.string(),
  release: z.string(),
  promotionDigest: z.string(),
  against: z.literal('live'),
  changes: Changes.extend({
    dependencies: z
      .looseObject({ added: z.number(), removed: z.number(), changed: z.number() })
      .optional(),
    migrations: z.looseObject({ count: z.number() }).optional(),
    owners: z.array(z.looseObject({ owner: z.string(), files: z.number() })).optional(),
  }),
  newer: z.looseObject({ reverts: z.array(z.looseObject({})) }).nullable(),
});

export function registerDiff(program: Command, print: Print = toStdout): void {
  program
    .command('diff')
    .argument('<target>', 'such as prod-eu')
    .argument('<promotion>', 'id such as prm_7k2q9x0d1f')
    .description('what the promotion changes on the target, against what is live there')
    .option('--stat', 'how much of each, and none of it by name')
    .addOption(
      new Option('--as <person>', 'whose eyes, in the demo: dana, leo, mira, oke or aud').default(
        'mira',
      ),
    )
    .addOption(
      new Option('-o, --output <format>', 'table or json')
        .choices(['table', 'json'])
        .default('table'),
    )
    .action(
      async (
        target: string,
        id: string,
        { as, stat, output }: { as: string; stat?: true; output: string },
      ) => {
        const path = `${promotionPath(id)}/diff?against=live`;
        const answer = await (await signIn(as)).getJson(path);
        const difference = Difference.parse(answer);
        if (difference.target !== target) {
          throw new CliError(
            exitCode.usage,
            `${id} asks for ${safe(difference.target)}, not ${safe(target)}; say: airlock diff ${safe(difference.target)} ${id}`,
          );
        }
        print(
          output === 'json'
            ? [JSON.stringify(answer, null, 2)]
            : stat === true
              ? statLines(difference)
              : changeLines(difference.changes),
        );
      },
    );
}

/** A line for each thing of which something changes. */
export function statLines({ changes, newer }: z.infer<typeof Difference>): string[] {
  const { base, commitCount, fileCount, files, dependencies, migrations, owners } = changes;
  const sum = (of: 'added' | 'removed'): number =>
    files.reduce((total, file) => total + (file[of] ?? 0), 0);
  const unlisted = fileCount - files.length;
  const known = { added: sum('added'), removed: sum('removed') };
  const reverted = newer?.reverts.length ?? 0;
  return [
    base === null
      ? 'against nothing: the first delivery'
      : `against ${safe(base.release)} (${base.commit.slice(0, 8)})`,
    counted(commitCount, 'commit'),
    `${counted(fileCount, 'file')}  +${known.added} −${known.removed}${unlisted > 0 ? `  (lines of ${files.length} of them)` : ''}`,
    ...(migrations === undefined ? [] : [counted(migrations.count, 'migration')]),
    ...(dependencies === undefined
      ? []
      : [`dependencies  +${dependencies.added} −${dependencies.removed} ~${dependencies.changed}`]),
    ...(owners ?? []).map(
      ({ owner, files: of }) =>
        `${counted(of, 'file')} of ${owner === '' ? 'nobody' : safe(owner)}`,
    ),
    ...(reverted === 0 ? [] : [`${counted(reverted, 'commit')} of these taken back on main since`]),
  ];
}

const counted = (count: number, what: string): string =>
  `${count} ${what}${count === 1 ? '' : 's'}`;
