import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { z } from 'zod';
import type { Notification } from './notification.ts';
import { openChannels } from './open-channels.ts';
import { NotifySettings } from './settings.ts';
import { certificateOf } from './testing/certificate.ts';
import { startReceiver, type Receiver } from './testing/receiver.ts';

const directory = mkdtempSync(join(tmpdir(), 'airlock-channels-'));
const open: Receiver[] = [];
after(async () => {
  await Promise.all(open.map((receiver) => receiver.close()));
  rmSync(directory, { recursive: true });
});

const hostile: Notification = {
  ...{ id: 'ledger:1', thread: 'prm_1', type: 'promotion.waits' },
  title:
    '<!channel> <https://evil.example|fine> [x](https://evil.example) **b** & \u202eabc\r\nnext',
  lines: ['<at>everyone</at> & <b>', '\u0000'],
  link: 'https://gate.example/promotions/prm_1',
  occurredAt: new Date('2026-11-22T10:00:00Z'),
};
const { signal } = new AbortController();
const key = Buffer.alloc(32, 7);

let files = 0;
function fileOf(text: string | Buffer): string {
  files += 1;
  const file = join(directory, `file-${files}`);
  writeFileSync(file, text);
  return file;
}

async function receiving(...given: Parameters<typeof startReceiver>): Promise<Receiver> {
  const receiver = await startReceiver(...given);
  open.push(receiver);
  return receiver;
}

function channel(kind: 'slack' | 'teams' | 'cloudevents', url: string, more: object = {}) {
  const secret =
    kind === 'cloudevents' ? { secretFile: fileOf(`whsec_${key.toString('base64')}`) } : {};
  const settings = NotifySettings.parse({
    channels: { chat: { kind, urlFile: fileOf(`${url}\n`), ...secret, ...more } },
    reachable: ['127.0.0.0/8'],
  });
  const send = openChannels(settings).get('chat');
  assert.ok(send);
  return send;
}

/** Everything of an object that a client could show or follow. */
function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap(textsIn);
}

test('Slack gets blocks in which a title calls nobody and links nowhere, and no element that acts', async () => {
  const receiver = await receiving();
  const send = channel('slack', `http://127.0.0.1:${receiver.port}/services/T/B/x`);
  assert.deepEqual(await send(hostile, '', signal), { sent: true });
  const [{ body, url } = { body: Buffer.alloc(0), url: '' }] = receiver.received;
  assert.equal(url, '/services/T/B/x');
  const Message = z.object({
    text: z.string(),
    blocks: z.array(z.record(z.string(), z.unknown())),
    unfurl_links: z.literal(false),
  });
  const message = Message.parse(JSON.parse(body.toString()));
  assert.match(message.text, /^&lt;!channel&gt; &lt;https:/);
  const Parsed = z.object({ text: z.object({ type: z.literal('mrkdwn'), text: z.string() }) });
  const parsed = message.blocks.flatMap((block) => Parsed.safeParse(block).data?.text.text ?? []);
  assert.deepEqual(parsed, ['<https://gate.example/promotions/prm_1|Open in Airlock>']);
  assert.doesNotMatch(body.toString(), /"type":"(actions|button|input)"/);
  assert.ok(textsIn(message).every((text) => !/\p{Cc}|\u202e/u.test(text)));
});

test('Teams gets a card whose text is plain runs, and whose only action opens the page', async () => {
  const receiver = await receiving({ status: 202 });
  const send = channel('teams', `http://127.0.0.1:${receiver.port}/workflows/1?sig=s`);
  assert.deepEqual(await send(hostile, '', signal), { sent: true });
  const Card = z.object({
    body: z.array(
      z.object({
        type: z.literal('RichTextBlock'),
        inlines: z.array(z.looseObject({ type: z.literal('TextRun'), text: z.string() })),
      }),
    ),
    actions: z.array(
      z.strictObject({ type: z.literal('Action.OpenUrl'), title: z.string(), url: z.string() }),
    ),
  });
  const Message = z.object({
    type: z.literal('message'),
    attachments: z
      .array(
        z.object({
          contentType: z.literal('application/vnd.microsoft.card.adaptive'),
          content: Card,
        }),
      )
      .length(1),
  });
  const message = Message.parse(JSON.parse(receiver.received[0]?.body.toString() ?? ''));
  const [card] = message.attachments;
  assert.deepEqual(
    card?.content.actions.map(({ url }) => url),
    ['https://gate.example/promotions/prm_1'],
  );
  assert.ok(textsIn(message).every((text) => !/\p{Cc}|\u202e/u.test(text)));
});

test('a CloudEvent is signed over its raw bytes, as ten lines of another hand find', async () => {
  const receiver = await receiving();
  const send = channel('cloudevents', `http://127.0.0.1:${receiver.port}/`);
  assert.deepEqual(await send(hostile, '', signal), { sent: true });
  const [got] = receiver.received;
  assert.ok(got);
  const { headers, body } = got;
  const expected = createHmac('sha256', key)
    .update(
      `${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.${body.toString('utf8')}`,
    )
    .digest('base64');
  assert.equal(headers['webhook-signature'], `v1,${expected}`);
  assert.ok(Math.abs(Date.now() / 1000 - Number(headers['webhook-timestamp'])) < 60);
  assert.match(String(headers['content-type']), /^application\/cloudevents\+json/);
  const event: unknown = JSON.parse(body.toString());
  assert.deepEqual(event, {
    specversion: '1.0',
    id: headers['webhook-id'],
    source: 'https://gate.example',
    type: 'example.airlock.promotion.waits',
    subject: 'prm_1',
    time: '2026-11-22T10:00:00.000Z',
    datacontenttype: 'application/json',
    data: {
      title: '<!channel> <https://evil.example|fine> [x](https://evil.example) **b** & abc next',
      lines: ['<at>everyone</at> & <b>', ''],
      link: 'https://gate.example/promotions/prm_1',
    },
  });
});

test('the same event has the same webhook-id at every attempt', async () => {
  const receiver = await receiving();
  const send = channel('cloudevents', `http://127.0.0.1:${receiver.port}/`);
  await send(hostile, '', signal);
  await send(hostile, '', signal);
  const [first, second] = receiver.received.map(({ headers }) => headers['webhook-id']);
  assert.equal(first, second);
});

test('a redirect is not followed', async () => {
  const elsewhere = await receiving();
  const location = `http://127.0.0.1:${elsewhere.port}/`;
  for (const status of [301, 302, 307, 308]) {
    const receiver = await receiving({ status, headers: { location } });
    const outcome = await channel('slack', `http://127.0.0.1:${receiver.port}/`)(
      hostile,
      '',
      signal,
    );
    assert.ok(
      !outcome.sent && outcome.isFinal && outcome.why.includes('redirects'),
      String(status),
    );
  }
  assert.deepEqual(elsewhere.received, []);
});

test('an answer says whether trying again can help, and when', async () => {
  const outcomeOf = async (status: number, headers: Record<string, string> = {}) => {
    const receiver = await receiving({ status, headers, body: 'no_service\u001b[31m' });
    return channel('slack', `http://127.0.0.1:${receiver.port}/secret-path`)(hostile, '', signal);
  };
  for (const status of [400, 403, 404, 410]) {
    const outcome = await outcomeOf(status);
    assert.ok(!outcome.sent && outcome.isFinal, String(status));
    assert.match(outcome.why, /no_service/);
    assert.doesNotMatch(outcome.why, /secret-path|\p{Cc}/u);
  }
  const late = await outcomeOf(429, { 'retry-after': '120' });
  assert.ok(!late.sent && !late.isFinal && late.retryAfterSeconds === 120);
  const patient = await outcomeOf(503, { 'retry-after': '999999' });
  assert.ok(!patient.sent && !patient.isFinal && patient.retryAfterSeconds === 3600);
});

test('an endless answer is cut off', { timeout: 10_000 }, async () => {
  const receiver = await receiving({ status: 500, body: 'x'.repeat(5_000_000) });
  const outcome = await channel('slack', `http://127.0.0.1:${receiver.port}/`)(hostile, '', signal);
  assert.ok(!outcome.sent && outcome.why.length < 400);
});

test('over TLS the certificate has to be of the name that was configured', async () => {
  const right = certificateOf('localhost');
  const receiver = await receiving({ status: 200 }, right);
  const url = `https://localhost:${receiver.port}/`;
  const caFile = fileOf(right.cert);
  assert.deepEqual(await channel('slack', url, { caFile })(hostile, '', signal), { sent: true });
  const wrong = certificateOf('other.test');
  const other = await receiving({ status: 200 }, wrong);
  const elsewhere = { caFile: fileOf(wrong.cert) };
  const outcome = await channel('slack', `https://localhost:${other.port}/`, elsewhere)(
    hostile,
    '',
    signal,
  );
  assert.equal(outcome.sent, false);
  assert.deepEqual(other.received, []);
});

test('without a listed network neither loopback nor http is posted to', async () => {
  const receiver = await receiving();
  const settings = NotifySettings.parse({
    channels: {
      chat: { kind: 'slack', urlFile: fileOf(`http://127.0.0.1:${receiver.port}/`) },
    },
  });
  const outcome = await openChannels(settings).get('chat')?.(hostile, '', signal);
  assert.ok(outcome?.sent === false && outcome.isFinal);
  assert.deepEqual(receiver.received, []);
});

test('a file that holds no address or no key is refused at the start, and not repeated', () => {
  const settings = (urlFile: string, secretFile: string) =>
    NotifySettings.parse({ channels: { out: { kind: 'cloudevents', urlFile, secretFile } } });
  const url = fileOf('https://hook.example/T0K3N');
  const good = fileOf(`whsec_${key.toString('base64')}`);
  assert.ok(openChannels(settings(url, good)).has('out'));
  for (const [urlFile, secretFile] of [
    [fileOf('ftp://hook.example/T0K3N'), good],
    [fileOf('https://user:T0K3N@hook.example/'), good],
    [join(directory, 'absent'), good],
    [url, fileOf('T0K3N')],
    [url, fileOf(`whsec_${Buffer.alloc(8).toString('base64')}`)],
  ] as const) {
    assert.throws(
      () => openChannels(settings(urlFile, secretFile)),
      (cause: Error) =>
        cause.message.startsWith('notify.channels.out') && !cause.message.includes('T0K3N'),
    );
  }
});
