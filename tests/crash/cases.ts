/** Every crash of the matrix as data: who dies where, and what must be found afterwards. */
import {
  announceFailpoints,
  type AnnounceFailpoint,
  crashStates,
  reapFailpoints,
  stageCrashStates,
  type CrashState,
  type DeliveryFailpoint,
  type DeliveryOutcome,
  type ReapFailpoint,
  type StageFailpoint,
} from '../../services/prod-gate/src/domain/delivery.ts';
import { givingOf, hookKinds, type HookKind } from './hooks.ts';
import type { WireMoment } from './wire.ts';

/** A place on the wire to Vault: a request that is on its way when its process dies. */
export type WirePlace = { readonly match: RegExp; readonly moment: WireMoment };

/** In two waves; seen to be well before it is live; not well, so that the release before it is put back; announced before it starts. */
export type Stages = 'waves' | 'verified' | 'returns' | 'cooled';

export type CrashCase = {
  /** Unique; what a person reads. */
  readonly name: string;
  /** What it is counted under. */
  readonly point: string;
  readonly kind: HookKind;
  /** What its target file asks for beside the hook; nothing when left out. */
  readonly stages?: Stages;
  /** A target of its own, so that cases do not wait for each other. */
  readonly target: string;
  /** Where the deliverer dies: at a failpoint, or with a request to Vault on its way. */
  readonly deliverer:
    /** At which passage; the first when left out. A credential after the other passes the same places. */
    | {
        readonly failpoint: DeliveryFailpoint | StageFailpoint | AnnounceFailpoint;
        readonly passage?: number;
      }
    | { readonly wire: WirePlace }
    | { readonly stopAt: DeliveryFailpoint };
  /** Where the first watchdog dies, when it dies as well. */
  readonly watchdog?: { readonly failpoint: ReapFailpoint } | { readonly wire: WirePlace };
  /** The session at the moment of death. */
  readonly session: CrashState['session'];
  /** What is alive at Vault then; each lease is a role in production. */
  readonly alive: { readonly tokens: number; readonly leases: number };
  readonly end: DeliveryOutcome['state'];
  /** Whether another delivery takes its place, which its hook allows: then `end` and `effect` are that one's. */
  readonly again: boolean;
  /** How often production may have changed: at least, at most. */
  readonly effect: readonly [number, number];
};

const points = Object.keys(crashStates).filter((name): name is DeliveryFailpoint =>
  Object.hasOwn(crashStates, name),
);

/** How it ends after a death at a point, by the kind of the hook. */
function endAt(
  point: DeliveryFailpoint,
  kind: HookKind,
): Pick<CrashCase, 'end' | 'effect' | 'again'> {
  const isOpen = point === 'hook-recorded' || point === 'hook-running';
  return isOpen && kind !== 'at-most-once'
    ? { end: 'succeeded', effect: [1, 1], again: true }
    : { end: crashStates[point].end, effect: effectAt(point), again: false };
}

/** What the hook may have done when the deliverer dies at a point. */
function effectAt(point: DeliveryFailpoint): readonly [number, number] {
  const place = points.indexOf(point);
  if (place < points.indexOf('hook-running')) return [0, 0];
  return point === 'hook-running' ? [0, 1] : [1, 1];
}

/** What is alive when it died at the first passage of a point. */
function aliveAt(point: DeliveryFailpoint, kind: HookKind): CrashCase['alive'] {
  switch (crashStates[point].alive) {
    case 'nothing':
    case 'login':
      return { tokens: 0, leases: 0 };
    case 'token':
      return { tokens: 1, leases: 0 };
    case 'credential': {
      // From the hook on everything is read.
      const hasAll = points.indexOf(point) >= points.indexOf('hook-recorded');
      return { tokens: 1, leases: hasAll && givingOf[kind] === 'several' ? 2 : 1 };
    }
  }
}

type Unnumbered = Omit<CrashCase, 'target'>;

function dies(point: DeliveryFailpoint, kind: HookKind): Unnumbered {
  const { session } = crashStates[point];
  return {
    ...{ name: `${point} · ${kind}`, point, kind, session, ...endAt(point, kind) },
    alive: aliveAt(point, kind),
    deliverer: { failpoint: point },
  };
}

/** Each call of the deliverer, the point before it, and the point whose state of Vault it leads to. */
const delivererCalls: readonly [
  name: string,
  match: RegExp,
  after: DeliveryFailpoint,
  leadsTo: DeliveryFailpoint,
][] = [
  ['login', /^POST auth\/jwt-[^/]+\/login$/, 'login-minted', 'logged-in'],
  ['credential', /^GET database-[^/]+\/creds\//, 'token-persisted', 'credential-read'],
  ['token revocation', /^POST auth\/token\/revoke-self$/, 'revoking', 'lease-revoked'],
];
const watchdogCalls: readonly [name: string, match: RegExp][] = [
  ['watchdog login', /^POST auth\/approle\/login$/],
  ['lease revocation', /^POST sys\/leases\/revoke$/],
  ['accessor revocation', /^POST auth\/token\/revoke-accessor$/],
  ['sweep of tokens', /^POST sys\/leases\/revoke-prefix\/auth\//],
  ['sweep of leases', /^POST sys\/leases\/revoke-prefix\/database/],
  ['proof', /^GET sys\/leases\/lookup\//],
];

function diesOnTheWire(
  [call, match, after, leadsTo]: (typeof delivererCalls)[number],
  moment: WireMoment,
  kind: HookKind,
): Unnumbered {
  const { session } = crashStates[after];
  const point = `${call} ${moment}`;
  return {
    ...{ name: `${point} · ${kind}`, point, kind, session, ...endAt(after, kind) },
    deliverer: { wire: { match, moment } },
    alive: aliveAt(moment === 'sent' ? after : leadsTo, kind),
  };
}

function diesTwice(
  first: DeliveryFailpoint,
  watchdog: NonNullable<CrashCase['watchdog']>,
  place: string,
  kind: HookKind,
): Unnumbered {
  const { session } = crashStates[first];
  return {
    ...{ name: `${first}, then the watchdog: ${place} · ${kind}`, point: `watchdog: ${place}` },
    ...{ kind, session, ...endAt(first, kind), watchdog },
    deliverer: { failpoint: first },
    alive: aliveAt(first, kind),
  };
}

function wakesUp(stopAt: DeliveryFailpoint, kind: HookKind): Unnumbered {
  const { session } = crashStates[stopAt];
  const place = points.indexOf(stopAt);
  const { end, again } = endAt(stopAt, kind);
  return {
    ...{ name: `stopped at ${stopAt}, wakes up late · ${kind}`, point: `race: ${stopAt}` },
    ...{ kind, session, deliverer: { stopAt } },
    ...{ end, again, alive: aliveAt(stopAt, kind) },
    // Its hook goes on while it is stopped, until its credential is gone.
    effect: again ? [1, 1] : place < points.indexOf('hook-running') ? [0, 0] : [0, 1],
  };
}

/** Between the credentials of a delivery that reads several. */
const betweenReads: readonly Unnumbered[] = (
  [
    ['credential-read', 2, 2],
    ['lease-persisted', 2, 2],
    ['credential-read', 3, 2],
    ['lease-persisted', 3, 2],
  ] as const
).map(([point, passage, leases]) => ({
  ...dies(point, 'at-most-once'),
  name: `${point} of credential ${passage} · at-most-once`,
  deliverer: { failpoint: point, passage },
  session: 'LEASED',
  alive: { tokens: 1, leases },
}));

const stagesOf: Readonly<Record<StageFailpoint, Stages>> = {
  'wave-told': 'waves',
  'wave-paused': 'waves',
  'verify-looked': 'verified',
  'verify-told': 'verified',
  'return-told': 'returns',
  'return-done': 'returns',
};

function diesInStage(point: StageFailpoint, kind: HookKind): Unnumbered {
  const { session, end } = stageCrashStates[point];
  const stages = stagesOf[point];
  const again = stages === 'waves' && kind === 'idempotent';
  return {
    ...{ name: `${point} · ${kind}`, point, kind, session, stages, again },
    end: again ? 'succeeded' : end,
    // The hook finds that the release before it brought the same bytes.
    effect: stages === 'returns' ? [0, 0] : [1, 1],
    alive: aliveAt('hook-running', kind),
    deliverer: { failpoint: point },
  };
}

/** A hook that can be asked says after its first wave that it was done, so waves have the kinds that cannot. */
const inStages: readonly Unnumbered[] = [
  diesInStage('wave-told', 'idempotent'),
  diesInStage('wave-told', 'at-most-once'),
  diesInStage('wave-paused', 'idempotent'),
  diesInStage('wave-paused', 'at-most-once'),
  diesInStage('verify-looked', 'probing'),
  diesInStage('verify-told', 'probing'),
  diesInStage('return-told', 'probing'),
  diesInStage('return-done', 'probing'),
];

/** Before there is a delivery, which the next deliverer begins by the announcement that the ledger has. */
const announcing: readonly Unnumbered[] = announceFailpoints.map((point) => ({
  ...{ name: `${point} · idempotent`, point, kind: 'idempotent', stages: 'cooled' },
  ...{ session: null, alive: { tokens: 0, leases: 0 }, deliverer: { failpoint: point } },
  ...{ end: 'succeeded', again: false, effect: [1, 1] },
}));

const moments: readonly WireMoment[] = ['sent', 'executed'];
const kindAt = (index: number): HookKind => hookKinds[index % hookKinds.length] ?? 'idempotent';

/** Everything. */
export function wholeMatrix(): CrashCase[] {
  return numbered([
    ...points.flatMap((point) => hookKinds.map((kind) => dies(point, kind))),
    ...betweenReads,
    ...inStages,
    ...announcing,
    ...delivererCalls.flatMap((call) =>
      moments.flatMap((moment) => hookKinds.map((kind) => diesOnTheWire(call, moment, kind))),
    ),
    ...reapFailpoints.map((point, index) =>
      diesTwice(
        // Only where no login was used can it be used up.
        point === 'reap-login-used-up' ? 'session-intent' : 'lease-persisted',
        { failpoint: point },
        point,
        kindAt(index),
      ),
    ),
    ...watchdogCalls.flatMap(([call, match], index) =>
      moments.map((moment) =>
        diesTwice('hook-finished', { wire: { match, moment } }, `${call} ${moment}`, kindAt(index)),
      ),
    ),
    ...races.map((point, index) => wakesUp(point, kindAt(index))),
  ]);
}

/** What runs with every `npm test`: each point once, the kinds in turn, and a few of the others. */
export function smallMatrix(): CrashCase[] {
  const [login, credential] = delivererCalls;
  const [, revocation] = watchdogCalls;
  return numbered([
    ...points.map((point, index) => dies(point, kindAt(index))),
    dies('hook-recorded', 'probing'),
    dies('hook-running', 'probing'),
    ...betweenReads.slice(0, 1),
    ...inStages.filter(({ point }) => point !== 'wave-paused'),
    ...announcing,
    ...[login, credential].flatMap((call) =>
      call === undefined ? [] : [diesOnTheWire(call, 'executed', 'probing')],
    ),
    diesTwice('lease-persisted', { failpoint: 'reap-fenced' }, 'reap-fenced', 'idempotent'),
    ...(revocation === undefined
      ? []
      : [
          diesTwice(
            'hook-finished',
            { wire: { match: revocation[1], moment: 'executed' } },
            `${revocation[0]} executed`,
            'at-most-once',
          ),
        ]),
    wakesUp('lease-persisted', 'idempotent'),
  ]);
}

const races: readonly DeliveryFailpoint[] = [
  'intent-published',
  'session-intent',
  'login-minted',
  'logged-in',
  'token-persisted',
  'credential-read',
  'lease-persisted',
  'hook-recorded',
  'hook-running',
  'hook-finished',
];

function numbered(cases: readonly Unnumbered[]): CrashCase[] {
  return cases.map((each, index) => ({ ...each, target: `crash-${index}` }));
}
