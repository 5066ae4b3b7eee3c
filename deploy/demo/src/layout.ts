/** Where everything of one pair lives, and on which ports. Nothing is touched outside `directory`. */
import { mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '@airlock/testkit/ports';

export type Side = 'nonprod' | 'gate';

export interface Layout {
  readonly directory: string;
  readonly logs: string;
  readonly keys: string;
  readonly config: string;
  /** What a reviewed configuration repository holds: targets, roster, trust, hooks. */
  readonly gateConfig: string;
  /** Whose signatures that configuration needs; put there by hand elsewhere. */
  readonly administratorsFile: string;
  readonly git: string;
  readonly mirrors: string;
  readonly artifacts: string;
  /** Of builds, kept by nonprod. */
  readonly buildLogs: string;
  readonly buildCaches: string;
  readonly work: string;
  readonly passkeys: string;
  readonly postgres: string;
  readonly redis: Readonly<Record<Side, string>>;
  readonly signerSocket: string;
  readonly authoritySocket: string;
  readonly marksSocket: string;
}

// sun_path of Linux holds 108 bytes, of macOS 104, with the ending NUL.
const maxSocketPathBytes = 100;

export function layoutAt(directory: string): Layout {
  const under = (name: string): string => {
    const path = join(directory, name);
    mkdirSync(path, { recursive: true });
    return path;
  };
  const run = under('run');
  const sockets =
    Buffer.byteLength(join(run, 'authority.sock')) > maxSocketPathBytes
      ? mkdtempSync(join(tmpdir(), 'airlock-'))
      : run;
  return {
    directory,
    logs: under('logs'),
    keys: under('keys'),
    config: under('config'),
    gateConfig: under('gate-config'),
    administratorsFile: join(under('config'), 'administrators.json'),
    git: under('git'),
    mirrors: under('mirrors'),
    artifacts: under('artifacts'),
    buildLogs: under('build-logs'),
    buildCaches: under('build-caches'),
    work: under('work'),
    passkeys: under('passkeys'),
    // Made by the engines' own starters, which may have to give them to another user.
    postgres: join(directory, 'postgres'),
    redis: { nonprod: join(directory, 'redis-nonprod'), gate: join(directory, 'redis-gate') },
    signerSocket: join(sockets, 'signer.sock'),
    authoritySocket: join(sockets, 'authority.sock'),
    marksSocket: join(sockets, 'marks.sock'),
  };
}

export interface Ports {
  readonly gate: number;
  readonly nonprod: number;
  readonly runnerApi: number;
  readonly enrolment: number;
  readonly outbox: number;
  readonly rebuilds: number;
  readonly nonprodFigures: number;
  readonly gateFigures: number;
  readonly identityProvider: number;
  readonly vault: number;
  readonly postgres: number;
  readonly redis: number;
  readonly gateRedis: number;
  readonly shop: number;
}

const preferred = {
  gate: 26080,
  nonprod: 26081,
  runnerApi: 26082,
  outbox: 26083,
  identityProvider: 26084,
  rebuilds: 26085,
  nonprodFigures: 26087,
  gateFigures: 26088,
  enrolment: 26086,
  shop: 26089,
  vault: 26200,
  postgres: 26432,
  redis: 26379,
  gateRedis: 26380,
} satisfies Ports;

/** The demo's own port numbers where they are free, others where they are taken; `free` takes any. */
export async function choosePorts(choice: 'preferred' | 'free'): Promise<Ports> {
  const pick = (wanted: number): Promise<number> =>
    freePort(choice === 'preferred' ? wanted : undefined);
  return {
    gate: await pick(preferred.gate),
    nonprod: await pick(preferred.nonprod),
    runnerApi: await pick(preferred.runnerApi),
    enrolment: await pick(preferred.enrolment),
    outbox: await pick(preferred.outbox),
    rebuilds: await pick(preferred.rebuilds),
    nonprodFigures: await pick(preferred.nonprodFigures),
    gateFigures: await pick(preferred.gateFigures),
    identityProvider: await pick(preferred.identityProvider),
    vault: await pick(preferred.vault),
    postgres: await pick(preferred.postgres),
    redis: await pick(preferred.redis),
    gateRedis: await pick(preferred.gateRedis),
    shop: await pick(preferred.shop),
  };
}

/** Ports that were wanted and taken, for the line that says so. */
export const movedPorts = (ports: Ports): string[] => {
  const got = new Map<string, number>(Object.entries(ports));
  return Object.entries(preferred).flatMap(([name, wanted]) => {
    const port = got.get(name);
    return port === undefined || port === wanted ? [] : [`${name} ${wanted} → ${port}`];
  });
};
