/** Adding a repository and the set-up of its webhook, the same for the page and for programs. */
import { providers } from '@airlock/common/webhook/provider';
import { HttpError } from '@airlock/web/problem';
import { z } from 'zod';
import type { RepositoryRow, RepositoryStore } from '../app/source-ports.ts';
import { addressFault, BranchName, RefGlob, RepositoryName } from '../domain/repository-address.ts';

export const AddBody = z.strictObject({
  name: RepositoryName,
  cloneUrl: z.string().min(1).max(1024),
  provider: z.enum(providers).nullable().default(null),
  mainBranch: BranchName.default('main'),
  protectedRefs: z.array(RefGlob).max(50).default([]),
  branches: z.array(RefGlob).max(50).default([]),
});

/** Lists come as lines and what is left empty as nothing. */
export const AddForm = z
  .strictObject({
    name: z.string(),
    cloneUrl: z.string(),
    provider: z.string(),
    mainBranch: z.string(),
    protectedRefs: z.string().max(4000),
    branches: z.string().max(4000),
  })
  .transform(({ provider, mainBranch, protectedRefs, branches, ...rest }): unknown => ({
    ...rest,
    provider: provider === '' ? null : provider,
    ...(mainBranch === '' ? {} : { mainBranch }),
    protectedRefs: wordsOf(protectedRefs),
    branches: wordsOf(branches),
  }))
  .pipe(AddBody);

export function wordsOf(text: string): string[] {
  return text.split(/[\s,]+/).filter((word) => word !== '');
}

/** Shown once, when it is made, and not kept: it is derived, and can be renewed. */
export interface WebhookSetup {
  readonly url: string;
  readonly secret: string;
}

export interface AddingPorts {
  readonly origin: string;
  readonly repositories: RepositoryStore;
  /** Addresses that repositories may be fetched from; empty: nobody adds any. */
  readonly from: readonly string[];
  secretOf(repository: RepositoryRow): string | null;
  onAdded(repository: string): void;
}

/** @throws HttpError `refused` for an address that nothing is fetched from, `conflict` when it is there already. */
export async function addRepository(
  ports: AddingPorts,
  { name, cloneUrl, ...settings }: z.infer<typeof AddBody>,
  person: string,
): Promise<{ readonly row: RepositoryRow; readonly webhook: WebhookSetup | null }> {
  const fault = addressFault(cloneUrl, ports.from);
  if (fault !== null) throw new HttpError('refused', fault);
  const wanted = { ...settings, cloneUrl, url: cloneUrl, buildLatest: false };
  if (!(await ports.repositories.add(name, wanted, person))) {
    throw new HttpError('conflict', `There is a repository ${name} or ${cloneUrl} already.`);
  }
  ports.onAdded(name);
  const row = await found(ports, name);
  return { row, webhook: webhookOf(ports, row) };
}

/** @throws HttpError `refused` for a repository that has no webhook of its own. */
export async function renewHook(
  ports: AddingPorts,
  row: RepositoryRow,
): Promise<WebhookSetup | null> {
  if (ports.secretOf(row) === null) {
    throw new HttpError(
      'refused',
      `${row.name} has no webhook of its own: it has no provider, or webhookKeyFile is not set in the configuration of nonprod-web.`,
    );
  }
  await ports.repositories.nextHook(row.name);
  return webhookOf(ports, await found(ports, row.name));
}

async function found({ repositories }: AddingPorts, name: string): Promise<RepositoryRow> {
  const row = await repositories.find(name);
  if (row === null) throw new HttpError('not-found', `There is no repository ${name} here.`);
  return row;
}

function webhookOf(ports: AddingPorts, row: RepositoryRow): WebhookSetup | null {
  const secret = ports.secretOf(row);
  return secret === null ? null : { url: webhookAddress(ports, row), secret };
}

export function webhookAddress(
  { origin }: Pick<AddingPorts, 'origin'>,
  { provider, name }: Pick<RepositoryRow, 'provider' | 'name'>,
): string {
  return `${origin}/hooks/git/${provider ?? ''}/${name}`;
}
