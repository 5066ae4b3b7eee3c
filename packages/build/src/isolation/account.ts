import { posix } from 'node:path';
import {
  accountInput,
  accountTools,
  accountWorkspace,
  runAsAccount,
  type AccountRange,
} from '@airlock/sandbox/account';
import { hostCatalogue, type Catalogue } from './catalogue.ts';
import { endOf, type Isolation } from './isolation.ts';
import { defaultLimits, limitsOf, type BuildLimits } from './limits.ts';
import { withinDisk } from './within-disk.ts';

/**
 * Every job under an account of its own, for a machine where bubblewrap cannot be had. Root only. Services of a workflow cannot
 * be reached: each command has a network of its own, which leads nowhere.
 *
 * @param options.nodeDirectory directory of a Node binary for the PATH; null for none.
 */
export function accountIsolation(options: {
  accounts: AccountRange;
  nodeDirectory: string | null;
  catalogue?: Catalogue;
  limits?: BuildLimits;
  words?: readonly string[];
}): Isolation {
  const {
    accounts,
    nodeDirectory,
    catalogue = hostCatalogue,
    limits: ofBuilder = defaultLimits,
  } = options;
  const path = [
    nodeDirectory === null ? null : accountTools,
    '/usr/local/bin',
    '/usr/bin',
    '/bin',
  ].filter((part) => part !== null);
  const run: Isolation['run'] = async (given) => {
    const { workspace, onOutput, wallSeconds, input, directory = '.' } = given;
    const signal = endOf(given);
    const limits = limitsOf(ofBuilder, given.limits);
    const result = await withinDisk({ workspace, limits, onOutput, signal }, (whole) =>
      runAsAccount({
        ...{
          command: given.command,
          accounts,
          workspace,
          writable: given.writable,
          input,
          ...(nodeDirectory === null ? {} : { tools: nodeDirectory }),
          directory,
        },
        env: {
          PATH: path.join(':'),
          ...given.env,
          HOME: accountWorkspace,
          CI_WORKSPACE: posix.join(accountWorkspace, directory),
          ...(input === undefined ? {} : { AIRLOCK_INPUT: accountInput }),
        },
        limits: { ...limits, wallSeconds },
        onOutput,
        signal: whole,
      }),
    );
    return { ...result, enforced: [...result.enforced, ...(options.words ?? [])] };
  };
  return {
    mode: 'user',
    catalogue,
    run,
    openNetwork: () =>
      Promise.resolve({
        run,
        listens: () => Promise.resolve(false),
        close: () => Promise.resolve(),
      }),
  };
}
