/** A corner of a Vault for one test file: mounts, policies and tokens with names of their own, all removed at the end. */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Answer } from './fixture.ts';
import type { RunningVault } from './servers.ts';

type Rule = {
  capabilities: readonly string[];
  [condition: string]: unknown;
};

export type Workspace = {
  readonly vault: RunningVault;
  call(
    token: string | null,
    method: string,
    path: string,
    body?: object,
    headers?: Record<string, string>,
  ): Promise<WorkspaceAnswer>;
  asRoot(
    method: string,
    path: string,
    body?: object,
    headers?: Record<string, string>,
  ): Promise<WorkspaceAnswer>;
  /** Mounts a secrets engine and returns its path; null when the server has no such engine. */
  mount(type: string, options?: Record<string, string>): Promise<string | null>;
  /** The same for an auth method; the path is without `auth/`. */
  enable(type: string): Promise<string | null>;
  /** Writes a policy and returns its name. */
  policy(rules: Record<string, Rule | readonly string[]>): Promise<string>;
  /** A service token of exactly these policies. */
  token(
    policies: readonly string[],
    more?: Record<string, unknown>,
  ): Promise<{ token: string; accessor: string }>;
  /** Removes what was made and stops the server. */
  close(): Promise<void>;
};

export type WorkspaceAnswer = Answer & {
  text: string;
  headers: Headers;
  /** Every text of `errors`, joined. */
  errors: string;
};

export function openWorkspace(vault: RunningVault): Workspace {
  const run = randomBytes(3).toString('hex');
  const made: string[] = [];
  let count = 0;
  const uniqueName = (kind: string) => `${kind}-${run}-${(count += 1)}`;

  const call: Workspace['call'] = async (token, method, path, body, headers = {}) => {
    const response = await fetch(`${vault.address}/v1/${path}`, {
      method,
      redirect: 'manual',
      headers: { ...headers, ...(token === null ? {} : { 'X-Vault-Token': token }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.startsWith('application/json') === true;
    // The shapes are what the tests then assert.
    const parsed = (isJson && text !== '' ? JSON.parse(text) : {}) as Answer['body'];
    if (parsed.auth?.entity_id) made.push(`identity/entity/id/${parsed.auth.entity_id}`);
    return {
      status: response.status,
      body: parsed,
      text,
      headers: response.headers,
      errors: parsed.errors?.join('\n') ?? '',
    };
  };
  const asRoot: Workspace['asRoot'] = (method, path, body, headers) =>
    call(vault.rootToken, method, path, body, headers);

  const insist = async (method: string, path: string, body?: object) => {
    const answer = await asRoot(method, path, body);
    if (answer.status >= 300)
      throw new Error(`${method} ${path}: ${answer.status} ${answer.errors}`);
    return answer;
  };
  const enableAt = async (place: string, type: string, options?: Record<string, string>) => {
    const name = uniqueName(type);
    const answer = await asRoot('POST', `sys/${place}/${name}`, { type, options });
    if (/plugin not found in the catalog/.test(answer.errors)) return null;
    if (answer.status !== 204) throw new Error(`sys/${place}/${name}: ${answer.errors}`);
    made.unshift(`sys/${place}/${name}`);
    return name;
  };

  return {
    vault,
    call,
    asRoot,
    mount: async (type, options) => {
      const name = await enableAt('mounts', type, options);
      // A key-value engine says for a moment after it was mounted that it is being upgraded.
      for (let look = 0; name !== null && type === 'kv' && look < 50; look += 1) {
        const { status } = await asRoot('GET', `${name}/config`);
        if (status === 200) break;
        await sleep(50);
      }
      return name;
    },
    enable: (type) => enableAt('auth', type),
    async policy(rules) {
      const name = uniqueName('policy');
      const path = Object.fromEntries(
        Object.entries(rules).map(([pattern, rule]) => [
          pattern,
          'capabilities' in rule ? rule : { capabilities: rule },
        ]),
      );
      await insist('PUT', `sys/policies/acl/${name}`, { policy: JSON.stringify({ path }) });
      made.unshift(`sys/policies/acl/${name}`);
      return name;
    },
    async token(policies, more = {}) {
      const request = { policies, no_default_policy: true, no_parent: true, ttl: '120s', ...more };
      const { body } = await insist('POST', 'auth/token/create', request);
      const { client_token: token = '', accessor = '' } = body.auth ?? {};
      made.unshift(`accessor:${accessor}`);
      return { token, accessor };
    },
    async close() {
      for (const each of made) {
        const [, accessor] = /^accessor:(.*)$/.exec(each) ?? [];
        if (accessor === undefined) await asRoot('DELETE', each);
        else await asRoot('POST', 'auth/token/revoke-accessor', { accessor });
      }
      await vault.stop();
    },
  };
}
