import { mkdirSync } from 'node:fs';
import { Agent, get, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { freePort } from '@airlock/testkit/ports';
import { startFloor } from '../floors/child.ts';
import type { Contestant } from './contestant.ts';
import { delivery, send } from './delivery.ts';
import { readEvents } from './event-stream.ts';
import type { Ours } from './ours.ts';

export type MiniRunner = Contestant & { readonly pid: number };

/** The mini-runner, on the Postgres of ours. */
export async function startMiniRunner(
  ours: Ours,
  options: { readonly script: string; readonly withCheckout: boolean },
): Promise<MiniRunner> {
  const { pair } = ours;
  const port = await freePort();
  const { host, port: pgPort, superuser, password } = pair.postgres;
  await pair.postgres.createDatabase('mini_runner');
  const directory = join(pair.layout.directory, 'mini-runner');
  mkdirSync(directory, { recursive: true });
  const child = await startFloor('mini-runner', [
    ...[String(port), ours.secret],
    `postgres://${superuser}:${password}@${host}:${pgPort}/mini_runner`,
    ...[directory, options.script, options.withCheckout ? ours.elsewhere.url : ''],
  ]);
  const url = new URL(`http://127.0.0.1:${port}/hook`);
  const target = { url, host: url.host, secret: ours.secret, taken: 202 };
  // A connection each: one that idled may be closed by the server while it is used.
  const agent = new Agent({ keepAlive: false });
  const ask = (path: string): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      get({ agent, host: '127.0.0.1', port, path }, resolve).on('error', reject);
    });
  const look = async (path: string): Promise<{ output: string; isOver: boolean }> => {
    const answer = await ask(path);
    const text = (await answer.toArray()).map(String).join('');
    // Written by the floor, whose form this is.
    return JSON.parse(text) as { output: string; isOver: boolean };
  };
  return {
    name: 'floor',
    pid: child.pid,
    prepare: () => ours.elsewhere.prepare(),
    async announce(build) {
      await send(target, agent, delivery(target, build));
    },
    output: async ({ commit }) => (await look(`/runs/${commit}`)).output,
    isOver: async ({ commit }) => (await look(`/runs/${commit}?output=no`)).isOver,
    async follow({ commit }, onText) {
      await readEvents(await ask(`/runs/${commit}/lines`), ({ data }) => {
        onText(JSON.parse(data) as string);
      });
    },
    async stop() {
      agent.destroy();
      await child.stop();
    },
  };
}
