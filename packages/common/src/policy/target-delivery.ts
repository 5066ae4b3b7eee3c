/** The part of a target file that says how a release is brought, looked after and taken back. */
import { z } from 'zod';
import { Duration } from './duration.ts';
import { Role } from './target-approvals.ts';
import { Egress } from './target-egress.ts';

const Hook = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,62}@sha256:[0-9a-f]{64}$/, 'expected name@sha256:<64 hex>')
  .describe('Registered hook, pinned by the digest of its directory.');

const Params = z.record(
  z.string().regex(/^[A-Za-z_][A-Za-z0-9_-]{0,62}$/, 'expected letters, digits, _ -'),
  z.union([z.string(), z.number().int(), z.boolean()]),
);

const Wave = z.union([
  z.number().int().min(1).max(10_000),
  z.string().regex(/^(?:[1-9]\d?|100)%$/, 'expected a number of places, or a share such as 50%'),
]);

export const TargetDelivery = z.strictObject({
  hook: Hook,
  timeout: Duration,
  params: Params.describe('Handed to the hook as it stands, and part of what approvers sign.'),
  egress: z
    .array(Egress)
    .max(8)
    .describe('Everything that the hook may reach; it has no network beside.'),
  waves: z
    .array(Wave)
    .min(1)
    .max(16)
    .refine((waves) => waves.at(-1) === '100%', {
      message: 'the last wave must be 100%, so that all of the target is delivered to',
    })
    .optional()
    .describe(
      'How much of the target has it after each wave, such as [1, 50%, 100%]. Default: all at once.',
    ),
  pause: Duration.optional().describe(
    'Between two waves, such as 10m; with `verify` it is looked at meanwhile. Default none.',
  ),
  start: z
    .enum(['automatic', 'manual'])
    .optional()
    .describe(
      'manual: once nothing else is missing, somebody who has a role of the rules starts it. automatic: it starts by itself. Default automatic; a return never waits for it.',
    ),
  cooling: Duration.optional().describe(
    'How long it is announced before it starts, counted from the last approval at the earliest, so that anybody can still stop it; such as 15m. An approval, a withdrawal or a stop meanwhile makes it count anew. Default none.',
  ),
});
export type TargetDelivery = z.infer<typeof TargetDelivery>;

export const TargetConcurrency = z.strictObject({
  limit: z.literal(1).describe('Deliveries to the target at a time; only 1 is understood.'),
  queue: z
    .enum(['newest', 'all'])
    .describe(
      'newest: a release gives way to one further on main. all: none gives way; each waits for those before it on main until they are delivered, rejected or expired.',
    ),
});

export const TargetVerify = z.strictObject({
  hook: Hook.describe(
    'Looks whether the release is well and ends with 0 if so; it has the egress of deliver.',
  ),
  for: Duration.describe('How long it must stay well, such as 5m.'),
  every: Duration.describe(
    'From one look to the next, such as 20s; a look that takes longer is stopped and has failed.',
  ),
  failures: z.number().int().min(1).max(100).describe('Looks in a row that make it a failure.'),
  params: Params.default({}),
});
export type TargetVerify = z.infer<typeof TargetVerify>;

export const TargetRollback = z.strictObject({
  to: z.literal('previous'),
  auto: z
    .enum(['onVerifyFailed', 'never'])
    .describe(
      'onVerifyFailed: the release that was live before is put back, under the same delivery. never: a person decides.',
    ),
  approvals: z
    .strictObject({ role: Role, count: z.number().int().min(1).max(10) })
    .optional()
    .describe(
      'Who has to approve a return that a person asks for. Default: whoever `approvals` asks for.',
    ),
  skipWindow: z
    .boolean()
    .optional()
    .describe('true: a return that a person asks for does not wait for `windows`. Default false.'),
});
export type TargetRollback = z.infer<typeof TargetRollback>;

/** Below this, looking would be most of what the deliverer does. */
const shortestObserveSeconds = 5;

export const TargetObserve = z.strictObject({
  hook: Hook.describe(
    'Says what runs there, without any credential; it has the egress of deliver that needs none.',
  ),
  every: Duration.refine((seconds) => seconds >= shortestObserveSeconds, {
    message: `at least ${shortestObserveSeconds}s expected, such as 15m`,
  }).describe('About how long from one look to the next, such as 15m; at least 5s.'),
  params: Params.default({}),
});
export type TargetObserve = z.infer<typeof TargetObserve>;
