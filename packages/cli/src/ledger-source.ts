import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LedgerRead } from '@airlock/common/ledger/verify-ledger';
import { CliError, exitCode } from './exit-codes.ts';
import { fetchBytes } from './web-session.ts';

/** Reads an exported ledger from a directory, or from a gate's `/ledger/` when `source` is an address. */
export function ledgerSource(source: string): LedgerRead {
  if (!/^https?:\/\//.test(source)) {
    return async (path) => {
      try {
        return await readFile(join(source, path));
      } catch (error) {
        if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
        throw error;
      }
    };
  }
  const base = new URL(source.endsWith('/') ? source : `${source}/`);
  if (base.pathname === '/') base.pathname = '/ledger/';
  return async (path) => {
    const { status, body } = await fetchBytes(new URL(path, base));
    if (status === 404) return null;
    if (status !== 200)
      throw new CliError(exitCode.unreachable, `${base.href}${path} answered ${status}`);
    return body;
  };
}

/** The same for what a person named. @throws CliError `usage` when there is no such directory. */
export function sourceOf(source: string): LedgerRead {
  if (!/^https?:/.test(source) && !existsSync(source)) {
    throw new CliError(
      exitCode.usage,
      `${source} cannot be read; name an existing directory or the address of a gate`,
    );
  }
  return ledgerSource(source);
}

/** A verifier key as given, or the one line of the file that is named. */
export async function vkeyIn(given: string): Promise<string> {
  if (!existsSync(given) && /\+.+\+/.test(given)) return given;
  try {
    return (await readFile(given, 'utf8')).trim();
  } catch (cause) {
    throw new CliError(
      exitCode.usage,
      `${given} is neither a verifier key (name+hash+key) nor a file that can be read`,
      { cause },
    );
  }
}
