/** Mail by a submission server (RFC 6409), over TLS or not at all. */
import { createTransport } from 'nodemailer';
import {
  failed,
  messageName,
  mostOfLine,
  mostOfTitle,
  type Notification,
  type Send,
} from './notification.ts';
import { oneLine } from './plain-text.ts';
import type { Reach } from './reach.ts';
import { MailAddress, type MailSettings } from './settings.ts';

const timeoutMs = 15_000;

export interface MailSecrets {
  readonly password: string | undefined;
  readonly ca: Buffer | undefined;
}

/** What is told about one thing is one thread, by a reference to a name that the thread has from the start (RFC 5322, 3.6.4). */
export function createMailSend(settings: MailSettings, secrets: MailSecrets, reach: Reach): Send {
  const { host, port, security, user, from, domains } = settings;
  const domain = from.slice(from.indexOf('@') + 1);
  return async (notification, recipient, signal) => {
    const to = MailAddress.safeParse(recipient);
    const toDomain = recipient.slice(recipient.lastIndexOf('@') + 1);
    if (!to.success || !domains.includes(toDomain)) {
      const why = `${oneLine(recipient, 100)} is no address of ${domains.join(', ')}; add its domain to notify.mail.domains, or correct it`;
      return failed(why, { isFinal: true });
    }
    const reached = await reach.addressOf(host);
    if (!reached.ok) return failed(reached.why, reached);
    const transport = createTransport({
      host: reached.address,
      port,
      secure: security === 'tls',
      requireTLS: true,
      // The certificate has to be of the name, whatever address that name led to.
      servername: host,
      tls: { servername: host, minVersion: 'TLSv1.2', ...(secrets.ca && { ca: secrets.ca }) },
      ...(user === undefined ? {} : { auth: { user, pass: secrets.password ?? '' } }),
      name: domain,
      connectionTimeout: timeoutMs,
      greetingTimeout: timeoutMs,
      socketTimeout: timeoutMs,
      disableFileAccess: true,
      disableUrlAccess: true,
    });
    const thread = `<${messageName(notification.thread)}@${domain}>`;
    const name = messageName(`${notification.id} ${to.data}`);
    try {
      await transport.sendMail({
        from: { name: 'Airlock', address: from },
        to: to.data,
        subject: oneLine(notification.title, mostOfTitle),
        text: textOf(notification),
        html: htmlOf(notification),
        messageId: `<${name}@${domain}>`,
        inReplyTo: thread,
        references: thread,
        date: notification.occurredAt,
        // No answer of a holiday (RFC 3834).
        headers: { 'Auto-Submitted': 'auto-generated', 'X-Auto-Response-Suppress': 'All' },
        signal,
      });
      return { sent: true };
    } catch (cause) {
      return judge(host, cause);
    } finally {
      transport.close();
    }
  };
}

function textOf({ title, lines, link, type, occurredAt }: Notification): string {
  const shown = lines.map((line) => oneLine(line, mostOfLine));
  return [
    ...[oneLine(title, mostOfTitle), '', ...shown, ...(shown.length > 0 ? [''] : []), link, ''],
    ...[`-- `, `${type} · ${occurredAt.toISOString()}`, why],
  ].join('\n');
}

const why =
  'Airlock writes to you about what concerns you; its page /me/notifications turns this mail off.';

function htmlOf({ title, lines, link, type, occurredAt }: Notification): string {
  const shown = lines.map((line) => `<p>${escaped(oneLine(line, mostOfLine))}</p>`);
  return [
    `<p><strong>${escaped(oneLine(title, mostOfTitle))}</strong></p>`,
    ...shown,
    `<p><a href="${escaped(link)}">Open in Airlock</a></p>`,
    `<p><small>${escaped(type)} · ${occurredAt.toISOString()}<br>${escaped(why)}</small></p>`,
  ].join('\n');
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
const escaped = (text: string): string =>
  text.replace(/[&<>"']/g, (found) => entities[found] ?? '');

/** A refused recipient stays refused; a refused password is somebody's to mend, and then it goes out. */
function judge(host: string, cause: unknown): ReturnType<typeof failed> {
  const message = cause instanceof Error ? oneLine(cause.message, 200) : 'unknown';
  const code = cause instanceof Error && 'code' in cause ? cause.code : null;
  const answer =
    cause instanceof Error && 'responseCode' in cause ? Number(cause.responseCode) : null;
  const isFinal = code !== 'EAUTH' && answer !== null && answer >= 500;
  return failed(`${host}: ${message}`, { isFinal });
}
