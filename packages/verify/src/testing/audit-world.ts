/**
 * An audit log made of lines that an OpenBao 2.6.2 wrote while the gate's own client delivered: one delivery as it should be,
 * one whose deliverer died right after it had read its credential, and what somebody with a root token asked for. Tests
 * move the lines in time and change ids in them; nothing else about them is made up.
 */
import { readFileSync } from 'node:fs';
import { sha256Hex } from '@airlock/common/encoding/hex';
import type { LedgerEntry } from '@airlock/common/ledger/entry';
import { readAuditLine } from '../vault-audit/audit-line.ts';
import { compareVaultWithLedger } from '../vault-audit/compare.ts';
import { createCredentialEntries } from '../vault-audit/credential-entries.ts';
import { observeVault } from '../vault-audit/observe.ts';
import { placesOf } from '../vault-audit/places.ts';

const lines = readFileSync(new URL('./openbao-2.6.2-audit.fixture.jsonl', import.meta.url), 'utf8')
  .trimEnd()
  .split('\n');

export const target = 'shop-prod-eu';
export const loginPath = 'auth/jwt-prod-eu/login';
export const readPath = 'database/creds/shop-prod-eu';
export const places = placesOf([
  { target, path: loginPath },
  { target, path: readPath },
  { target: 'shop-prod-us', path: 'auth/jwt-prod-us/login' },
  { target: 'shop-prod-us', path: 'database/creds/shop-prod-us' },
  { target, path: 'kv/data/prod/api' },
]);

export const wholeDelivery = 'dlv_0000000001';
export const wholeLease = sha256Hex(
  Buffer.from('database/creds/shop-prod-eu/lveRJrXl1rEC76DK1ORp2Ozc'),
);
const crashedDelivery = 'dlv_0000000003';

const parts = {
  /** 22 lines: login, read, revocation by the deliverer, revocation and proof by the watchdog. */
  whole: lines.slice(0, 22),
  /** 14 lines: login, read, then the watchdog, who knows neither accessor nor lease. */
  crashed: lines.slice(22, 36),
  /** A database credential, a token with a target's policy, a KV secret. */
  root: lines.slice(36, 42),
};

/** When the delivery logs in; the whole of it takes 50 ms. */
export const noon = Date.parse('2026-11-22T12:00:00.000Z');
export const at = (seconds: number): string => new Date(noon + seconds * 1000).toISOString();

/** Lines of that part, moved so that its first stands at `seconds` after noon. */
export function logged(
  part: keyof typeof parts,
  seconds: number,
  change: (line: string) => string = (line) => line,
): string[] {
  const first = Date.parse(timeOf(parts[part][0] ?? ''));
  return parts[part].map((line) => {
    const moved = Date.parse(timeOf(line)) - first + noon + seconds * 1000;
    return change(line.replace(timeOf(line), new Date(moved).toISOString()));
  });
}

const timeOf = (line: string): string => /^\{"time":"([^"]+)"/.exec(line)?.[1] ?? '';

/** A line about nothing of ours, so that the log begins or ends at that time. */
export const silence = (seconds: number): string =>
  logged('root', seconds)[4]?.replaceAll('kv/data/prod/api', 'kv/data/other') ?? '';

/** Between ten minutes before and ten minutes after noon. */
export const around = (...middle: readonly string[][]): string[] => [
  silence(-600),
  ...middle.flat(),
  silence(600),
];

type Refs = Readonly<Record<string, string>>;
type Recorded = {
  readonly type: LedgerEntry['type'];
  readonly at: string;
  readonly actor: string;
  readonly refs: Refs;
};

/** What the gate's ledger says of the whole delivery. */
export const recordedWhole = (
  change: { issued?: Refs | null; revoked?: null } = {},
): Recorded[] => {
  const refs = { delivery: wholeDelivery, session: 'vse_0000000001', target };
  return [
    { type: 'credential.requested', at: at(-0.01), actor: 'authority', refs },
    ...(change.issued === null
      ? []
      : [
          {
            type: 'credential.issued' as const,
            at: at(0.02),
            actor: 'deliverer',
            refs: {
              ...refs,
              as: 'db',
              kind: 'database',
              ending: 'revocable',
              lease: wholeLease,
              ...change.issued,
            },
          },
        ]),
    ...(change.revoked === null
      ? []
      : [{ type: 'credential.revoked' as const, at: at(0.06), actor: 'watchdog', refs }]),
    {
      type: 'delivery.finished',
      at: at(0.1),
      actor: 'deliverer',
      refs: { ...refs, state: 'succeeded' },
    },
  ];
};

/** What it says of the one that crashed: nothing was issued, as far as the gate knows. */
export const recordedCrashed = (): Recorded[] => {
  const refs = { delivery: crashedDelivery, session: 'vse_0000000003', target };
  return [
    { type: 'credential.requested', at: at(99.9), actor: 'authority', refs },
    { type: 'credential.revoked', at: at(101), actor: 'watchdog', refs },
    {
      type: 'delivery.finished',
      at: at(101),
      actor: 'watchdog',
      refs: { ...refs, state: 'failed' },
    },
  ];
};

/** The comparison, with clocks that may be ten seconds apart. */
export function compared(
  log: readonly string[],
  ledger: readonly Recorded[],
  span: { from?: Date; to?: Date } = {},
) {
  const observed = observeVault(places);
  for (const [index, line] of log.entries())
    observed.take(readAuditLine(line), `audit.log:${index + 1}`);
  const recorded = createCredentialEntries();
  for (const [index, entry] of ledger.entries()) {
    recorded.add(index, { v: 1, subjectDigest: 'a'.repeat(64), ...entry });
  }
  return compareVaultWithLedger({ observed, recorded, places, skewSeconds: 10, ...span });
}

/** Codes of the findings, in order. */
export const codes = (...given: Parameters<typeof compared>): string[] =>
  compared(...given).findings.map(({ code }) => code);
