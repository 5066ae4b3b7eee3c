/**
 * A SAML 2.0 identity provider for the demo and for tests: real signed messages, people without passwords. One picks a name.
 *
 * Tests ask it to misbehave (`forge`), so that what the services must refuse is made by the same code as what they accept.
 */
import { createPublicKey, createVerify, randomBytes, X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { inflateRawSync } from 'node:zlib';
import { createSamlKey } from '@airlock/cli/setup/saml-key';
import { SignedXml } from 'xml-crypto';

export interface IdpPerson {
  readonly id: string;
  readonly name: string;
  readonly email: string;
  readonly groups: readonly string[];
}

export interface ServiceProviderRegistration {
  readonly entityId: string;
  readonly acs: string;
  readonly certificatePem: string;
}

/** What a hostile or broken identity provider would change; every member defaults to the honest value. */
export interface Forgery {
  readonly signAssertion?: boolean;
  readonly signResponse?: boolean;
  readonly audience?: string;
  readonly recipient?: string;
  readonly destination?: string;
  readonly issuer?: string;
  readonly inResponseTo?: string;
  /** Seconds that the assertion is already over. */
  readonly expiredSeconds?: number;
  readonly status?: string;
  /** Signs with another key than the certificate's. */
  readonly otherKeyPem?: string;
  /** Changes the finished XML, after signing. */
  readonly tamper?: (xml: string) => string;
}

export interface IdentityProvider {
  readonly url: string;
  readonly entityId: string;
  readonly certificatePem: string;
  /** The form field SAMLResponse for a request, as the page would post it. */
  respond(
    to: { acs: string; requestId: string; audience: string },
    person: IdpPerson,
    forgery?: Forgery,
  ): string;
  stop(): Promise<void>;
}

export async function startIdentityProvider(options: {
  readonly port: number;
  readonly entityId: string;
  readonly people: readonly IdpPerson[];
  readonly serviceProviders: readonly ServiceProviderRegistration[];
  readonly keyDirectory: string;
}): Promise<IdentityProvider> {
  const { entityId, people } = options;
  const { keyPem, certificatePem } = await loadKey(options.keyDirectory);

  const respond: IdentityProvider['respond'] = (to, person, forgery = {}) =>
    Buffer.from(makeResponse({ to, person, forgery, entityId, keyPem, certificatePem })).toString(
      'base64',
    );

  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => {
      page(
        response,
        400,
        'Sign-in refused',
        `<p>${escape(error instanceof Error ? error.message : String(error))}</p>`,
      );
    });
  });

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://idp.localhost');
    if (request.method === 'GET' && url.pathname === '/sso') {
      const login = readAuthnRequest(url, options.serviceProviders);
      const state = escape(
        JSON.stringify({ ...login, relayState: url.searchParams.get('RelayState') ?? '' }),
      );
      const buttons = people
        .map(
          (person) =>
            `<form method="post" action="/choose"><input type="hidden" name="login" value="${state}"><button name="person" value="${escape(person.id)}"><b>${escape(person.id)}</b> ${escape(person.name)}<small>${escape(person.groups.join(', '))}</small></button></form>`,
        )
        .join('');
      page(
        response,
        200,
        'Who are you?',
        `<p>to sign in to <code>${escape(login.entityId)}</code></p>${buttons}`,
      );
      return;
    }
    if (request.method === 'POST' && url.pathname === '/choose') {
      const form = new URLSearchParams(await readBody(request));
      const login = JSON.parse(form.get('login') ?? '{}') as {
        acs: string;
        requestId: string;
        entityId: string;
        relayState: string;
      };
      const person = people.find(({ id }) => id === form.get('person'));
      const provider = options.serviceProviders.find(
        ({ acs, entityId: known }) => acs === login.acs && known === login.entityId,
      );
      if (person === undefined || provider === undefined)
        throw new Error('nobody of that name, or no such service');
      const samlResponse = respond(
        { acs: login.acs, requestId: login.requestId, audience: login.entityId },
        person,
      );
      page(
        response,
        200,
        'Signing in',
        `<form method="post" action="${escape(login.acs)}"><input type="hidden" name="SAMLResponse" value="${samlResponse}"><input type="hidden" name="RelayState" value="${escape(login.relayState)}"><button>Go on as ${escape(person.name)}</button></form><script>document.forms[0].submit()</script>`,
      );
      return;
    }
    page(
      response,
      404,
      'Nothing here',
      '<p>This is the demo sign-in server; begin at one of the services.</p>',
    );
  }

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, '127.0.0.1', resolve);
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : options.port;
  return {
    url: `http://idp.localhost:${port}`,
    entityId,
    certificatePem,
    respond,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}

async function loadKey(directory: string): Promise<{ keyPem: string; certificatePem: string }> {
  mkdirSync(directory, { recursive: true });
  const file = join(directory, 'idp.json');
  if (!existsSync(file))
    writeFileSync(file, JSON.stringify(await createSamlKey('demo identity provider')), {
      mode: 0o600,
    });
  return JSON.parse(readFileSync(file, 'utf8')) as { keyPem: string; certificatePem: string };
}

/** Checks the redirect binding's signature over the query exactly as it was sent (SAML 2.0 Bindings, 3.4.4.1). */
function readAuthnRequest(
  url: URL,
  providers: readonly ServiceProviderRegistration[],
): { acs: string; requestId: string; entityId: string } {
  const raw = new Map(
    url.search
      .slice(1)
      .split('&')
      .map((pair) => [pair.slice(0, pair.indexOf('=')), pair]),
  );
  const xml = inflateRawSync(Buffer.from(url.searchParams.get('SAMLRequest') ?? '', 'base64'), {
    maxOutputLength: 65_536,
  }).toString('utf8');
  const attribute = (name: string): string =>
    new RegExp(`\\b${name}="([^"]+)"`).exec(xml)?.[1] ?? '';
  const entityId = />([^<]+)<\/(?:\w+:)?Issuer>/.exec(xml)?.[1] ?? '';
  const provider = providers.find(
    (each) => each.entityId === entityId && each.acs === attribute('AssertionConsumerServiceURL'),
  );
  if (provider === undefined) throw new Error(`${entityId} is not registered here`);
  const signed = ['SAMLRequest', 'RelayState', 'SigAlg']
    .flatMap((name) => raw.get(name) ?? [])
    .join('&');
  const valid =
    url.searchParams.get('SigAlg') === 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256' &&
    createVerify('sha256')
      .update(signed)
      .verify(
        createPublicKey(
          new X509Certificate(provider.certificatePem).publicKey.export({
            type: 'spki',
            format: 'pem',
          }),
        ),
        url.searchParams.get('Signature') ?? '',
        'base64',
      );
  if (!valid) throw new Error('the request is not signed by the service that it names');
  return { acs: provider.acs, requestId: attribute('ID'), entityId };
}

function makeResponse(given: {
  to: { acs: string; requestId: string; audience: string };
  person: IdpPerson;
  forgery: Forgery;
  entityId: string;
  keyPem: string;
  certificatePem: string;
}): string {
  const { to, person, forgery } = given;
  const shift = (forgery.expiredSeconds ?? 0) * 1000;
  const at = (seconds: number): string =>
    new Date(Date.now() + seconds * 1000 - shift).toISOString();
  const id = (): string => `_${randomBytes(20).toString('hex')}`;
  const issuer = escape(forgery.issuer ?? given.entityId);
  const requestId = escape(forgery.inResponseTo ?? to.requestId);
  const attribute = (name: string, values: readonly string[]): string =>
    `<saml:Attribute Name="${name}" NameFormat="urn:oasis:names:tc:SAML:2.0:attrname-format:basic">${values.map((value) => `<saml:AttributeValue>${escape(value)}</saml:AttributeValue>`).join('')}</saml:Attribute>`;
  const assertion =
    `<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="${id()}" Version="2.0" IssueInstant="${at(0)}">` +
    `<saml:Issuer>${issuer}</saml:Issuer>` +
    `<saml:Subject><saml:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent">${escape(person.email)}</saml:NameID>` +
    `<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><saml:SubjectConfirmationData NotOnOrAfter="${at(120)}" Recipient="${escape(forgery.recipient ?? to.acs)}" InResponseTo="${requestId}"/></saml:SubjectConfirmation></saml:Subject>` +
    `<saml:Conditions NotBefore="${at(-30)}" NotOnOrAfter="${at(120)}"><saml:AudienceRestriction><saml:Audience>${escape(forgery.audience ?? to.audience)}</saml:Audience></saml:AudienceRestriction></saml:Conditions>` +
    `<saml:AuthnStatement AuthnInstant="${at(0)}" SessionIndex="${id()}"><saml:AuthnContext><saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>` +
    `<saml:AttributeStatement>${attribute('displayName', [person.name])}${attribute('email', [person.email])}${attribute('groups', person.groups)}</saml:AttributeStatement>` +
    `</saml:Assertion>`;
  const keyPem = forgery.otherKeyPem ?? given.keyPem;
  const signedAssertion =
    forgery.signAssertion === false ? assertion : signElement(assertion, 'Assertion', keyPem);
  const response =
    `<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" ID="${id()}" Version="2.0" IssueInstant="${at(0)}" Destination="${escape(forgery.destination ?? to.acs)}" InResponseTo="${requestId}">` +
    `<saml:Issuer xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion">${issuer}</saml:Issuer>` +
    `<samlp:Status><samlp:StatusCode Value="${forgery.status ?? 'urn:oasis:names:tc:SAML:2.0:status:Success'}"/></samlp:Status>` +
    `${signedAssertion}</samlp:Response>`;
  const signed =
    forgery.signResponse === false ? response : signElement(response, 'Response', keyPem);
  return forgery.tamper?.(signed) ?? signed;
}

function signElement(xml: string, name: 'Assertion' | 'Response', keyPem: string): string {
  const signer = new SignedXml({
    privateKey: keyPem,
    signatureAlgorithm: 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
    canonicalizationAlgorithm: 'http://www.w3.org/2001/10/xml-exc-c14n#',
  });
  signer.addReference({
    xpath: `/*[local-name(.)='${name}']`,
    digestAlgorithm: 'http://www.w3.org/2001/04/xmlenc#sha256',
    transforms: [
      'http://www.w3.org/2000/09/xmldsig#enveloped-signature',
      'http://www.w3.org/2001/10/xml-exc-c14n#',
    ],
  });
  signer.computeSignature(xml, {
    location: {
      reference: `/*[local-name(.)='${name}']/*[local-name(.)='Issuer']`,
      action: 'after',
    },
  });
  return signer.getSignedXml();
}

const escape = (text: string): string =>
  text.replace(
    /[&<>"']/g,
    (character) =>
      ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' })[character] ??
      character,
  );

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

function page(response: ServerResponse, status: number, title: string, body: string): void {
  response.writeHead(status, {
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-store',
  });
  response.end(
    `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><link rel="icon" href="data:,"><title>${title} · demo sign-in</title><style>:root{color-scheme:light dark}body{font:16px system-ui;max-width:26rem;margin:10vh auto;padding:0 1rem}button{font:inherit;display:block;width:100%;text-align:left;padding:.75rem 1rem;margin:.5rem 0;border:1px solid GrayText;border-radius:6px;background:Canvas;color:CanvasText;cursor:pointer}small{display:block;opacity:.7}code{overflow-wrap:anywhere}</style><h1>${title}</h1>${body}</html>`,
  );
}
