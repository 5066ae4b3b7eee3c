import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { startIdentityProvider, type Forgery, type IdentityProvider } from '@airlock/testkit/idp';
import { readAssertion, readResponse, SamlError, type SamlErrorCode } from './guard.ts';

const expected = {
  acsUrl: 'http://gate.localhost:1/auth/saml/acs',
  entityId: 'urn:airlock:gate',
  idpEntityId: 'urn:example:idp',
};
const leo = { id: 'leo', name: 'Leo', email: 'leo@demo.airlock.example', groups: ['a', 'b'] };
const directory = mkdtempSync(join(tmpdir(), 'airlock-guard-'));
let idp: IdentityProvider;

before(async () => {
  idp = await startIdentityProvider({
    port: 0,
    entityId: expected.idpEntityId,
    people: [leo],
    serviceProviders: [],
    keyDirectory: directory,
  });
});
after(async () => {
  await idp.stop();
  rmSync(directory, { recursive: true });
});

const respond = (forgery: Forgery = {}): string =>
  idp.respond(
    { acs: expected.acsUrl, requestId: '_request', audience: expected.entityId },
    leo,
    forgery,
  );
const base64 = (text: string): string => Buffer.from(text).toString('base64');
const assertionOf = (encoded: string): string =>
  /<saml:Assertion[\s\S]*<\/saml:Assertion>/.exec(Buffer.from(encoded, 'base64').toString())?.[0] ??
  '';

function refusal(read: () => unknown): SamlErrorCode | 'accepted' {
  try {
    read();
  } catch (error) {
    assert.ok(error instanceof SamlError, String(error));
    return error.code;
  }
  return 'accepted';
}

test('a genuine response is read for the request that it answers', () => {
  assert.deepEqual(readResponse(respond(), expected), { requestId: '_request' });
});

test('line breaks within the base64 are taken', () => {
  const wrapped = respond().replace(/.{76}/g, '$&\r\n');
  assert.deepEqual(readResponse(wrapped, expected), { requestId: '_request' });
});

test('an assertion gives name, groups, its id and its end', () => {
  const xml = assertionOf(respond());
  const { identity, assertionId, endsAt } = readAssertion(xml, expected, '_request');
  assert.deepEqual(identity, {
    nameId: leo.email,
    idp: expected.idpEntityId,
    displayName: 'Leo',
    groups: ['a', 'b'],
  });
  assert.ok(xml.includes(`ID="${assertionId}"`));
  const seconds = (endsAt.getTime() - Date.now()) / 1000;
  assert.ok(seconds > 60 && seconds < 125, String(seconds));
});

const edited =
  (from: string | RegExp, to: string): (() => string) =>
  () =>
    respond({
      tamper(xml) {
        const changed = xml.replace(from, to);
        assert.notEqual(changed, xml, 'the case changes nothing');
        return changed;
      },
    });

const rsaSha256 = 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256';

const responses: [claim: string, code: SamlErrorCode, encoded: () => string][] = [
  ['another destination', 'saml-destination', () => respond({ destination: 'http://other/acs' })],
  ['no destination', 'saml-destination', edited(/ Destination="[^"]*"/, '')],
  ['another recipient', 'saml-subject', () => respond({ recipient: 'http://other/acs' })],
  ['no recipient', 'saml-subject', edited(/ Recipient="[^"]*"/, '')],
  ['another issuer with the same key', 'saml-issuer', () => respond({ issuer: 'urn:other' })],
  [
    'another issuer of the assertion only',
    'saml-issuer',
    edited(/(<saml:Assertion[^>]*><saml:Issuer>)[^<]*/, '$1urn:other'),
  ],
  ['another audience', 'saml-audience', () => respond({ audience: 'urn:airlock:nonprod' })],
  [
    'a second audience beside ours',
    'saml-malformed',
    edited('</saml:Audience>', '</saml:Audience><saml:Audience>urn:x</saml:Audience>'),
  ],
  [
    'a status other than success',
    'saml-status',
    () => respond({ status: 'urn:oasis:names:tc:SAML:2.0:status:Responder' }),
  ],
  ['holder of key', 'saml-subject', edited('cm:bearer', 'cm:holder-of-key')],
  ['no subject', 'saml-malformed', edited(/<saml:Subject>[\s\S]*<\/saml:Subject>/, '')],
  [
    'no InResponseTo in the confirmation',
    'saml-subject',
    edited(/(<saml:SubjectConfirmationData[^>]*) InResponseTo="[^"]*"/, '$1'),
  ],
  ['no InResponseTo at all', 'saml-subject', edited(/ InResponseTo="[^"]*"/g, '')],
  [
    'another InResponseTo in the confirmation',
    'saml-subject',
    edited(/(<saml:SubjectConfirmationData[^>]*InResponseTo=")/, '$1x'),
  ],
  [
    'a confirmation without an end',
    'saml-malformed',
    edited(/(<saml:SubjectConfirmationData) NotOnOrAfter="[^"]*"/, '$1'),
  ],
  [
    'conditions without an end',
    'saml-malformed',
    edited(/(<saml:Conditions[^>]*) NotOnOrAfter="[^"]*"/, '$1'),
  ],
  [
    'RSA with SHA-1',
    'saml-algorithm',
    edited(rsaSha256, 'http://www.w3.org/2000/09/xmldsig#rsa-sha1'),
  ],
  ['HMAC', 'saml-algorithm', edited(rsaSha256, 'http://www.w3.org/2000/09/xmldsig#hmac-sha1')],
  [
    'an XSLT transform',
    'saml-algorithm',
    edited(
      'http://www.w3.org/2000/09/xmldsig#enveloped-signature',
      'http://www.w3.org/TR/1999/REC-xslt-19991116',
    ),
  ],
  ['an unsigned assertion', 'saml-signature', () => respond({ signAssertion: false })],
  ['an unsigned response', 'saml-signature', () => respond({ signResponse: false })],
  [
    'a signature over another element',
    'saml-signature',
    edited(/URI="#[^"]*"/, 'URI="#_elsewhere"'),
  ],
  ['a signature over the whole document', 'saml-signature', edited(/URI="#[^"]*"/, 'URI=""')],
  [
    'a second assertion beside the signed one',
    'saml-malformed',
    edited(
      '</samlp:Response>',
      '<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"/></samlp:Response>',
    ),
  ],
  [
    'a second assertion hidden in the signature',
    'saml-malformed',
    edited(
      '</ds:Signature>'.replace('ds:', ''),
      '<Object xmlns="http://www.w3.org/2000/09/xmldsig#"><saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"/></Object></Signature>',
    ),
  ],
  [
    'an encrypted assertion',
    'saml-forbidden-xml',
    edited(
      '</samlp:Response>',
      '<saml:EncryptedAssertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"/></samlp:Response>',
    ),
  ],
  ['a DOCTYPE', 'saml-forbidden-xml', edited(/^/, '<!DOCTYPE x [<!ENTITY e "leo">]>')],
  ['a comment in the name', 'saml-forbidden-xml', edited('leo@', 'leo<!-- -->@')],
  ['CDATA', 'saml-forbidden-xml', edited('leo@', '<![CDATA[leo]]>@')],
  ['a processing instruction', 'saml-forbidden-xml', edited(/^/, '<?xml-stylesheet href="x"?>')],
  [
    'an element of an unknown namespace',
    'saml-forbidden-xml',
    edited('</samlp:Status>', '</samlp:Status><x xmlns="urn:x"/>'),
  ],
  ['a logout response', 'saml-malformed', edited(/samlp:Response/g, 'samlp:LogoutResponse')],
  ['two roots', 'saml-malformed', edited(/$/, '<x xmlns="urn:oasis:names:tc:SAML:2.0:protocol"/>')],
  ['text that is no XML', 'saml-malformed', () => base64('hello')],
  ['nothing', 'saml-malformed', () => ''],
  ['an open tag', 'saml-malformed', () => base64('<a')],
  ['url-safe base64', 'saml-encoding', () => Buffer.from('<a>ÿÿþ?~</a>').toString('base64url')],
  ['UTF-16', 'saml-encoding', () => Buffer.from('\ufeff<a></a>', 'utf16le').toString('base64')],
  ['more than 96 KiB', 'saml-too-large', () => base64(`<a>${'x'.repeat(96 * 1024)}</a>`)],
  ['more than 800 elements', 'saml-too-large', () => base64(`<a>${'<b/>'.repeat(800)}</a>`)],
  ['more than 24 levels', 'saml-too-large', () => base64('<a>'.repeat(25) + '</a>'.repeat(25))],
  [
    'a tag with thousands of attributes',
    'saml-too-large',
    () => base64(`<a ${Array.from({ length: 9_000 }, (_, i) => `a${i}=""`).join(' ')}/>`),
  ],
];
for (const [claim, code, encoded] of responses) {
  test(`${claim} is refused`, () => {
    assert.equal(
      refusal(() => readResponse(encoded(), expected)),
      code,
    );
  });
}

test('96 KiB of opening brackets cost no time', () => {
  const started = performance.now();
  assert.equal(
    refusal(() => readResponse(base64('<'.repeat(98_000)), expected)),
    'saml-malformed',
  );
  assert.ok(performance.now() - started < 500);
});

const attribute = (name: string, value: string): string =>
  `<saml:Attribute Name="${name}"><saml:AttributeValue>${value}</saml:AttributeValue></saml:Attribute></saml:AttributeStatement>`;

const assertions: [claim: string, code: SamlErrorCode, from: string | RegExp, to: string][] = [
  ['an element in the name', 'saml-malformed', 'leo@', '<saml:Audience>admin</saml:Audience>leo@'],
  ['an empty name', 'saml-identity', /(<saml:NameID[^>]*>)[^<]*/, '$1'],
  [
    'two names',
    'saml-malformed',
    '</saml:NameID>',
    '</saml:NameID><saml:NameID>admin</saml:NameID>',
  ],
  [
    'groups stated twice',
    'saml-identity',
    '</saml:AttributeStatement>',
    attribute('groups', 'release-managers'),
  ],
  [
    'an attribute __proto__',
    'saml-identity',
    '</saml:AttributeStatement>',
    attribute('__proto__', 'x'),
  ],
  ['another request', 'saml-subject', /InResponseTo="[^"]*"/, 'InResponseTo="_other"'],
  ['no ID', 'saml-malformed', / ID="[^"]*"/, ''],
];
for (const [claim, code, from, to] of assertions) {
  test(`an assertion with ${claim} is refused`, () => {
    const xml = assertionOf(respond());
    const changed = xml.replace(from, to);
    assert.notEqual(changed, xml, 'the case changes nothing');
    assert.equal(
      refusal(() => readAssertion(changed, expected, '_request')),
      code,
    );
  });
}

test('a name that is stated as an attribute too is the one of the subject', () => {
  const xml = assertionOf(respond()).replace(
    '</saml:AttributeStatement>',
    attribute('nameID', 'admin@demo.airlock.example'),
  );
  assert.equal(readAssertion(xml, expected, '_request').identity.nameId, leo.email);
});
