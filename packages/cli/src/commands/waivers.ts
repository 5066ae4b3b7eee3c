/**
 * `airlock break-glass` and `airlock override`: asking that a promotion pass with fewer approvals and outside its windows, or
 * outside its windows with more. Never without a reason, and never alone.
 */
import type { WaiverKind } from '@airlock/common/promotion/waiver';
import { Option, type Command } from 'commander';
import { CliError, exitCode } from '../exit-codes.ts';
import { toStdout, type Print } from '../print.ts';
import { demoContext, signIn } from '../release-commands.ts';

type Options = { as: string; message?: string; withdraw?: true };

const verbs: Readonly<Record<WaiverKind, { what: string; name: string; back: string }>> = {
  'break-glass': {
    what: 'ask that it pass with the approvals of breakGlass in the target file, also outside the windows',
    name: 'by break-glass',
    back: 'it waits for its ordinary approvals and windows',
  },
  override: {
    what: 'ask that it pass outside the windows, with the approvals of windows.override beside those of the rules',
    name: 'outside the windows',
    back: 'it waits for its windows',
  },
};

export function registerWaivers(program: Command, print: Print = toStdout): void {
  for (const kind of ['break-glass', 'override'] as const) {
    program
      .command(kind)
      .argument('<promotion>', 'id such as prm_7k2q9x0d1f')
      .description(verbs[kind].what)
      .addOption(
        new Option('--as <person>', 'whose eyes, in the demo: dana, leo, mira, oke or aud').default(
          'mira',
        ),
      )
      .option('-m, --message <justification>', 'why it cannot wait; at least 20 characters')
      .option('--withdraw', 'take it back')
      .action(async (id: string, options: Options) => {
        print([await ask(kind, id, options)]);
      });
  }
}

async function ask(
  kind: WaiverKind,
  id: string,
  { as, message, withdraw }: Options,
): Promise<string> {
  if (!/^prm_[0-9a-z]{10}$/.test(id)) {
    throw new CliError(
      exitCode.usage,
      `${JSON.stringify(id)} is no promotion; ids look like prm_7k2q9x0d1f and stand in: airlock queue`,
    );
  }
  const path = `/api/v1/promotions/${id}/${kind}`;
  if (withdraw === true) {
    const session = await signIn(as);
    await session.postJson(`${path}/withdrawal`, {});
    return `${as} took back that ${id} pass ${verbs[kind].name}; ${verbs[kind].back}.`;
  }
  if (message === undefined) {
    throw new CliError(exitCode.usage, 'say why it cannot wait: -m "…", at least 20 characters');
  }
  const session = await signIn(as);
  await session.postJson(path, { justification: message });
  return [
    `${as} asked that ${id} pass ${verbs[kind].name}. Everybody is told. Approvals that were there no longer count.`,
    `Approve it within seconds with airlock approve ${id}, or in the browser: ${demoContext().gate}/promotions/${id}`,
    `Others look at it afterwards: ${demoContext().gate}/reviews`,
  ].join('\n');
}
