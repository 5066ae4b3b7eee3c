/** `airlock tests`: what the tests of a run said, failed ones first. */
import { Option, type Command } from 'commander';
import { z } from 'zod';
import { nonprodSession } from '../nonprod-session.ts';
import { safe, toStdout, type Print } from '../print.ts';

const Tests = z.looseObject({
  passed: z.number(),
  failed: z.number(),
  skipped: z.number(),
  flaky: z.number(),
  tests: z.array(
    z.looseObject({
      workflow: z.string(),
      suite: z.string(),
      group: z.string(),
      name: z.string(),
      outcome: z.enum(['passed', 'failed', 'skipped']),
      seconds: z.number().nullable(),
      message: z.string().nullable(),
      isFlaky: z.boolean(),
    }),
  ),
  files: z.array(z.looseObject({ path: z.string(), fault: z.string().nullable() })),
});
type Tests = z.infer<typeof Tests>;

const marks = { passed: '✓', failed: '✗', skipped: '-' };

export function registerTests(program: Command, print: Print = toStdout): void {
  program
    .command('tests')
    .argument('<run>', 'id such as run_7k2q9x0d1f')
    .description('what the tests of a run said, failed ones first')
    .addOption(new Option('--as <person>', 'whose eyes, in the demo').default('dana'))
    .addOption(
      new Option('-o, --output <format>', 'table or json')
        .choices(['table', 'json'])
        .default('table'),
    )
    .action(async (run: string, options: { as: string; output: string }) => {
      const session = await nonprodSession(options.as);
      const answer = await session.getJson(`/api/v1/runs/${encodeURIComponent(run)}/tests`);
      print(
        options.output === 'json'
          ? [JSON.stringify(answer, null, 2)]
          : testLines(Tests.parse(answer)),
      );
    });
}

/** Whatever stands in a report was written by what was tested: nothing of it reaches the terminal as it is. */
export function testLines({ tests, files, ...counts }: Tests): string[] {
  const { passed, failed, skipped, flaky } = counts;
  return [
    `${passed} passed, ${failed} failed, ${skipped} skipped, ${flaky} flaky`,
    ...tests.flatMap((test) => [
      `${marks[test.outcome]} ${safe([test.workflow, test.suite, test.group, test.name].filter((word) => word !== '').join(' › '))}${test.isFlaky ? ' (flaky)' : ''}${test.seconds === null ? '' : ` ${test.seconds.toFixed(2)} s`}`,
      ...(test.outcome === 'failed' && test.message !== null
        ? test.message.split('\n').map((line) => `    ${safe(line)}`)
        : []),
    ]),
    ...files.flatMap(({ path, fault }) =>
      fault === null ? [] : [`${safe(path)} cannot be read: ${safe(fault)}`],
    ),
  ];
}
