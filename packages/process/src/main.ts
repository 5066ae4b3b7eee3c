import { AirlockError } from '@airlock/common/errors';
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { z } from 'zod';
import { buildInWords, thisBuild } from './build.ts';
import { ConfigurationError, parseConfig } from './config.ts';
import { configurationDigest, shownConfiguration } from './config-digest.ts';
import { createLog, errorCode, type Log, type LogFields } from './log.ts';

/** What a process may do within the 5 s after SIGTERM; the rest is for the exit itself. */
const closeWithinMs = 4_500;
/** EX_CONFIG of sysexits.h: a supervisor should not restart this, a person has to act. */
const exitConfiguration = 78;

export type Runtime = {
  log: Log;
  /** Aborted when the process is asked to end. */
  signal: AbortSignal;
  /** `close` is awaited when the process ends; the last registered goes first. */
  onClose(close: () => Promise<void> | void): void;
  /** Names an address this process listens on; all of them stand in `process.ready` as `listen`. */
  listening(address: string): void;
  /** Absolute directory of the configuration file. */
  configDirectory: string;
  /** Of the process's own switches, those that it was started with. */
  switches: ReadonlySet<string>;
  /** Ends the process as SIGTERM would. */
  stop(): void;
  /** Adds fields to every line of the log from now on; the configuration's digest is there already. */
  inEveryLine(fields: LogFields): void;
};

/**
 * The frame of every process: `--config FILE.yaml`, a JSON log on stdout, a clean end on SIGTERM or SIGINT; `--version` alone
 * prints which build this is, and nothing begins.
 *
 * Logs `process.ready` (with `listen` where it listens) once `start` has returned. Exit codes: 0 after a signal,
 * 78 for configuration (also an AirlockError from `start` whose code begins with `configuration-`), 1 otherwise.
 */
export async function runProcess<T>(options: {
  name: string;
  schema: z.ZodType<T>;
  /** Names of switches, such as `once` for `--once`, that this process knows beside `--config`. Default none. */
  switches?: readonly string[];
  start(config: T, runtime: Runtime): Promise<void>;
}): Promise<void> {
  if (process.argv.length === 3 && process.argv[2] === '--version') {
    process.stdout.write(`${options.name} ${buildInWords(thisBuild())}\n`);
    return;
  }
  // Without a listener Node answers SIGUSR1 by opening its inspector, a remote shell into this process.
  process.on('SIGUSR1', () => {});
  const inEveryLine: LogFields = {};
  const log = createLog(options.name, inEveryLine);
  const stopping = new AbortController();
  const closers: (() => Promise<void> | void)[] = [];
  const listen: string[] = [];
  let ending = false;

  async function end(exitCode: number): Promise<void> {
    if (ending) return;
    ending = true;
    setTimeout(() => {
      log.error('process.stop-timeout', {
        message: `not closed within ${closeWithinMs} ms, ended anyway`,
      });
      process.exit(exitCode === 0 ? 1 : exitCode);
    }, closeWithinMs).unref();
    stopping.abort();
    let code = exitCode;
    for (const close of closers.reverse()) {
      try {
        await close();
      } catch (cause) {
        code = code === 0 ? 1 : code;
        log.error('process.close-failed', { error: asError(cause) });
      }
    }
    log.info('process.stopped', { 'process.exit_code': code });
    process.exit(code);
  }

  function crash(cause: unknown): void {
    const error = asError(cause);
    if (ending) {
      log.warn('process.error-while-stopping', { error });
      return;
    }
    const configuration = isConfigurationError(error);
    log.error(configuration ? 'process.configuration-refused' : 'process.crashed', {
      message: error.message,
      error,
      ...(configuration ? {} : { 'error.stack_trace': error.stack }),
    });
    void end(configuration ? exitConfiguration : 1);
  }

  process.on('uncaughtException', crash);
  process.on('unhandledRejection', crash);
  process.on('SIGTERM', () => void end(0));
  process.on('SIGINT', () => void end(0));
  // The reader of our log may go away first; that must not stop a delivery half-way.
  process.stdout.on('error', () => {});

  try {
    const { file, switches } = commandLine(options.name, options.switches ?? []);
    const text = await readConfig(file);
    const config = parseConfig(options.schema, text, file);
    inEveryLine['config.digest'] = configurationDigest(shownConfiguration(text));
    await options.start(config, {
      log,
      signal: stopping.signal,
      onClose: (close) => closers.push(close),
      listening: (address) => listen.push(address),
      configDirectory: dirname(resolve(file)),
      switches,
      stop: () => void end(0),
      inEveryLine: (fields) => void Object.assign(inEveryLine, fields),
    });
    if (!stopping.signal.aborted) {
      log.info('process.ready', {
        'process.pid': process.pid,
        ...(listen.length === 0 ? {} : { listen }),
      });
    }
  } catch (cause) {
    crash(cause);
  }
}

function commandLine(
  name: string,
  known: readonly string[],
): { file: string; switches: ReadonlySet<string> } {
  const usage = `${name}: usage: --config FILE.yaml${known.map((each) => ` [--${each}]`).join('')}`;
  try {
    const { values } = parseArgs({
      options: {
        ...Object.fromEntries(known.map((each) => [each, { type: 'boolean' as const }])),
        config: { type: 'string' as const },
      },
    });
    const { config: file, ...given } = values;
    // Every other option is a switch, and one that is not known was refused.
    if (file !== undefined) return { file, switches: new Set(Object.keys(given)) };
  } catch (cause) {
    throw new ConfigurationError(
      'configuration-unreadable',
      `${usage} (${asError(cause).message})`,
    );
  }
  throw new ConfigurationError('configuration-unreadable', usage);
}

async function readConfig(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new ConfigurationError(
      'configuration-unreadable',
      `${file}: cannot be read (${asError(cause).message}); give an existing file with --config`,
      { cause },
    );
  }
}

function isConfigurationError(error: Error): boolean {
  return error instanceof AirlockError && errorCode(error).startsWith('configuration-');
}

function asError(cause: unknown): Error {
  return cause instanceof Error ? cause : new Error(String(cause));
}
