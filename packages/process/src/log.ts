import winston from 'winston';

export type LogValue =
  | string
  | number
  | bigint
  | boolean
  | null
  | undefined
  | Date
  | Error
  | readonly string[]
  | readonly number[];

export type LogFields = Record<string, LogValue>;

/**
 * One JSON line a call. `event` is a stable dotted name (`delivery.started`); fields are listed by name by the
 * caller, never spread from an object, so that nothing is logged by accident.
 *
 * error: a person must act now · warn: healed itself · info: a business event · debug: off unless
 * `AIRLOCK_LOG_LEVEL=debug`.
 */
export type Log = {
  debug(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
};

type Level = keyof Log;

/** Control characters, line separators and the marks that reorder text on a terminal: all legal inside JSON. */
const unprintable = /[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/**
 * The line that the log writes: ECS names, `@timestamp` in UTC with milliseconds.
 *
 * A field named like one of the five standard ones does not replace it, except `message`. An Error becomes
 * `{code, message}` and nothing more, because stacks and causes carry values that nobody listed.
 */
export function formatLine(
  service: string,
  now: Date,
  level: Level,
  event: string,
  fields: LogFields,
): string {
  const line: Record<string, unknown> = {
    '@timestamp': now.toISOString(),
    'log.level': level,
    message: event,
    'service.name': service,
    'event.action': event,
  };
  for (const [key, value] of Object.entries(fields)) {
    if (key !== 'message' && Object.hasOwn(line, key)) continue;
    line[key] = plain(value);
  }
  return JSON.stringify(line).replace(
    unprintable,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function plain(value: LogValue): unknown {
  if (value instanceof Error) return { code: errorCode(value), message: value.message };
  if (value instanceof Date) return value.toISOString();
  if (typeof value === 'bigint') return value.toString();
  return value;
}

/** The stable code of an error: ours, or Node's and Postgres's `code`, or the class name. */
export function errorCode(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}

/**
 * A log that writes to stdout under the name of one process, such as `gate-intake`.
 *
 * @param inEveryLine read anew for each line; no field of a caller replaces one of these.
 */
export function createLog(service: string, inEveryLine: LogFields = {}): Log {
  const logger = winston.createLogger({
    level: process.env['AIRLOCK_LOG_LEVEL'] === 'debug' ? 'debug' : 'info',
    levels: { error: 0, warn: 1, info: 2, debug: 3 },
    format: winston.format.printf(({ message }) => String(message)),
    // eslint-disable-next-line @typescript-eslint/no-unsafe-class-instance-assignment -- winston's types say one thing twice
    transports: [new winston.transports.Stream({ stream: process.stdout })],
  });
  const at =
    (level: Level) =>
    (event: string, fields: LogFields = {}): void => {
      if (!logger.isLevelEnabled(level)) return;
      logger.log(
        level,
        formatLine(service, new Date(), level, event, { ...fields, ...inEveryLine }),
      );
    };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}
