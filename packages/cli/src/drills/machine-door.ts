/** The door that runners have: whoever owns a machine that was let in holds its key, and may say with it what they like. */
import { randomBytes, X509Certificate } from 'node:crypto';
import { Agent } from 'node:https';
import { Enrolment, instanceHeader, joinToken } from '@airlock/common/wire/runner-enrolment';
import { clientIdentity } from '@airlock/process/mtls';
import { z } from 'zod';
import { createCertificateRequest } from '../setup/pki.ts';
import { signedIn } from '../signed-in.ts';
import { knock, type Heard, type Knock } from './knock.ts';
import type { DrillTarget } from './target.ts';

export interface Machine {
  readonly runner: string;
  /** The name that its certificate has. */
  readonly identity: string | null;
  /** With which it calls any listener. */
  readonly agent: Agent;
  readonly call: (wanted: Omit<Knock, 'agent'>) => Promise<Heard>;
  readonly post: (path: string, body: unknown) => Promise<Heard>;
  readonly hello: () => Promise<Heard>;
  /** A second process that has its key. */
  readonly copied: () => Machine;
  /** Ends its connections and takes it out of what nonprod trusts. */
  readonly leave: () => Promise<void>;
}

const Token = z.object({ token: z.string() });
const Waiting = z.object({
  enrolments: z.array(z.looseObject({ id: z.string(), keyFingerprint: z.string() })),
});

export interface JoinWish {
  /** What it asks to be called, whatever its token says. Default what the token says. */
  readonly asks?: string;
  readonly pool?: string;
}

/** A machine of the attacker's that a person has let in, as any runner is. */
export async function joinRunner(target: DrillTarget, wish: JoinWish = {}): Promise<Machine> {
  const runner = `drill-${randomBytes(4).toString('hex')}`;
  const { pool = target.pool, asks = `airlock:runner:${runner}` } = wish;
  const platform = await signedIn(target.nonprod, 'oke');
  const { token } = Token.parse(
    await platform.postJson('/api/v1/runners/tokens', { pool, runner, once: false }),
  );
  const secret = joinToken.parse(token)?.secret ?? '';
  const { csrPem: csr, keyPem: key } = await createCertificateRequest(asks);
  const shown = Enrolment.parse(
    JSON.parse(
      await heard(
        knock(target.enrolment, {
          ...{ method: 'POST', path: '/v1/enrolments' },
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ token: secret, csr }),
        }),
      ),
    ),
  );
  const { enrolments } = Waiting.parse(await platform.getJson('/api/v1/runners/enrolments'));
  const waits = enrolments.find(({ keyFingerprint }) => keyFingerprint === shown.keyFingerprint);
  if (waits === undefined) throw new Error(`the key of ${runner} does not wait at nonprod`);
  await platform.postJson(`/api/v1/runners/enrolments/${waits.id}/accept`, {});
  const enrolled = Enrolment.parse(
    JSON.parse(await heard(knock(target.enrolment, { path: `/v1/enrolments/${shown.id}` }))),
  );
  if (enrolled.state !== 'accepted') throw new Error(`${runner} was not let in`);
  const { chainPem: cert } = enrolled.issued;
  return machine(target, runner, { key, cert }, async () => {
    await platform.postJson(`/api/v1/runners/${runner}/remove`, {});
  });
}

/** A machine that says with some certificate to be that runner. */
export function machine(
  target: Pick<DrillTarget, 'runnerApi'>,
  runner: string,
  own: { readonly key: string; readonly cert: string },
  leave: () => Promise<void> = () => Promise.resolve(),
): Machine {
  // Whom an attacker talks to is the attacker's own concern.
  const agent = new Agent({ ...own, keepAlive: true, rejectUnauthorized: false });
  const instance = randomBytes(16).toString('hex');
  const call: Machine['call'] = ({ headers, ...rest }) =>
    knock(target.runnerApi, {
      ...rest,
      agent,
      headers: { [instanceHeader]: instance, ...headers },
    });
  const post: Machine['post'] = (path, body) =>
    call({ method: 'POST', path, body: JSON.stringify(body) });
  return {
    ...{ runner, agent, call, post },
    copied: () => machine(target, runner, own),
    identity: clientIdentity(new X509Certificate(own.cert)),
    hello: () => post('/v1/runner/hello', { version: 'drill', isolation: 'none', labels: [] }),
    async leave() {
      agent.destroy();
      await leave();
    },
  };
}

async function heard(answer: Promise<Heard>): Promise<string> {
  const { status, text } = await answer;
  if (status >= 200 && status < 300) return text;
  throw new Error(`enrolment answered ${status}: ${text.slice(0, 200)}`);
}
