/** The runner's one question for what a step may know; see `@airlock/common/wire/secret-handout`. */
import { verify, type KeyObject } from 'node:crypto';
import { TLSSocket } from 'node:tls';
import { SecretsRequest, type SecretsAnswer } from '@airlock/common/wire/secret-handout';
import { EnvelopeError } from '@airlock/envelope/envelope-error';
import { handoutRequest } from '@airlock/envelope/handout';
import {
  MachineError,
  readJson,
  type MachineCall,
  type MachineRoute,
} from '@airlock/process/machine-server';
import type { HandoutAnswer, HandOutSecrets } from '../app/hand-out-secrets.ts';
import { leaseLost, namedJob } from './runner-api.ts';

const maxBody = 4 * 1024;

export function secretHandoutRoutes(secrets: HandOutSecrets | null): MachineRoute[] {
  return [
    {
      method: 'POST',
      path: '/v1/jobs/:jobId/secrets',
      async handle(call) {
        const { lease, step, ...sent } = await readJson(call.request, SecretsRequest, maxBody);
        if (secrets === null) throw new MachineError('secret-refused', 'no secrets are kept here');
        const proof = { ...namedJob(call), lease };
        const publicKey = Buffer.from(sent.publicKey, 'base64');
        const signed = handoutRequest({ job: proof.jobId, lease, step }, publicKey);
        const signature = Buffer.from(sent.signature, 'base64');
        if (!signs(certificateKey(call), signed, signature)) {
          throw new MachineError(
            'secret-refused',
            'the public key is not signed with the key of this connection’s certificate',
          );
        }
        return {
          status: 200,
          json: answerOf(await given(() => secrets.handOut(proof, { step, publicKey }))),
        };
      },
    },
  ];
}

function answerOf(answer: HandoutAnswer): SecretsAnswer {
  switch (answer.kind) {
    case 'given': {
      const { key, boxes } = answer.handout;
      return {
        key: key.toString('base64'),
        secrets: boxes.map(({ name, box }) => ({
          name,
          kind: answer.kinds.get(name) ?? 'value',
          box: box.toString('base64'),
        })),
      };
    }
    case 'lease-lost':
      throw leaseLost();
    case 'taken':
      throw new MachineError(
        'secret-taken',
        'this step was given its secrets before; they are given once, and again only to a new attempt',
      );
    case 'not-asked-for':
      throw new MachineError(
        'secret-refused',
        'the plan has no such step, or it asks for no secret',
      );
    case 'refused':
      throw new MachineError('secret-refused', answer.reason);
  }
}

/** A keeper that is away is nobody's refusal: the runner asks again. */
async function given(work: () => Promise<HandoutAnswer>): Promise<HandoutAnswer> {
  try {
    return await work();
  } catch (cause) {
    if (!(cause instanceof EnvelopeError)) throw cause;
    if (cause.code === 'envelope-malformed') {
      throw new MachineError('request-malformed', cause.message, { cause });
    }
    if (cause.code !== 'kek-unavailable') throw cause;
    throw new MachineError('dependency-unavailable', cause.message, { cause });
  }
}

function certificateKey({ request }: MachineCall): KeyObject | null {
  const { socket } = request;
  return socket instanceof TLSSocket ? (socket.getPeerX509Certificate()?.publicKey ?? null) : null;
}

function signs(key: KeyObject | null, bytes: Buffer, signature: Buffer): boolean {
  if (key === null) return false;
  return verify(key.asymmetricKeyType === 'ed25519' ? null : 'sha256', bytes, key, signature);
}
