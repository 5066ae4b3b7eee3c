/** Names and addresses of repositories that people add. */
import { z } from 'zod';

/** Also a part of addresses and, without its slashes, the name of a directory. */
export const RepositoryName = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]*(\/[A-Za-z0-9][A-Za-z0-9._-]*){0,7}$/,
    'expected a name such as shop/web',
  )
  .max(128)
  .refine(
    (name) => !/(^|\/)(new|hook)$/.test(name),
    'new and hook are pages here; choose another name',
  );

export const BranchName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._/-]{0,200}$/, 'expected the name of a branch');

export const RefGlob = z
  .string()
  .regex(/^[A-Za-z0-9*?][A-Za-z0-9._/*?{},-]{0,200}$/, 'expected a name with * and ?');

/**
 * Why a repository may not be fetched from there; null: it may. A prefix ends in a slash, and behind it nothing leads out
 * of it again.
 */
export function addressFault(url: string, prefixes: readonly string[]): string | null {
  const prefix = prefixes.find((each) => url.startsWith(each));
  if (prefix === undefined) {
    const allowed = prefixes.length === 0 ? 'none' : prefixes.join(', ');
    return `${url}: repositories are fetched from these addresses alone: ${allowed} (repositories.from in the configuration)`;
  }
  const rest = url.slice(prefix.length);
  const isPlain = /^[\w.~-]+(\/[\w.~-]+)*\/?$/.test(rest) && !/(^|\/)\.+(\/|$)/.test(rest);
  return isPlain ? null : `${url}: expected letters, digits and _ . ~ - between the slashes`;
}
