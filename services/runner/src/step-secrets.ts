/**
 * What a step is given to know: asked for right before it starts, opened here and nowhere before, and known to the log's
 * masker before the step can print it. SSH keys go no further than to an agent, of which the step sees the socket.
 */
import type { GivenSecrets, SecretsOf } from '@airlock/build/environment';
import type { Isolation } from '@airlock/build/isolation/isolation';
import {
  agentEnvironment,
  agentInside,
  agentSocketInside,
  SshAgentError,
  startSshAgent,
} from '@airlock/build/ssh-agent';
import { SshKey, type SecretKind } from '@airlock/common/wire/secret-handout';
import type { Job } from '@airlock/common/wire/runner-protocol';
import { openHandout } from '@airlock/envelope/handout';
import { newRecipient } from '@airlock/envelope/hpke';
import type { KnownSecrets } from './known-secrets.ts';
import { ControlPlaneError, isLeaseLost } from './api/answers.ts';
import type { ControlPlane } from './api/control-plane.ts';

type Opened = { readonly name: string; readonly kind: SecretKind; readonly value: Buffer };

/** @param ports.known is told of every value before a step is given it. */
export function createStepSecrets(ports: {
  readonly controlPlane: Pick<ControlPlane, 'secrets'>;
  readonly job: Pick<Job, 'jobId' | 'runId' | 'lease' | 'timeoutSeconds'>;
  readonly isolation: Pick<Isolation, 'mode'>;
  readonly known: Pick<KnownSecrets, 'add'>;
  /** A directory of this machine that no step sees, by name. */
  readonly beside: (name: string) => string;
  readonly signal: AbortSignal;
}): SecretsOf {
  const { controlPlane, job, signal } = ports;

  async function open(step: string): Promise<readonly Opened[]> {
    const { jobId, lease, runId } = job;
    const recipient = newRecipient();
    const { publicKey } = recipient;
    const { runner, answer } = await controlPlane.secrets(
      { jobId, lease },
      { step, publicKey },
      signal,
    );
    const values = openHandout(
      { run: runId, job: jobId, lease, step },
      { runner, recipient },
      {
        key: Buffer.from(answer.key, 'base64'),
        boxes: answer.secrets.map(({ name, box }) => ({ name, box: Buffer.from(box, 'base64') })),
      },
    );
    return answer.secrets.flatMap(({ name, kind }) => {
      const value = values.get(name);
      return value === undefined ? [] : [{ name, kind, value }];
    });
  }

  async function agentFor(step: string, name: string, key: SshKey): Promise<GivenSecrets> {
    if (ports.isolation.mode !== 'bubblewrap') {
      return {
        ok: false,
        reason: `${name} is an SSH key, and isolation ${ports.isolation.mode} cannot keep a step from the agent that holds it; use a pool with isolation bubblewrap`,
      };
    }
    const [privateKey, passphrase] = [Buffer.from(key.privateKey), Buffer.from(key.passphrase)];
    try {
      const agent = await startSshAgent({
        ...{ directory: ports.beside(`ssh-${step}`), privateKey, passphrase, signal },
        knownHosts: key.knownHosts,
        lifetimeSeconds: job.timeoutSeconds,
      });
      return {
        ok: true,
        values: new Map([[name, agentSocketInside]]),
        environment: agentEnvironment,
        shown: [{ source: agent.directory, target: agentInside }],
        end: () => agent.stop(),
      };
    } catch (cause) {
      if (!(cause instanceof SshAgentError)) throw cause;
      return { ok: false, reason: `${name}: ${cause.message}` };
    } finally {
      privateKey.fill(0);
      passphrase.fill(0);
    }
  }

  /** @throws RangeError for what cannot be masked. */
  function remember({ name, value }: Omit<Opened, 'kind'>): void {
    try {
      ports.known.add(name, value);
    } catch (cause) {
      if (!(cause instanceof RangeError)) throw cause;
      throw new RangeError(
        `${name} is too short to be kept out of the log; set it anew with 8 characters or more`,
        { cause },
      );
    }
  }

  return async (step) => {
    let opened: readonly Opened[] = [];
    try {
      opened = await open(step);
      const values = new Map<string, string>();
      let agent: GivenSecrets | null = null;
      for (const { name, kind, value } of opened) {
        if (kind === 'value') {
          remember({ name, value });
          values.set(name, value.toString('utf8'));
          continue;
        }
        const key = SshKey.parse(JSON.parse(value.toString('utf8')));
        remember({ name, value: Buffer.from(key.privateKey) });
        agent = await agentFor(step, name, key);
        if (!agent.ok) return agent;
      }
      if (agent === null) return { ok: true, values };
      return { ...agent, values: new Map([...values, ...agent.values]) };
    } catch (cause) {
      if (signal.aborted || isLeaseLost(cause)) throw cause;
      if (cause instanceof ControlPlaneError || cause instanceof RangeError) {
        return { ok: false, reason: cause.message };
      }
      throw cause;
    } finally {
      for (const { value } of opened) value.fill(0);
    }
  };
}
