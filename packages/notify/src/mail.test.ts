import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { createMailSend } from './mail.ts';
import type { Notification } from './notification.ts';
import { createReach } from './reach.ts';
import { certificateOf } from './testing/certificate.ts';
import { startSmtpServer, type SmtpBehaviour, type SmtpServer } from './testing/smtp-server.ts';

const certificate = certificateOf('mail.test');
const open: SmtpServer[] = [];
after(() => Promise.all(open.map((server) => server.close())));

const waits: Notification = {
  ...{ id: 'ledger:1', thread: 'prm_1', type: 'promotion.waits' },
  title: '2026.11.21-3 → prod-eu waits for you',
  lines: ['3 commits, 1 migration'],
  link: 'https://gate.example/promotions/prm_1',
  occurredAt: new Date('2026-11-22T10:00:00Z'),
};
const { signal } = new AbortController();

async function mailing(
  behaviour: Partial<SmtpBehaviour> = {},
  { host = 'mail.test', reachable = ['127.0.0.0/8'], password = 'the password' } = {},
) {
  const server = await startSmtpServer({ certificate, login: 'gate:the password', ...behaviour });
  open.push(server);
  const send = createMailSend(
    {
      ...{ host, port: server.port, security: 'starttls', user: 'gate' },
      ...{ from: 'airlock@example.com', domains: ['example.com'] },
    },
    { password, ca: certificate.cert },
    createReach(reachable, () => Promise.resolve([{ address: '127.0.0.1' }])),
  );
  return { server, send };
}

const header = (raw: string, name: string): string | undefined =>
  new RegExp(`^${name}: (.*(?:\\r\\n[ \\t].*)*)`, 'mi')
    .exec(raw.split('\r\n\r\n')[0] ?? '')?.[1]
    ?.replaceAll(/\r\n[ \t]/g, ' ');

test('a mail goes out encrypted, signed in, from and to whom it should', async () => {
  const { server, send } = await mailing();
  assert.deepEqual(await send(waits, 'mira@example.com', signal), { sent: true });
  const [mail] = server.mails;
  assert.ok(mail);
  assert.deepEqual(
    [mail.to, mail.login, mail.isEncrypted],
    [['mira@example.com'], 'gate:the password', true],
  );
  assert.deepEqual(server.beforeTls, ['EHLO example.com', 'STARTTLS']);
  assert.match(mail.raw, /https:\/\/gate\.example\/promotions\/prm_1/);
  assert.equal(header(mail.raw, 'Auto-Submitted'), 'auto-generated');
});

test('what follows up a thread refers to the same message, under an id of its own', async () => {
  const { server, send } = await mailing();
  await send(waits, 'mira@example.com', signal);
  const live = { ...waits, id: 'ledger:2', type: 'delivery.live', title: 'prod-eu is live' };
  await send(live, 'mira@example.com', signal);
  const [first, second] = server.mails.map(({ raw }) => raw);
  assert.ok(first !== undefined && second !== undefined);
  assert.match(header(first, 'References') ?? '', /^<msg_[0-9a-f]{32}@example\.com>$/);
  assert.equal(header(second, 'References'), header(first, 'References'));
  assert.equal(header(second, 'In-Reply-To'), header(first, 'References'));
  assert.notEqual(header(second, 'Message-ID'), header(first, 'Message-ID'));
});

test('the same notification sent again to the same person has the same Message-ID', async () => {
  const { server, send } = await mailing();
  await send(waits, 'mira@example.com', signal);
  await send(waits, 'mira@example.com', signal);
  const [first, second] = server.mails.map(({ raw }) => header(raw, 'Message-ID'));
  assert.equal(first, second);
});

test('a title with line breaks adds no header, and one with markup no element', async () => {
  const { server, send } = await mailing();
  const title = 'x\r\nBcc: eve@evil.example\r\n\r\n<script>alert(1)</script>\u202e';
  const lines = ['<img src=x onerror=alert(1)> & "quoted"'];
  assert.deepEqual(await send({ ...waits, title, lines }, 'mira@example.com', signal), {
    sent: true,
  });
  const [mail] = server.mails;
  assert.ok(mail);
  assert.deepEqual(mail.to, ['mira@example.com']);
  assert.equal(header(mail.raw, 'Bcc'), undefined);
  assert.match(header(mail.raw, 'Subject') ?? '', /^x Bcc: eve@evil\.example <script>alert/);
  const html = /Content-Type: text\/html[\s\S]*/.exec(mail.raw)?.[0].replaceAll('=\r\n', '') ?? '';
  assert.match(html, /&lt;script&gt;alert/);
  assert.doesNotMatch(html, /<script|<img/);
});

test('without STARTTLS nothing is sent, no login and no mail', async () => {
  const { server, send } = await mailing({ offersStartTls: false });
  const outcome = await send(waits, 'mira@example.com', signal);
  assert.equal(outcome.sent, false);
  assert.deepEqual(server.mails, []);
  assert.ok(!server.beforeTls.some((line) => /^(AUTH|MAIL)/.test(line)), server.beforeTls.join());
});

test('a certificate of another name is refused', async () => {
  const { server, send } = await mailing({ certificate: certificateOf('other.test') });
  const outcome = await send(waits, 'mira@example.com', signal);
  assert.ok(!outcome.sent && !outcome.isFinal);
  assert.deepEqual(server.mails, []);
});

test('a recipient that the server refuses for good is not tried again; one that it puts off is', async () => {
  const gone = await mailing({ recipientAnswer: '550 5.1.1 no such user' });
  const final = await gone.send(waits, 'mira@example.com', signal);
  assert.ok(!final.sent && final.isFinal && final.why.includes('no such user'));
  const busy = await mailing({ recipientAnswer: '451 4.2.1 try again' });
  const again = await busy.send(waits, 'mira@example.com', signal);
  assert.ok(!again.sent && !again.isFinal);
});

test('a wrong password is tried again, for somebody can mend it, and stands in no reason', async () => {
  const { send } = await mailing({}, { password: 'another password' });
  const outcome = await send(waits, 'mira@example.com', signal);
  assert.ok(!outcome.sent && !outcome.isFinal);
  assert.doesNotMatch(outcome.why, /another password/);
});

test('nothing goes to another domain, to two addresses or to an address with a command in it', async () => {
  const { server, send } = await mailing();
  for (const recipient of [
    'eve@evil.example',
    'mira@example.com, eve@evil.example',
    'mira@example.com>\r\nRCPT TO:<eve@evil.example',
    'eve@evil.example\u0000@example.com',
    '"eve@evil.example "@example.com',
    '',
  ]) {
    const outcome = await send(waits, recipient, signal);
    assert.ok(!outcome.sent && outcome.isFinal, recipient);
  }
  assert.deepEqual(server.mails, []);
});

test('a mail server at a private address that is not listed is not connected to', async () => {
  const { server, send } = await mailing({}, { reachable: [] });
  const outcome = await send(waits, 'mira@example.com', signal);
  assert.ok(!outcome.sent && outcome.why.includes('notify.reachable'));
  assert.deepEqual(server.beforeTls, []);
});
