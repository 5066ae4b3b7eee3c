import { Agent } from 'node:http';
import { startBuildbot } from '../peers/buildbot.ts';
import { until, type Build, type Contestant } from './contestant.ts';
import { delivery, send } from './delivery.ts';
import type { Ours } from './ours.ts';

const lookMs = 10;

/** Buildbot on a repository like ours; null, said in one line, where there is none. */
export async function startPeer(
  ours: Ours,
  options: { readonly script: string; readonly withCheckout: boolean },
): Promise<Contestant | null> {
  const buildbot = await startBuildbot({
    ...{ secret: ours.secret, command: options.script },
    ...(options.withCheckout ? { repository: ours.elsewhere.url } : {}),
  });
  if (buildbot === null) return null;
  const url = new URL('change_hook/github', buildbot.url);
  const target = { url, host: url.host, secret: ours.secret, taken: 200 };
  // A connection each: one that idled may be closed by the server while it is used.
  const agent = new Agent({ keepAlive: false });
  type Row = {
    readonly buildid: number;
    readonly complete: boolean;
    readonly results: number | null;
    readonly properties?: { readonly revision?: readonly string[] };
  };
  const ids = new Map<string, number>();
  const ask = async (path: string): Promise<Response> =>
    fetch(new URL(`api/v2/${path}`, buildbot.url));
  const find = async ({ commit }: Build): Promise<number | null> => {
    const known = ids.get(commit);
    if (known !== undefined) return known;
    const answer = await ask('builds?order=-buildid&limit=200&property=revision');
    // Buildbot's REST API, as its documentation has it.
    const { builds } = (await answer.json()) as { readonly builds: readonly Row[] };
    for (const { buildid, properties } of builds) {
      if (properties?.revision?.[0] !== undefined) ids.set(properties.revision[0], buildid);
    }
    return ids.get(commit) ?? null;
  };
  const output = async (build: Build): Promise<string> => {
    const id = await find(build);
    if (id === null) return '';
    const answer = await ask(`builds/${id}/steps/one/logs/stdio/contents`);
    if (!answer.ok) return '';
    const { logchunks } = (await answer.json()) as { readonly logchunks: { content: string }[] };
    return logchunks.map(({ content }) => content.replace(/^o/gm, '')).join('');
  };
  const isOver = async (build: Build): Promise<boolean> => {
    const id = await find(build);
    if (id === null) return false;
    const { builds } = (await (await ask(`builds/${id}`)).json()) as {
      readonly builds: readonly Row[];
    };
    const [row] = builds;
    if (row?.complete === true && row.results !== 0)
      throw new Error(`Buildbot's build ${id} failed`);
    return row?.complete === true;
  };
  return {
    name: 'buildbot',
    prepare: () => ours.elsewhere.prepare(),
    async announce(build) {
      await send(target, agent, delivery(target, build));
    },
    output,
    isOver,
    async follow(build, onText) {
      let shown = 0;
      await until('the end of its log', lookMs, async () => {
        const isLast = await isOver(build);
        const text = await output(build);
        if (text.length > shown) onText(text.slice(shown));
        shown = text.length;
        return isLast;
      });
    },
    async stop() {
      agent.destroy();
      await buildbot.stop();
    },
  };
}
