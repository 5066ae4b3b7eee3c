/** The door that forges knock at: whoever can reach it may send it anything. */
import { createHmac, randomUUID } from 'node:crypto';
import { pathToFileURL } from 'node:url';
import { all, type Drill, type Way } from './drill.ts';
import { knock, type Heard } from './knock.ts';
import type { DrillTarget } from './target.ts';

const signature = (secret: string, body: string, hash = 'sha256'): string =>
  `${hash}=${createHmac(hash, secret).update(body).digest('hex')}`;

/** Of a repository that is not built here: even what is let in starts nothing. */
const delivery = (): string =>
  JSON.stringify({
    ref: 'refs/heads/main',
    nonce: randomUUID(),
    repository: { full_name: 'drill/nobody', clone_url: 'https://git.invalid/drill/nobody.git' },
  });

/** What the forge itself says, with its secret; the id of the delivery. */
export async function sayAsForge(
  target: DrillTarget,
  event: string,
  payload: Readonly<Record<string, unknown>>,
): Promise<string> {
  const { name, bareDirectory } = target.repository;
  const repository = { full_name: name, clone_url: pathToFileURL(bareDirectory).href };
  const body = JSON.stringify({ ...payload, repository });
  const id = randomUUID();
  const { status, text } = await send(target, body, {
    ...{ 'x-github-event': event, 'x-github-delivery': id },
    'x-hub-signature-256': signature(target.webhookSecret, body),
  });
  if (status !== 202) throw new Error(`the forge's own webhook was answered ${status}: ${text}`);
  return id;
}

const send = (
  target: DrillTarget,
  body: string,
  headers: Readonly<Record<string, string>>,
): Promise<Heard> =>
  knock(target.nonprod, {
    ...{ method: 'POST', path: '/hooks/git/github', body },
    headers: {
      ...{ 'content-type': 'application/json', 'x-github-event': 'push' },
      ...{ 'x-github-delivery': randomUUID(), ...headers },
    },
  });

const forged: Drill = {
  id: 'hook-forged',
  controls: ['B38', 'V5'],
  attacker: 'outsider',
  attack: 'sends pushes to the webhook without the forge’s secret, in eight ways',
  async run(target) {
    const body = delivery();
    const { webhookSecret: secret } = target;
    const good = signature(secret, body);
    const forgeries: readonly [string, Readonly<Record<string, string>>][] = [
      ['unsigned', {}],
      ['empty signature', { 'x-hub-signature-256': '' }],
      ['another secret', { 'x-hub-signature-256': signature('guess', body) }],
      ['empty secret', { 'x-hub-signature-256': signature('', body) }],
      ['signature of other bytes', { 'x-hub-signature-256': signature(secret, `${body} `) }],
      ['sha1 only', { 'x-hub-signature': signature(secret, body, 'sha1') }],
      ['cut short', { 'x-hub-signature-256': good.slice(0, -2) }],
      ['secret as a token', { 'x-gitlab-token': secret }],
    ];
    const ways: Way[] = [];
    for (const [way, headers] of forgeries) {
      const { status } = await send(target, body, headers);
      ways.push({ way, held: status === 403, answer: String(status) });
    }
    // Otherwise a door that nobody gets through would look like one that is guarded.
    const { status } = await send(target, body, { 'x-hub-signature-256': good });
    ways.push({ way: 'the forge itself', held: status === 202, answer: `${status} (let in)` });
    return all(ways);
  },
};

const replay: Drill = {
  id: 'hook-replay',
  controls: ['VR10'],
  attacker: 'outsider',
  attack: 'sends a recorded delivery again, as it was, under another id, and twenty times at once',
  async run(target) {
    const body = delivery();
    const signed = { 'x-hub-signature-256': signature(target.webhookSecret, body) };
    const id = randomUUID();
    const first = await send(target, body, { ...signed, 'x-github-delivery': id });
    const ways: Way[] = [
      { way: 'the first time', held: first.text.includes('taken'), answer: first.text },
    ];
    const again = await send(target, body, { ...signed, 'x-github-delivery': id });
    const renamed = await send(target, body, signed);
    for (const [way, { text }] of [
      ['again', again],
      ['under another id', renamed],
    ] as const) {
      ways.push({ way, held: text.includes('repeated'), answer: text });
    }
    const other = delivery();
    const otherSigned = { 'x-hub-signature-256': signature(target.webhookSecret, other) };
    const race = await Promise.all(
      Array.from({ length: 20 }, () => send(target, other, otherSigned)),
    );
    const taken = race.filter(({ text }) => text.includes('taken')).length;
    ways.push({ way: 'twenty at once', held: taken === 1, answer: `${taken} taken` });
    return all(ways);
  },
};

export const hookDrills: readonly Drill[] = [forged, replay];
