/** What a test can make go wrong, on purpose: conditions that last until they are lifted, and faults that hit single requests. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ServerResponse } from 'node:http';
import { z } from 'zod';
import type { Reply } from './api.ts';

/** A state of the server, from when it is set until it is set back. */
export type Conditions = {
  /** While true everything but health and seal-status answers 503. No lease is undone meanwhile. */
  sealed: boolean;
  /** No audit device can be written: health goes on answering 200, every other request answers 500 `internal error`. */
  auditFailing: boolean;
  /** The databases behind the engines cannot be reached: no new credential, and no lease's role is dropped. */
  databaseDown: boolean;
  /** `sys/leases/revoke` ends leases behind the caller's back and answers 202, whatever `sync` says. */
  lazyRevocation: boolean;
  /** How far the server's time of day is ahead (or, negative, behind). What is under way still lasts as long as it was to. */
  clockSkewMilliseconds: number;
};

const kinds = z.discriminatedUnion('kind', [
  /** `executed`: the work is done first and only the answer is late. */
  z.strictObject({
    kind: z.literal('delay'),
    milliseconds: z.int().min(0).max(600_000),
    executed: z.boolean().optional(),
  }),
  /** The connection ends before the request is executed. */
  z.strictObject({ kind: z.literal('drop-before-execution') }),
  /** Executed, but the answer is lost: the case that recovery must survive. */
  z.strictObject({ kind: z.literal('drop-after-execution') }),
  /** Executed; the connection ends in the middle of the answer's body. */
  z.strictObject({ kind: z.literal('half-body') }),
  /** Not executed; something in front of the server answers 200 with a page. */
  z.strictObject({ kind: z.literal('not-json') }),
  /** `executed`: done, and then answered with this status all the same, as when the audit device fails in between. */
  z.strictObject({
    kind: z.literal('status'),
    status: z.union([z.literal(429), z.literal(500), z.literal(503)]),
    retryAfterSeconds: z.int().min(0).optional(),
    executed: z.boolean().optional(),
  }),
  /** What a standby does without forwarding. */
  z.strictObject({ kind: z.literal('redirect'), location: z.string() }),
  /** The token that the request comes with has just come to its end, and its leases with it. */
  z.strictObject({ kind: z.literal('expired-token') }),
]);

export const FaultKind = kinds;

export type Fault = {
  /** Matched against `METHOD path`, such as `GET database/creds/deploy`. */
  match: RegExp;
  /** How many requests it hits; left out: all until it is removed. */
  times?: number;
} & z.infer<typeof kinds>;

export type Faults = Conditions & {
  /** Returns what removes the fault. */
  inject(fault: Fault): () => void;
};

export type FaultPlan = Faults & {
  /** The faults that hit this request, each used up by one. */
  take(request: string): Fault[];
};

export const noConditions: Readonly<Conditions> = {
  sealed: false,
  auditFailing: false,
  databaseDown: false,
  lazyRevocation: false,
  clockSkewMilliseconds: 0,
};

export function createFaults(): FaultPlan {
  const active = new Map<Fault, number>();
  return {
    ...noConditions,
    inject(fault) {
      active.set(fault, fault.times ?? Number.POSITIVE_INFINITY);
      return () => {
        active.delete(fault);
      };
    },
    take(request) {
      const hit = [...active.keys()].filter((fault) => fault.match.test(request));
      for (const fault of hit) {
        const left = (active.get(fault) ?? 0) - 1;
        if (left > 0) active.set(fault, left);
        else active.delete(fault);
      }
      return hit;
    },
  };
}

/** What a fault does before the request is executed; a reply or a destroyed response means that it never is. */
export async function hinder(
  fault: Fault,
  { path, response, endToken }: Hindrance,
): Promise<Reply | null> {
  switch (fault.kind) {
    case 'delay':
      if (fault.executed !== true) await sleep(fault.milliseconds);
      return null;
    case 'drop-before-execution':
      response.destroy();
      return null;
    case 'expired-token':
      await endToken();
      return null;
    case 'status':
      return fault.executed === true ? null : statusReply(fault, path);
    case 'redirect':
      return { status: 307, headers: { Location: fault.location } };
    case 'not-json':
      return { status: 200, headers: { 'Content-Type': 'text/html' }, body: '<html>busy</html>' };
    case 'half-body':
    case 'drop-after-execution':
      return null;
  }
}

type Hindrance = { path: string; response: ServerResponse; endToken: () => Promise<void> };

/** What a fault makes of the answer of a request that was executed; null when the connection just ends. */
export async function spoil(fault: Fault, path: string, reply: Reply): Promise<Reply | null> {
  switch (fault.kind) {
    case 'delay':
      if (fault.executed === true) await sleep(fault.milliseconds);
      return reply;
    case 'status':
      return fault.executed === true ? statusReply(fault, path) : reply;
    case 'drop-after-execution':
      return null;
    case 'half-body':
      return { ...reply, isCutShort: true };
    case 'drop-before-execution':
    case 'expired-token':
    case 'not-json':
    case 'redirect':
      return reply;
  }
}

const reasonOf = {
  429: (path: string) => `request path "${path}": rate limit quota exceeded`,
  500: () => 'internal error',
  503: () => 'Vault is sealed',
};

function statusReply(fault: Extract<Fault, { kind: 'status' }>, path: string): Reply {
  return {
    status: fault.status,
    body: { errors: [reasonOf[fault.status](path)] },
    ...(fault.retryAfterSeconds === undefined
      ? {}
      : { headers: { 'Retry-After': String(fault.retryAfterSeconds) } }),
  };
}
