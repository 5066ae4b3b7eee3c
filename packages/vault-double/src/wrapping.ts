/**
 * Response wrapping: an answer kept under a token that opens it once. Who finds it opened was beaten to it; who looks before
 * opening sees which path answered. Revoking the wrapping token throws the answer away, not what was issued with it.
 */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import {
  ApiFailure,
  type Reply,
  answer,
  readBody,
  unsupportedOperation,
  unsupportedPath,
} from './api.ts';
import type { Backend, Call } from './backend.ts';
import { parseDuration } from './durations.ts';
import type { Token, Tokens } from './tokens.ts';

const Named = z.object({ token: z.string().default('') });
const Kept = z.looseObject({
  auth: z.looseObject({ accessor: z.string() }).nullish(),
  data: z.record(z.string(), z.unknown()).nullish(),
});
type Kept = z.infer<typeof Kept>;

/** The policy that a wrapping token has: it opens itself and nothing else. */
export const wrappingPolicy = JSON.stringify({
  path: {
    'sys/wrapping/unwrap': { capabilities: ['update'] },
    'cubbyhole/response': { capabilities: ['create', 'read'] },
  },
});

/** Seconds of the header X-Vault-Wrap-TTL; null without one. @throws ApiFailure 400 */
export function wrapSecondsOf(header: string | string[] | undefined): number | null {
  if (header === undefined || Array.isArray(header) || header === '') return null;
  const seconds = parseDuration(header);
  if (seconds === null) {
    throw new ApiFailure(
      400,
      `error parsing X-Vault-Wrap-TTL header: time: invalid duration "${header}"`,
    );
  }
  if (seconds < 0) throw new ApiFailure(400, 'requested wrap ttl cannot be negative');
  return seconds === 0 ? null : seconds;
}

export function createWrapping({ tokens }: { tokens: Tokens }) {
  // By token, so that nothing has to be cleared up when one ends.
  const kept = new WeakMap<Token, { body: Kept; path: string }>();

  /** The answer that hands out the key to `body`. */
  function wrap(body: unknown, seconds: number, path: string): Reply {
    const inner = Kept.parse(body);
    const { token } = tokens.create({
      path,
      displayName: '',
      metadata: {},
      terms: {
        policies: ['response-wrapping'],
        ttlSeconds: seconds,
        maxTtlSeconds: 0,
        explicitMaxTtlSeconds: seconds,
        noDefaultPolicy: true,
        renewable: false,
        numUses: 1,
      },
      parent: null,
    });
    kept.set(token, { body: inner, path });
    const wrapped = inner.auth?.accessor ?? inner.data?.['secret_id_accessor'];
    return {
      status: 200,
      body: {
        request_id: '',
        lease_id: '',
        renewable: false,
        lease_duration: 0,
        data: null,
        wrap_info: {
          token: token.id,
          accessor: token.accessor,
          ttl: seconds,
          creation_time: new Date(token.issuedAt).toISOString(),
          creation_path: path,
          ...(typeof wrapped === 'string' ? { wrapped_accessor: wrapped } : {}),
        },
        warnings: null,
        auth: null,
      },
    };
  }

  function find(id: string) {
    const token = tokens.find(id);
    const entry = token === undefined ? undefined : kept.get(token);
    if (token === undefined || entry === undefined) {
      throw new ApiFailure(400, 'wrapping token is not valid or does not exist');
    }
    return { token, ...entry };
  }

  /** The wrapping token may stand in the body, or be the caller's own. */
  function idIn({ body, tokenId }: Call): string {
    const id = readBody(Named, body).token || tokenId;
    if (id === '') {
      throw new ApiFailure(403, 'error validating wrapping token: token is empty');
    }
    return id;
  }

  const backend: Backend = async (call) => {
    const { operation, path, body } = call;
    if (path === 'wrap') {
      if (operation !== 'update') throw unsupportedOperation();
      if (call.wrapSeconds === null) {
        throw new ApiFailure(400, 'endpoint requires response wrapping to be used');
      }
      return answer({ data: body });
    }
    if (!['lookup', 'unwrap', 'rewrap'].includes(path)) throw unsupportedPath();
    if (operation !== 'update' && !(path === 'lookup' && operation === 'read')) {
      throw unsupportedOperation();
    }
    const { token, body: inner, path: creationPath } = find(idIn(call));
    if (path === 'lookup') {
      return answer({
        data: {
          creation_path: creationPath,
          creation_time: new Date(token.issuedAt).toISOString(),
          creation_ttl: token.ttlSeconds,
        },
      });
    }
    await tokens.revoke(token);
    return path === 'unwrap'
      ? { status: 200, body: { ...inner, request_id: randomUUID() } }
      : wrap(inner, token.ttlSeconds, creationPath);
  };
  return {
    wrap,
    backend: Object.assign(backend, {
      // A look needs no token, and a wrapping token that opens itself is checked by opening.
      isOpen: (path: string, { body, tokenId }: Pick<Call, 'body' | 'tokenId'>) =>
        path === 'lookup' ||
        (['unwrap', 'rewrap'].includes(path) &&
          (body['token'] === undefined || body['token'] === tokenId)),
    }),
  };
}
