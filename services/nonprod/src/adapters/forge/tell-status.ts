/** Sends one commit status. To the configured address only: what a repository is called never chooses the host. */
import type { TellForge } from '../../app/status-ports.ts';
import { statusRequest } from '../../domain/commit-status.ts';
import type { ForgeSettings } from '../../source-config.ts';
import { readTokenFile } from './token-file.ts';

const timeoutMs = 10_000;

/** @throws ConfigurationError when a token cannot be read. */
export function createTellForge(settings: readonly ForgeSettings[]): TellForge {
  const forges = settings.map((forge) => ({
    ...forge,
    token: readTokenFile('forges.tokenFile', forge.tokenFile, 'token'),
  }));
  return {
    knows: (provider, host) =>
      forges.some((each) => each.provider === provider && each.host === host),

    async tell(provider, news, signal) {
      const forge = forges.find(
        (each) => each.provider === provider && each.host === news.place.host,
      );
      if (forge === undefined)
        return { told: false, why: 'no forge of that host', retryAfter: null };
      const { path, body, tokenHeader } = statusRequest(provider, news);
      const [header, before] = tokenHeader;
      let response: Response;
      try {
        response = await fetch(`${forge.api}${path}`, {
          method: 'POST',
          // Whoever answers with another address does not get the token there.
          redirect: 'manual',
          headers: {
            [header]: `${before}${forge.token}`,
            accept: 'application/json',
            'content-type': 'application/json',
            'user-agent': 'airlock',
          },
          body: JSON.stringify(body),
          signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
        });
      } catch (cause) {
        const reason = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
        const words = reason instanceof Error ? reason.message : String(reason);
        return { told: false, why: `${forge.api}: ${words}`, retryAfter: null };
      }
      const text = await firstBytes(response);
      // GitLab refuses the state that it has already.
      const isRepeated = response.status === 400 && text.includes('Cannot transition status');
      if (response.ok || (provider === 'gitlab' && isRepeated)) return { told: true };
      const seconds = Number(response.headers.get('retry-after') ?? NaN);
      return {
        told: false,
        why: `${forge.api} answers ${response.status}: ${text.slice(0, 200)}`,
        retryAfter: Number.isFinite(seconds) ? Math.min(seconds, 3600) : null,
      };
    },
  };
}

async function firstBytes(response: Response): Promise<string> {
  const reader = response.body?.getReader();
  if (reader === undefined) return '';
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    chunks.push(value);
    size += value.length;
    if (size > 4096) {
      await reader.cancel();
      break;
    }
  }
  return Buffer.concat(chunks).toString('utf8');
}
