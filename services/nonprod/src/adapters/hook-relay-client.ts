/** Fetches what a hook relay keeps. The relay opens no connection to us, and what it says is checked again. */
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { AirlockError } from '@airlock/common/errors';
import { SpooledHooks, type SpooledHook, type TakenHooks } from '@airlock/common/wire/hook-relay';
import { mutualTlsAgent } from '@airlock/process/mtls';
import type { HookRelaySettings } from '../source-config.ts';

export class HookRelayError extends AirlockError<'hook-relay-unreachable' | 'hook-relay-refused'> {}

export interface HookRelay {
  /** The oldest ones; waits for the first. */
  waiting(): Promise<readonly SpooledHook[]>;
  taken(ids: readonly string[]): Promise<void>;
  close(): void;
}

const waitSeconds = 20;
const silenceMs = 30_000;
const maxAnswerBytes = 32 * 1024 * 1024;

export function createHookRelayClient(settings: HookRelaySettings, signal: AbortSignal): HookRelay {
  const agent = mutualTlsAgent({ ...settings, serverIdentity: 'airlock:hook-relay' });

  async function call(method: 'GET' | 'POST', path: string, body: object | null): Promise<Buffer> {
    const outgoing = request(new URL(path, settings.url), {
      ...{ method, agent, signal, timeout: silenceMs },
      headers: body === null ? {} : { 'content-type': 'application/json' },
    });
    outgoing.on('timeout', () => outgoing.destroy(new Error('no answer')));
    const answered = new Promise<IncomingMessage>((resolve, reject) => {
      outgoing.once('response', resolve);
      outgoing.once('error', reject);
    });
    outgoing.end(body === null ? undefined : JSON.stringify(body));
    const chunks: Buffer[] = [];
    let status = 0;
    try {
      const answer = await answered;
      status = answer.statusCode ?? 0;
      let size = 0;
      for await (const chunk of answer) {
        if (!Buffer.isBuffer(chunk)) throw new TypeError('the answer has an encoding set');
        size += chunk.length;
        if (size > maxAnswerBytes) throw new Error(`more than ${maxAnswerBytes} bytes`);
        chunks.push(chunk);
      }
    } catch (cause) {
      const words = cause instanceof Error ? cause.message : String(cause);
      throw new HookRelayError('hook-relay-unreachable', `${settings.url}: ${words}`, { cause });
    }
    const bytes = Buffer.concat(chunks);
    if (status >= 200 && status < 300) return bytes;
    throw new HookRelayError(
      'hook-relay-refused',
      `${settings.url} answers ${status}: ${bytes.toString('utf8').slice(0, 300)}`,
    );
  }

  return {
    async waiting() {
      const bytes = await call('GET', `/v1/hooks?limit=50&wait=${waitSeconds}`, null);
      const parsed = SpooledHooks.safeParse(parseJson(bytes));
      if (parsed.success) return parsed.data.hooks;
      const [issue] = parsed.error.issues;
      throw new HookRelayError(
        'hook-relay-refused',
        `${settings.url}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}; are relay and nonprod of the same version?`,
      );
    },
    async taken(ids) {
      await call('POST', '/v1/hooks/taken', { ids: [...ids] } satisfies TakenHooks);
    },
    close() {
      agent.destroy();
    },
  };
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return null;
  }
}
