/** What every hook finds in its sandbox, whatever it is run for; part of the hook contract. */
import { realpath } from 'node:fs/promises';
import { HookError } from './errors.ts';

export const paramsPath = '/params.json';
export const outPath = '/out';
export const egressPath = '/egress';
export const egressFile = '/egress.json';
export const nodePath = '/opt/node/bin/node';

export const fileLimits = {
  fileBytes: 64 * 1024 * 1024,
  processes: 64,
  openFiles: 256,
} as const;

/** @param place where the hook sees a path of the sandbox. */
export function commonEnvironment(place: (path: string) => string): Record<string, string> {
  return {
    PATH: '/opt/node/bin:/usr/bin:/bin',
    HOME: place(outPath),
    LANG: 'C.UTF-8',
    AIRLOCK_PARAMS: place(paramsPath),
    AIRLOCK_OUT: place(outPath),
    AIRLOCK_EGRESS: place(egressFile),
  };
}

/** The sandbox refuses links; what set-up gives may be one (npm's bin directories). @throws HookError `hook-sandbox` */
export async function realNode(nodeBinary: string): Promise<string> {
  return realpath(nodeBinary).catch((cause: unknown) => {
    throw new HookError(
      'hook-sandbox',
      `nodeBinary ${nodeBinary} does not exist; correct the configuration`,
      { cause },
    );
  });
}
