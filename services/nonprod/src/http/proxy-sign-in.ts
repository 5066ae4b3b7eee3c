/**
 * Signing in by a proxy: what its headers say counts on a connection of its certificate, and nowhere else. TLS proved that the
 * other end has the certificate's key; which authority issued it says nothing here.
 */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';
import type { Log } from '@airlock/process/log';
import { Identity } from '@airlock/web/saml/identity';
import type { SignInProxy } from '@airlock/web/server-options';
import type { ProxySettings } from '../sign-in-config.ts';

/** @param certificateFiles of this process; a proxy that has the key of one of them proves nothing. */
export function createSignInProxy(
  settings: ProxySettings,
  given: {
    readonly certificateFiles: readonly string[];
    readonly now: () => Date;
    readonly log: Log;
  },
): SignInProxy {
  const { headers, name } = settings;
  const ownKeys = new Set(
    given.certificateFiles.map((file) => keyOf(new X509Certificate(readFileSync(file)))),
  );

  function isProxy({ socket }: IncomingMessage): boolean {
    const certificate = socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined;
    if (certificate === undefined || fingerprintOf(certificate) !== settings.certificateSha256)
      return false;
    const now = given.now();
    const isInTime = certificate.validFromDate <= now && now < certificate.validToDate;
    const isItsOwn = !ownKeys.has(keyOf(certificate));
    if (!isInTime || !isItsOwn) {
      given.log.warn('sign-in.proxy-refused', {
        proxy: name,
        why: isInTime ? 'its key is one of this service' : 'its certificate is not valid now',
      });
    }
    return isInTime && isItsOwn;
  }

  return {
    identityOf(request) {
      const user = one(request, headers.user);
      if (user === null || user === '' || !isProxy(request)) return null;
      const mail = headers.mail === null ? '' : one(request, headers.mail);
      const groups = one(request, headers.groups);
      if (mail === null || groups === null) return null;
      const list = groups.split(',').map((group) => group.trim());
      const parsed = Identity.safeParse({
        ...{ nameId: user, idp: `proxy:${name}`, displayName: mail === '' ? user : mail },
        groups: list.filter((group) => group !== ''),
      });
      return parsed.success ? parsed.data : null;
    },
  };
}

/**
 * The header's value, '' where there is none; null where it stands twice, beside one that some software takes for it
 * (`X_Remote_User`), or holds what no name does. Trailers are no headers, and are not looked at.
 */
function one({ rawHeaders }: IncomingMessage, name: string): string | null {
  const values: string[] = [];
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const found = (rawHeaders[at] ?? '').toLowerCase();
    if (found.replaceAll(/[^a-z0-9]/g, '-') !== name) continue;
    if (found !== name) return null;
    values.push(rawHeaders[at + 1] ?? '');
  }
  const [value = '', ...others] = values;
  return others.length === 0 && /^[\x20-\x7e]{0,8192}$/.test(value) ? value.trim() : null;
}

const fingerprintOf = ({ fingerprint256 }: X509Certificate): string =>
  fingerprint256.replaceAll(':', '').toLowerCase();

const keyOf = ({ publicKey }: X509Certificate): string =>
  publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
