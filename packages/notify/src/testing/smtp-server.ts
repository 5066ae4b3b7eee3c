/** A mail server of tests: one real conversation at a time over a real socket, as RFC 5321, 3207 and 4954 have it. */
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { ServerCertificate } from './certificate.ts';

export interface TakenMail {
  readonly from: string;
  readonly to: readonly string[];
  /** As it came, without the dot at the end. */
  readonly raw: string;
  /** Name and password that were given; null for none. */
  readonly login: string | null;
  readonly isEncrypted: boolean;
}

export interface SmtpServer {
  readonly port: number;
  readonly mails: readonly TakenMail[];
  /** Commands that came before TLS. */
  readonly beforeTls: readonly string[];
  close(): Promise<void>;
}

export interface SmtpBehaviour {
  readonly certificate: ServerCertificate;
  readonly offersStartTls?: boolean;
  /** `user:password` that it demands. */
  readonly login?: string;
  /** What it answers to RCPT TO. */
  readonly recipientAnswer?: string;
}

export async function startSmtpServer(behaviour: SmtpBehaviour): Promise<SmtpServer> {
  const mails: TakenMail[] = [];
  const beforeTls: string[] = [];
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    socket.on('error', () => {});
    socket.write('220 mail.test ESMTP\r\n');
    converse(socket, { behaviour, mails, beforeTls, isEncrypted: false });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    ...{ port: address.port, mails, beforeTls },
    async close() {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

interface Talk {
  readonly behaviour: SmtpBehaviour;
  readonly mails: TakenMail[];
  readonly beforeTls: string[];
  readonly isEncrypted: boolean;
}

function converse(socket: Socket, talk: Talk): void {
  const { behaviour, mails, beforeTls, isEncrypted } = talk;
  let from = '';
  let to: string[] = [];
  let login: string | null = null;
  let pending = '';
  let body: string | null = null;
  const say = (line: string): void => {
    socket.write(`${line}\r\n`);
  };
  const extensions = isEncrypted
    ? ['AUTH PLAIN']
    : behaviour.offersStartTls === false
      ? []
      : ['STARTTLS'];

  const obey = (line: string): void => {
    if (!isEncrypted) beforeTls.push(line);
    const verb = line.slice(0, 8).toUpperCase();
    if (verb.startsWith('EHLO')) {
      const words = ['mail.test', ...extensions];
      words.forEach((word, at) => {
        say(`250${at === words.length - 1 ? ' ' : '-'}${word}`);
      });
    } else if (verb === 'STARTTLS' && extensions.includes('STARTTLS')) {
      say('220 go ahead');
      socket.removeAllListeners('data');
      const secure = new TLSSocket(socket, { isServer: true, ...behaviour.certificate });
      secure.on('error', () => {});
      converse(secure, { ...talk, isEncrypted: true });
    } else if (verb.startsWith('AUTH')) {
      const [, user = '', password = ''] = Buffer.from(line.split(' ')[2] ?? '', 'base64')
        .toString()
        .split('\0');
      login = `${user}:${password}`;
      say(login === behaviour.login ? '235 welcome' : '535 5.7.8 bad credentials');
    } else if (verb.startsWith('MAIL')) {
      from = line;
      say('250 ok');
    } else if (verb.startsWith('RCPT')) {
      const answer = behaviour.recipientAnswer ?? '250 ok';
      if (answer.startsWith('250')) to.push(/<([^>]*)>/.exec(line)?.[1] ?? '');
      say(answer);
    } else if (verb.startsWith('DATA')) {
      body = '';
      say('354 go on');
    } else if (verb.startsWith('QUIT')) {
      say('221 bye');
      socket.end();
    } else say('502 unknown');
  };

  socket.on('data', (chunk: Buffer) => {
    pending += chunk.toString('utf8');
    for (let end = pending.indexOf('\r\n'); end >= 0; end = pending.indexOf('\r\n')) {
      const line = pending.slice(0, end);
      pending = pending.slice(end + 2);
      if (body === null) obey(line);
      else if (line === '.') {
        mails.push({ from, to, raw: body, login, isEncrypted });
        to = [];
        body = null;
        say('250 taken');
      } else body += `${line.startsWith('..') ? line.slice(1) : line}\r\n`;
    }
  });
}
