/** How a runner comes: a person makes a token, its machine shows it with a key of its own, a person accepts the key. */
import { createHash } from 'node:crypto';
import type {
  Enrolment,
  IssuedCertificate,
  RunnerHello,
  RunnerKind,
} from '@airlock/common/wire/runner-enrolment';
import { isWithin } from '@airlock/process/networks';
import { mayBeRunnerId, mayComeFrom, otherPlatform, type Registration } from '../domain/runner.ts';
import type { RunnerEvents } from '../runner-events.ts';
import type { NewId } from './ports.ts';
import {
  RunnerEdgeError,
  type EnrolmentRow,
  type RunnerAuthority,
  type RunnerStore,
} from './runner-ports.ts';

const tokenLifetimeMs = 15 * 60_000;

/** What a pool asks of its runners. */
export interface PoolRule {
  /** `token`: whoever shows one comes in. `person`: somebody compares the key's fingerprint first. */
  readonly accept: 'token' | 'person';
  /** Runners are registered for one job each. */
  readonly once: boolean;
  /** What its runners run on; null: on anything. */
  readonly platform: string | null;
}

export type EnrolRunners = ReturnType<typeof createEnrolRunners>;

export function createEnrolRunners(ports: {
  readonly runners: RunnerStore;
  readonly authority: RunnerAuthority;
  readonly events: RunnerEvents;
  readonly newId: NewId;
  /** 256 random bits, base64url. */
  readonly newSecret: () => string;
  readonly clock: () => Date;
  /** Null when there is no such pool. */
  readonly poolRule: (pool: string) => Promise<PoolRule | null>;
  /** Where the runner API is, for runners. */
  readonly url: string;
  /** Called with a runner whose earlier certificates were retired. */
  readonly onReplaced: (runner: string) => void;
}) {
  const { runners, authority, events, newId, clock, poolRule } = ports;

  function told(row: EnrolmentRow): Enrolment {
    const { id, keyFingerprint, runner, pool, kind, state, chain } = row;
    const facts = { id, keyFingerprint, runner, pool, kind };
    if (state !== 'accepted' || chain === null) {
      return { ...facts, state: state === 'refused' ? 'refused' : 'waiting' };
    }
    return { ...facts, state, url: ports.url, issued: issuedOf(chain) };
  }

  const issuedOf = (chainPem: string): IssuedCertificate => ({ chainPem, caPem: authority.caPem });

  async function decided(id: string): Promise<EnrolmentRow> {
    const row = await runners.enrolment(id);
    if (row !== null) return row;
    throw new RunnerEdgeError('no-such-enrolment', 'there is no enrolment of that id');
  }

  async function accept(id: string, by: string): Promise<EnrolmentRow> {
    const row = await decided(id);
    const now = clock();
    const { csr, runner, pool } = row;
    const issued = await authority.issue({ csr, runner, pool, now });
    if (!(await runners.accept({ enrolment: row, issued, by, now }))) {
      throw new RunnerEdgeError('already-decided', `${runner} was accepted or refused before`);
    }
    ports.onReplaced(runner);
    await events.enrolled(
      { runner, pool, keyFingerprint: row.keyFingerprint, serial: issued.serial },
      by,
    );
    return decided(id);
  }

  return {
    /**
     * @param wish.networks from where the machine may speak, now and as a runner; empty: from anywhere.
     * @param wish.runner a new name is made up when it is null; a name that is registered enrols that runner anew.
     * @returns the secret, which is kept nowhere.
     * @throws RunnerEdgeError `no-such-pool` or `name-refused`.
     */
    async token(
      wish: {
        readonly pool: string;
        readonly kind: RunnerKind;
        readonly runner: string | null;
        readonly networks: readonly string[];
      },
      person: string,
    ): Promise<{ secret: string; runner: string; kind: RunnerKind; expiresAt: Date }> {
      const now = clock();
      const rule = await poolRule(wish.pool);
      if (rule === null) {
        throw new RunnerEdgeError(
          'no-such-pool',
          `there is no pool ${wish.pool}; pools stand at /pools`,
        );
      }
      if (wish.runner !== null && !mayBeRunnerId(wish.runner)) {
        throw new RunnerEdgeError('name-refused', `${wish.runner} can be no name of a runner`);
      }
      const id = newId('rtk');
      const token = {
        id,
        runner: wish.runner ?? id.replace('rtk_', 'r-'),
        pool: wish.pool,
        kind: rule.once ? 'once' : wish.kind,
        networks: wish.networks,
        createdBy: person,
        createdAt: now,
        expiresAt: new Date(now.getTime() + tokenLifetimeMs),
      } as const;
      const secret = ports.newSecret();
      await runners.addToken({ ...token, hash: hashOf(secret) });
      await events.tokenMade(token, person);
      return { secret, runner: token.runner, kind: token.kind, expiresAt: token.expiresAt };
    },

    /** @throws RunnerEdgeError `token-refused` or `request-refused`; a token is spent by the first good request alone. */
    async enrol(request: {
      readonly token: string;
      readonly csr: string;
      readonly address: string;
    }): Promise<Enrolment> {
      const { token, csr, address } = request;
      const keyFingerprint = await authority.keyFingerprint(csr);
      const id = newId('enr');
      const now = clock();
      const tokenHash = hashOf(token);
      const known = await runners.tokenOf(tokenHash, now);
      if (known !== null && !mayComeFrom(known.networks, (each) => isWithin(each, address))) {
        // Not spent: whoever copied a token must not be able to use it up from afar.
        await events.tokenElsewhere(known.runner, address);
        throw tokenRefused();
      }
      const row = await runners.enrol({ id, csr, keyFingerprint, address, now, tokenHash });
      if (row === null) {
        await events.tokenRefused(address);
        throw tokenRefused();
      }
      if ((await poolRule(row.pool))?.accept === 'token')
        return told(await accept(id, 'the token alone'));
      await events.waits(row);
      return told(row);
    },

    /** @throws RunnerEdgeError `no-such-enrolment`. */
    async enrolment(id: string): Promise<Enrolment> {
      return told(await decided(id));
    },

    waiting: () => runners.waiting(clock()),

    /** @throws RunnerEdgeError `no-such-enrolment`, `already-decided` or `authority-ending`. */
    accept: async (id: string, person: string): Promise<Enrolment> =>
      told(await accept(id, person)),

    /** @throws RunnerEdgeError `no-such-enrolment` or `already-decided`. */
    async refuse(id: string, person: string): Promise<void> {
      const row = await decided(id);
      if (!(await runners.refuse(id, person, clock()))) {
        throw new RunnerEdgeError(
          'already-decided',
          `${row.runner} was accepted or refused before`,
        );
      }
      await events.refused(row, person);
    },

    /**
     * The first call of a process, and the first under a new certificate, which retires the ones before.
     *
     * @returns why the runner is turned away, in words for whoever looks after it; null when it is not.
     */
    async hello(
      caller: { readonly registration: Registration; readonly fingerprint: string },
      instance: string,
      said: RunnerHello,
    ): Promise<string | null> {
      const { runner, pool } = caller.registration;
      const { fingerprint } = caller;
      const { platform = null, egress = null } = said;
      const rule = await poolRule(pool);
      const elsewhere = otherPlatform({ runner, pool, platform }, rule?.platform ?? null);
      if (elsewhere !== null) {
        await events.otherPlatform(runner, elsewhere);
        return elsewhere;
      }
      const known = { ...said, platform, egress };
      await runners.hello({ runner, fingerprint, instance, ...known, now: clock() });
      events.hello(runner, said);
      return null;
    },

    /** @throws RunnerEdgeError `request-refused` or `authority-ending`. */
    async renew({ runner, pool }: Registration, csr: string): Promise<IssuedCertificate> {
      const now = clock();
      const issued = await authority.issue({ csr, runner, pool, now });
      await runners.addCertificate(runner, issued, now);
      events.renewed(runner, issued);
      return issuedOf(issued.chainPem);
    },
  };
}

const tokenRefused = (): RunnerEdgeError =>
  new RunnerEdgeError(
    'token-refused',
    'this token is unknown, was used before, is older than 15 minutes or is for other networks than this machine’s; make a new one: airlock runner token',
  );

const hashOf = (secret: string): string => createHash('sha256').update(secret).digest('hex');
