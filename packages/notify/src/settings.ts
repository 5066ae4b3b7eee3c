/** Configuration of what tells people. The descriptions are the manual. */
import { FilePath } from '@airlock/process/config';
import { z } from 'zod';
import { Network } from './reach.ts';

const Domain = z
  .string()
  .regex(/^[a-z0-9-]+(\.[a-z0-9-]+)*$/, 'expected a domain in lower case, such as example.com');

/** Local parts that need no quoting: what is written to must not be read in two ways. */
export const MailAddress = z
  .string()
  .max(254)
  .regex(
    /^[A-Za-z0-9_'+-]+(\.[A-Za-z0-9_'+-]+)*@[a-z0-9-]+(\.[a-z0-9-]+)*$/,
    'expected an address such as mira@example.com, its domain in lower case',
  );

const MailSettings = z.strictObject({
  host: z.string().min(1).max(253).describe('Submission server, such as smtp.example.com.'),
  port: z.int().min(1).max(65_535).default(587).describe('Its port. Default 587.'),
  security: z
    .enum(['starttls', 'tls'])
    .default('starttls')
    .describe(
      'starttls: TLS is begun in the conversation, and nothing is sent where the server does not offer it. tls: from the first byte (port 465). Default starttls.',
    ),
  user: z.string().min(1).max(255).optional().describe('Account at it. Left out: none.'),
  passwordFile: FilePath.optional().describe('Password of that account, one line, mode 0600.'),
  caFile: FilePath.optional().describe(
    'Authorities (PEM) that its certificate may come from. Left out: those that Node knows.',
  ),
  from: MailAddress.describe('Sender of every mail, such as airlock@example.com.'),
  domains: z
    .array(Domain)
    .min(1)
    .max(50)
    .describe('Domains that are written to; an address of any other gets nothing.'),
});
export type MailSettings = z.infer<typeof MailSettings>;

const Place = {
  urlFile: FilePath.describe(
    'Holds the address that is posted to, one line, mode 0600: whoever knows it can write there.',
  ),
  caFile: FilePath.optional().describe(
    'Authorities (PEM) that its certificate may come from. Left out: those that Node knows.',
  ),
};
const ChannelSettings = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('slack'), ...Place }),
  z.strictObject({ kind: z.literal('teams'), ...Place }),
  z.strictObject({
    kind: z.literal('cloudevents'),
    ...Place,
    secretFile: FilePath.describe(
      'Key of the signature: whsec_ and 24 to 64 bytes in base64, one line, mode 0600.',
    ),
  }),
]);
export type ChannelSettings = z.infer<typeof ChannelSettings>;

/** `mail` is a channel of its own. */
export const ChannelName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'expected lower-case letters, digits and -')
  .refine((name) => name !== 'mail', 'mail is the name of the channel to people; take another');

export const NotifySettings = z
  .strictObject({
    mail: MailSettings.nullable()
      .default(null)
      .describe('How people are written to. Default null: nobody is.'),
    channels: z
      .record(ChannelName, ChannelSettings)
      .default({})
      .describe('Places that are posted to, by the name that rules use. Default none.'),
    always: z
      .array(ChannelName)
      .max(8)
      .default([])
      .describe('Channels that hear of everything, whatever rules say. Default none.'),
    reachable: z
      .array(Network)
      .max(50)
      .default([])
      .describe(
        'Networks that may be connected to although they are private, such as 10.1.2.0/24. Default none: only public addresses.',
      ),
  })
  .refine(({ always, channels }) => always.every((name) => Object.hasOwn(channels, name)), {
    path: ['always'],
    message: 'each has to be a name under channels',
  });
export type NotifySettings = z.infer<typeof NotifySettings>;
