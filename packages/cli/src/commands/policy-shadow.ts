/** `airlock policy shadow`: where the rules on trial of a target would have decided otherwise. */
import { Option, type Command } from 'commander';
import { z } from 'zod';
import { safe, type Print } from '../print.ts';
import { signIn } from '../release-commands.ts';

const Differences = z.looseObject({
  policyDigest: z.string(),
  onTrial: z.boolean(),
  differences: z.array(
    z.looseObject({
      promotionId: z.string(),
      release: z.string(),
      policyDigest: z.string(),
      outcome: z.enum(['would-hold', 'would-pass']),
      reasons: z.array(z.string()),
      lastAt: z.string(),
    }),
  ),
});
type Differences = z.infer<typeof Differences>;

export function registerPolicyShadow(policy: Command, print: Print): void {
  policy
    .command('shadow')
    .argument('<target>', 'such as shop-prod-eu')
    .description('where the rules on trial of a target would have decided otherwise; exit 0')
    .addOption(
      new Option('--as <person>', 'whose eyes, in the demo: dana, leo, mira, oke or aud').default(
        'mira',
      ),
    )
    .option('--json', "one JSON object, the API's own answer")
    .action(async (target: string, options: { readonly as: string; readonly json?: true }) => {
      const session = await signIn(options.as);
      const path = `/api/v1/targets/${encodeURIComponent(target)}/shadow`;
      const answer = await session.getJson(path);
      const shown = Differences.parse(answer);
      print(options.json === true ? [JSON.stringify(answer, null, 2)] : shadowLines(target, shown));
    });
}

/** A line for each promotion and the reasons below it. */
export function shadowLines(
  target: string,
  { onTrial, policyDigest, differences }: Differences,
): string[] {
  const state = onTrial ? 'rules are on trial' : 'no rules are on trial now';
  return [
    `${target}: ${state}; ${differences.length} promotions decided otherwise by them`,
    ...differences.flatMap((each) => [
      `${each.outcome === 'would-hold' ? '↑' : '↓'} ${each.promotionId}  ${safe(each.release)}  ${each.lastAt}  ${
        each.outcome === 'would-hold' ? 'would have been held' : 'would have started'
      }${each.policyDigest === policyDigest ? '' : ' (by an earlier file)'}`,
      ...each.reasons.map((reason) => `    ${safe(reason)}`),
    ]),
  ];
}
