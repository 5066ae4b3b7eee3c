/** The channels of one configuration, ready to send. */
import { readFileSync } from 'node:fs';
import { ConfigurationError } from '@airlock/process/config';
import { cloudEvent, signedHeaders } from './cloud-event.ts';
import { createMailSend } from './mail.ts';
import type { Notification, Send } from './notification.ts';
import { post } from './post.ts';
import { createReach } from './reach.ts';
import type { ChannelSettings, NotifySettings } from './settings.ts';
import { slackMessage } from './slack.ts';
import { teamsMessage } from './teams.ts';

/** By name; `mail` is the one that has recipients. */
export type Channels = ReadonlyMap<string, Send>;

/** @throws ConfigurationError when a file cannot be read or does not hold what it should. */
export function openChannels(settings: NotifySettings): Channels {
  const reach = createReach(settings.reachable);
  const channels = new Map<string, Send>();
  const { mail } = settings;
  if (mail !== null) {
    const password =
      mail.passwordFile === undefined ? undefined : lineOf(mail.passwordFile, 'mail.passwordFile');
    channels.set('mail', createMailSend(mail, { password, ca: authorities(mail.caFile) }, reach));
  }
  for (const [name, channel] of Object.entries(settings.channels)) {
    const at = `channels.${name}`;
    const url = addressIn(channel.urlFile, at);
    const ca = authorities(channel.caFile);
    const dress = dressing(channel, at);
    channels.set(name, (notification, _recipient, signal) =>
      post({ url, ...dress(notification), reach, ca, signal }),
    );
  }
  return channels;
}

type Dressed = { readonly body: Buffer; readonly headers: Record<string, string> };

function dressing(channel: ChannelSettings, at: string): (notification: Notification) => Dressed {
  if (channel.kind === 'cloudevents') {
    const secret = keyIn(channel.secretFile, at);
    return (notification) => {
      const body = cloudEvent(notification);
      return { body, headers: signedHeaders(notification.id, body, { secret, now: new Date() }) };
    };
  }
  const message = channel.kind === 'slack' ? slackMessage : teamsMessage;
  return (notification) => ({
    body: Buffer.from(JSON.stringify(message(notification))),
    headers: { 'content-type': 'application/json; charset=utf-8' },
  });
}

function addressIn(file: string, at: string): URL {
  const url = URL.parse(lineOf(file, `${at}.urlFile`));
  const isPlain = url !== null && url.username === '' && url.password === '' && url.hash === '';
  if (url !== null && isPlain && /^https?:$/.test(url.protocol)) return url;
  // The address is a secret: it is not repeated.
  throw refused(`${at}.urlFile`, `${file} holds no address such as https://host/path`);
}

function keyIn(file: string, at: string): Buffer {
  const [, encoded = ''] = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(lineOf(file, at)) ?? [];
  const key = Buffer.from(encoded, 'base64');
  if (key.length >= 24 && key.length <= 64) return key;
  throw refused(
    `${at}.secretFile`,
    `${file} holds no key; make one with: printf 'whsec_%s\\n' "$(openssl rand -base64 32)" > ${file}`,
  );
}

function lineOf(file: string, key: string): string {
  const line = bytesOf(file, key).toString('utf8').trim();
  if (/^[\x21-\x7e]+$/.test(line)) return line;
  throw refused(key, `${file} has to hold one line without spaces`);
}

const authorities = (file: string | undefined): Buffer | undefined =>
  file === undefined ? undefined : bytesOf(file, 'caFile');

function bytesOf(file: string, key: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new ConfigurationError(
      'configuration-unreadable',
      `notify.${key}: ${file} cannot be read; create it, readable by this process's user only`,
      { cause },
    );
  }
}

const refused = (key: string, what: string): ConfigurationError =>
  new ConfigurationError('configuration-refused', `notify.${key}: ${what}`);
