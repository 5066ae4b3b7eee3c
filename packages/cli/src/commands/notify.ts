/** `airlock notify`: whether the channels of a configuration reach anybody. */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { openChannels } from '@airlock/notify/open-channels';
import { NotifySettings } from '@airlock/notify/settings';
import { ConfigurationError, parseConfig } from '@airlock/process/config';
import type { Command } from 'commander';
import { z } from 'zod';
import { CliError, exitCode } from '../exit-codes.ts';
import { toStdout, type Print } from '../print.ts';

/** Of intake's or the scheduler's configuration, what is needed here; the process itself judges the rest. */
const Configuration = z.looseObject({
  gate: z.string().optional(),
  origin: z.string().optional(),
  notify: NotifySettings.nullable().default(null),
});

export function registerNotify(program: Command, print: Print = toStdout): void {
  const notify = program.command('notify').description('what tells people, on the host that sends');
  notify
    .command('test')
    .description('send one marked test, as intake or the scheduler would')
    .argument('<channel>', 'name under notify.channels, or mail')
    .requiredOption('--config <file>', 'configuration of gate-intake or nonprod-scheduler')
    .option('--to <address>', 'whom to write to, where the channel is mail')
    .action(async (channel: string, { config, to }: { config: string; to?: string }) => {
      const { settings, origin } = read(config);
      const channels = opened(settings);
      const send = channels.get(channel);
      if (send === undefined) {
        const known = [...channels.keys()].join(', ') || 'none';
        const text = `${config} has no channel ${channel}; it has: ${known}`;
        throw new CliError(exitCode.usage, text);
      }
      if (channel === 'mail' && to === undefined) {
        throw new CliError(exitCode.usage, 'say to whom: --to mira@example.com');
      }
      const outcome = await send(
        {
          ...{ id: `test:${randomUUID()}`, thread: 'test', type: 'test.sent', link: `${origin}/` },
          title: `Test of the channel ${channel}: nothing happened`,
          lines: ['Somebody ran airlock notify test. There is nothing to do.'],
          occurredAt: new Date(),
        },
        to ?? '',
        AbortSignal.timeout(30_000),
      );
      if (!outcome.sent) throw new CliError(exitCode.unreachable, `not sent: ${outcome.why}`);
      print([`sent to ${channel}${to === undefined ? '' : ` (${to})`}`]);
    });
}

function read(file: string): { settings: NotifySettings; origin: string } {
  try {
    const { notify, gate, origin } = parseConfig(Configuration, readFileSync(file, 'utf8'), file);
    const page = gate ?? origin;
    if (notify === null || page === undefined) {
      const text = `${file} has no notify section; docs/operations/notifications.md says what goes into it`;
      throw new CliError(exitCode.usage, text);
    }
    return { settings: notify, origin: page };
  } catch (cause) {
    if (cause instanceof ConfigurationError)
      throw new CliError(exitCode.configuration, cause.message);
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') {
      throw new CliError(exitCode.configuration, `${file} cannot be read`);
    }
    throw cause;
  }
}

function opened(settings: NotifySettings): ReturnType<typeof openChannels> {
  try {
    return openChannels(settings);
  } catch (cause) {
    if (cause instanceof ConfigurationError)
      throw new CliError(exitCode.configuration, cause.message);
    throw cause;
  }
}
