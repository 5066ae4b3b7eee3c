/** What a stop is called and what it does, in the words that the pages and the command line share. */
import { hostPerson, type Stop, type StopKind } from './stop.ts';

export const stopTitles: Readonly<Record<StopKind, string>> = {
  freeze: 'Frozen',
  'stop-all': 'Stopped',
  'revoke-leases': 'Leases revoked',
  quarantine: 'In quarantine',
  'distrust-signer': 'Signer distrusted',
  'cut-pair': 'Cut from non-prod',
};

const effects: Readonly<Record<StopKind, string>> = {
  freeze: 'Running deliveries finish. New ones wait.',
  'stop-all':
    'Running hooks get SIGTERM, then SIGKILL after 10 s; their credentials are revoked. New deliveries wait.',
  'revoke-leases':
    'Running hooks are killed and their credentials revoked at once; what Vault does not take back ends with its time. New deliveries wait.',
  quarantine: 'Promotions that rest on it wait.',
  'distrust-signer': 'Promotions that this key signed wait.',
  'cut-pair': 'Nothing more is taken in from non-prod.',
};

/** @param name of a person, or what stands in its place. */
export const placerOf = (name: string): string =>
  name === hostPerson ? 'the emergency stop on the host' : name;

export function stopEffect({ kind, matter }: Pick<Stop, 'kind' | 'matter'>): string {
  return kind === 'revoke-leases' && matter !== null
    ? 'Its hook is killed and its credentials revoked at once; what Vault does not take back ends with its time. Other deliveries go on.'
    : effects[kind];
}
