import type { SecurityContact } from './listen-settings.ts';

const validDays = 180;

/**
 * The file of RFC 9116, which says when it must not be trusted any more: half a year from the day on which it is read.
 *
 * @returns null where nobody is named.
 */
export function securityText(contact: SecurityContact, origin: string, now: Date): string | null {
  if (contact === null) return null;
  const expires = new Date(now.getTime() + validDays * 86_400_000);
  expires.setUTCHours(0, 0, 0, 0);
  const lines = [
    ...contact.contacts.map((uri) => `Contact: ${uri}`),
    `Expires: ${expires.toISOString().replace('.000Z', 'Z')}`,
    'Preferred-Languages: en',
    `Canonical: ${origin}/.well-known/security.txt`,
    ...(contact.policy === undefined ? [] : [`Policy: ${contact.policy}`]),
  ];
  return `${lines.join('\n')}\n`;
}
