/** `airlock deliver`: starting a delivery where the target file asks for a person to do so. Approvals permit it; this says when. */
import { Option, type Command } from 'commander';
import { z } from 'zod';
import { CliError, exitCode } from '../exit-codes.ts';
import { safe, toStdout, type Print } from '../print.ts';
import { demoContext, signIn } from '../release-commands.ts';

const Shown = z.looseObject({
  release: z.string(),
  target: z.string(),
  promotionDigest: z.string(),
});

export function registerDeliver(program: Command, print: Print = toStdout): void {
  program
    .command('deliver')
    .argument('<promotion>', 'id such as prm_7k2q9x0d1f')
    .description('start the delivery, where the target file has start: manual')
    .addOption(
      new Option('--as <person>', 'whose eyes, in the demo: dana, leo, mira, oke or aud').default(
        'mira',
      ),
    )
    .action(async (id: string, options: { as: string }) => {
      print([await deliver(id, options)]);
    });
}

async function deliver(id: string, { as }: { as: string }): Promise<string> {
  if (!/^prm_[0-9a-z]{10}$/.test(id)) {
    throw new CliError(
      exitCode.usage,
      `${JSON.stringify(id)} is no promotion; ids look like prm_7k2q9x0d1f and stand in: airlock queue`,
    );
  }
  const session = await signIn(as);
  const path = `/api/v1/promotions/${id}`;
  const { release, target, promotionDigest } = Shown.parse(await session.getJson(path));
  await session.postJson(`${path}/deliver`, { promotionDigest });
  return `${as} started the delivery of ${safe(release)} to ${target}. Follow it: ${demoContext().gate}/promotions/${id}`;
}
