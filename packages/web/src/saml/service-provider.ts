/**
 * One service's SAML: passport with @node-saml/passport-saml, held in a guard.
 *
 * Every login has its own strategy object with its own request id, so that the library's "known request" is exactly the row
 * that was taken out of Postgres, once, by the browser that began the login (node-saml itself accepts ten of ten concurrent
 * replays: issues #425 and #431).
 */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { ConfigurationError } from '@airlock/process/config';
import { SAML as SamlClient } from '@node-saml/node-saml';
import {
  Strategy,
  ValidateInResponseTo,
  type PassportSamlConfig,
  type Profile,
  type VerifyWithoutRequest,
} from '@node-saml/passport-saml';
import type { Request, Response } from 'express';
import passport from 'passport';
import { hashOf, newSecret, type SessionStore } from '../session.ts';
import { readAssertion, readResponse, SamlError, type SamlExpectation } from './guard.ts';
import type { Identity } from './identity.ts';
import type { SamlSettings } from './settings.ts';

/** How long a person may take at the identity provider. */
export const loginMinutes = 10;
const acceptedClockSkewMs = 5_000;

export interface ServiceProvider {
  /**
   * Begins a login: the address to send the browser to, and the secret that binds it to this browser.
   *
   * @param binding the secret this browser has from a login in another tab, which both then share; anything else makes a
   *   new one.
   */
  begin(returnTo: string, binding: string): Promise<{ location: string; binding: string }>;
  /** Ends it. @throws SamlError for everything that is not exactly the answer to that login. */
  finish(
    request: Request,
    response: Response,
    given: { samlResponse: string; relayState: string; binding: string },
  ): Promise<{ identity: Identity; returnTo: string }>;
}

export function createServiceProvider(given: {
  readonly settings: SamlSettings;
  readonly acsUrl: string;
  /** Signs in anew even where the identity provider has a session: the gate wants that. */
  readonly forceAuthn: boolean;
  readonly store: SessionStore;
  readonly now: () => Date;
}): ServiceProvider {
  const { settings, acsUrl, store, now } = given;
  const expected: SamlExpectation = {
    acsUrl,
    entityId: settings.entityId,
    idpEntityId: settings.idp.entityId,
  };
  const idpCert = readPem('saml.idp.certificateFile', settings.idp.certificateFile);
  const privateKey = readPem('saml.keyFile', settings.keyFile);
  requireOwnCertificate(settings, privateKey);

  const optionsFor = (requestId: string): PassportSamlConfig => ({
    callbackUrl: acsUrl,
    issuer: settings.entityId,
    audience: settings.entityId,
    entryPoint: settings.idp.signInUrl,
    idpIssuer: settings.idp.entityId,
    idpCert,
    privateKey,
    signatureAlgorithm: 'sha256',
    digestAlgorithm: 'sha256',
    wantAuthnResponseSigned: true,
    wantAssertionsSigned: true,
    validateInResponseTo: ValidateInResponseTo.always,
    requestIdExpirationPeriodMs: loginMinutes * 60_000,
    acceptedClockSkewMs,
    maxAssertionAgeMs: 300_000,
    identifierFormat: null,
    disableRequestedAuthnContext: true,
    forceAuthn: given.forceAuthn,
    generateUniqueId: () => requestId,
    cacheProvider: {
      saveAsync: (_key, value) => Promise.resolve({ value, createdAt: now().getTime() }),
      // Reached only after the row of this request id was taken out of Postgres.
      getAsync: (key) => Promise.resolve(key === requestId ? now().toISOString() : null),
      removeAsync: (key) => Promise.resolve(key),
    },
  });

  const refuseLogout: VerifyWithoutRequest = (_profile, done) => {
    done(new SamlError('saml-forbidden-xml', 'logout messages are not taken'));
  };

  /** One strategy for one login; `verified` gets what the library verified. */
  function strategyFor(
    requestId: string,
    verified: (profile: Profile) => Promise<Identity>,
  ): Strategy {
    const signOn: VerifyWithoutRequest = (profile, done) => {
      if (profile === null) {
        done(new SamlError('saml-signature', 'the response holds no verified assertion'));
        return;
      }
      verified(profile).then(
        (identity) => {
          done(null, { identity });
        },
        (error: unknown) => {
          done(error instanceof Error ? error : new Error(String(error)));
        },
      );
    };
    return new Strategy(optionsFor(requestId), signOn, refuseLogout);
  }

  return {
    async begin(returnTo, held) {
      const requestId = `_${newSecret()}`;
      const binding = /^[\w-]{43}$/.test(held) ? held : newSecret();
      const relayState = newSecret();
      const saml = new SamlClient(optionsFor(requestId));
      const location = await saml.getAuthorizeUrlAsync(relayState, undefined, {});
      await store.beginLogin({
        requestId,
        bindingHash: hashOf(binding),
        relayState,
        returnTo,
        expiresAt: new Date(now().getTime() + loginMinutes * 60_000),
      });
      return { location, binding };
    },

    async finish(request, response, { samlResponse, relayState, binding }) {
      const { requestId } = readResponse(samlResponse, expected);
      const login = await store.takeLogin({
        requestId,
        bindingHash: hashOf(binding),
        relayState,
        now: now(),
      });
      if (login === null) {
        throw new SamlError(
          'saml-request-unknown',
          'no sign-in that began in this browser waits for this answer; begin again',
        );
      }
      const strategy = strategyFor(requestId, async (profile) => {
        const xml = profile.getAssertionXml?.();
        if (xml === undefined)
          throw new SamlError('saml-signature', 'the library gave no verified assertion');
        const { identity, assertionId, endsAt } = readAssertion(xml, expected, requestId);
        // The library still takes it for a few seconds after its end.
        const forgetAt = new Date(endsAt.getTime() + 2 * acceptedClockSkewMs);
        if (!(await store.rememberAssertion(assertionId, forgetAt))) {
          throw new SamlError('saml-replayed', 'this assertion was used before');
        }
        return identity;
      });
      return {
        identity: await authenticate(strategy, request, response),
        returnTo: login.returnTo,
      };
    },
  };
}

/** Runs passport with this one strategy; passport's own session is not used, ours is kept by hash in Postgres. */
function authenticate(strategy: Strategy, request: Request, response: Response): Promise<Identity> {
  return new Promise((resolve, reject) => {
    const middleware = passport.authenticate(
      strategy,
      { session: false },
      (error: unknown, user: unknown) => {
        if (typeof user === 'object' && user !== null && 'identity' in user) {
          // Put there by strategyFor, which parsed it.
          resolve(user.identity as Identity);
          return;
        }
        reject(
          error instanceof SamlError
            ? error
            : new SamlError(
                'saml-signature',
                'the signature or the conditions of the response do not hold',
                { cause: error },
              ),
        );
      },
    ) as (request: Request, response: Response, next: (error?: unknown) => void) => void;
    middleware(request, response, (error) => {
      reject(
        error instanceof Error
          ? error
          : new SamlError('saml-malformed', 'the response was passed over'),
      );
    });
  });
}

/** The identity provider holds the certificate and we sign with the key: a pair that does not fit fails at every sign-in. */
function requireOwnCertificate({ certificateFile, keyFile }: SamlSettings, keyPem: string): void {
  const pem = readPem('saml.certificateFile', certificateFile);
  let fits: boolean;
  try {
    fits = new X509Certificate(pem).checkPrivateKey(createPrivateKey(keyPem));
  } catch (cause) {
    throw new ConfigurationError(
      'configuration-refused',
      `saml.certificateFile, saml.keyFile: ${certificateFile} and ${keyFile} are not a PEM certificate and a PEM private key; put them there`,
      { cause },
    );
  }
  if (fits) return;
  throw new ConfigurationError(
    'configuration-refused',
    `saml.certificateFile: ${certificateFile} does not belong to the key ${keyFile}; give both of one pair`,
  );
}

function readPem(setting: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new ConfigurationError(
      'configuration-unreadable',
      `${setting}: ${file} cannot be read; correct the path, or let this process's user read it`,
      { cause },
    );
  }
}
