/**
 * What node-saml does not check (with its strictest options it accepted 13 of 76 forgeries), checked before and after it.
 *
 * `readResponse` runs before the library: a linear scan bounds what its parser may be given, then the shape of the response
 * is compared exactly. `readAssertion` runs after it, on the canonical bytes of the assertion whose signature it verified.
 *
 * @see SAML 2.0 Core and Profiles section 4.1.4; CVE-2022-39299, CVE-2025-54369, CVE-2024-45409 for what happens otherwise
 */
import { AirlockError } from '@airlock/common/errors';
import { DOMParser } from '@xmldom/xmldom';
import { Identity } from './identity.ts';

export type SamlErrorCode =
  | 'saml-too-large'
  | 'saml-encoding'
  | 'saml-forbidden-xml'
  | 'saml-algorithm'
  | 'saml-malformed'
  | 'saml-destination'
  | 'saml-issuer'
  | 'saml-status'
  | 'saml-subject'
  | 'saml-audience'
  | 'saml-request-unknown'
  | 'saml-signature'
  | 'saml-replayed'
  | 'saml-identity';

export class SamlError extends AirlockError<SamlErrorCode> {}

export interface SamlExpectation {
  readonly acsUrl: string;
  readonly entityId: string;
  readonly idpEntityId: string;
}

const maxResponseBytes = 96 * 1024;
const maxTags = 800;
const maxDepth = 24;
const maxTagLength = 4096;

const protocol = 'urn:oasis:names:tc:SAML:2.0:protocol';
const assertion = 'urn:oasis:names:tc:SAML:2.0:assertion';
const signature = 'http://www.w3.org/2000/09/xmldsig#';

/** Everything that may stand in an Algorithm attribute; HMAC, SHA-1, XSLT and XPath are not in it. */
const algorithms = new Set([
  'http://www.w3.org/2001/10/xml-exc-c14n#',
  'http://www.w3.org/2000/09/xmldsig#enveloped-signature',
  'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
  'http://www.w3.org/2001/04/xmlenc#sha256',
]);
const namespaces = new Set([
  protocol,
  assertion,
  signature,
  'http://www.w3.org/2001/XMLSchema',
  'http://www.w3.org/2001/XMLSchema-instance',
  'http://www.w3.org/2001/10/xml-exc-c14n#',
]);

/**
 * Reads a response that nobody has verified yet, as far as it must be known beforehand: which request it answers.
 *
 * @param encoded the form field SAMLResponse, standard base64.
 * @throws SamlError for whatever does not have the one shape that is taken here.
 */
export function readResponse(encoded: string, expected: SamlExpectation): { requestId: string } {
  const response = named(parseBounded(decode(encoded)), protocol, 'Response');
  if (response.getAttribute('Destination') !== expected.acsUrl) {
    throw new SamlError('saml-destination', 'the response is addressed to another service');
  }
  requireIssuer(response, expected.idpEntityId);
  const status = only(only(response, protocol, 'Status'), protocol, 'StatusCode').getAttribute(
    'Value',
  );
  if (status !== 'urn:oasis:names:tc:SAML:2.0:status:Success') {
    throw new SamlError('saml-status', 'the identity provider did not sign the person in');
  }
  const requestId = response.getAttribute('InResponseTo') ?? '';
  const claimed = only(response, assertion, 'Assertion');
  checkAssertion(claimed, expected, requestId);
  checkSignatures(response, claimed);
  return { requestId };
}

/**
 * Reads the person from the bytes whose signature was verified.
 *
 * @param assertionXml the assertion as node-saml canonicalised and verified it.
 * @returns beside the person, the assertion's id and when it ends: until then the id must not come again.
 */
export function readAssertion(
  assertionXml: string,
  expected: SamlExpectation,
  requestId: string,
): { identity: Identity; assertionId: string; endsAt: Date } {
  const signed = named(parseBounded(assertionXml), assertion, 'Assertion');
  checkAssertion(signed, expected, requestId);
  return {
    identity: identityOf(signed, expected.idpEntityId),
    assertionId: idOf(signed),
    endsAt: endOf(only(signed, assertion, 'Conditions')),
  };
}

function identityOf(signed: Element, idpEntityId: string): Identity {
  const attributes = new Map<string, string[]>();
  for (const statement of childrenOf(signed, assertion, 'AttributeStatement')) {
    for (const attribute of childrenOf(statement, assertion, 'Attribute')) {
      const name = attribute.getAttribute('Name') ?? '';
      if (attributes.has(name))
        throw new SamlError('saml-identity', 'an attribute is stated twice');
      // node-saml copies attributes on to an object by name.
      if (name === '__proto__')
        throw new SamlError('saml-identity', 'an attribute has a name that is not taken');
      attributes.set(name, childrenOf(attribute, assertion, 'AttributeValue').map(textOf));
    }
  }
  const nameId = textOf(only(only(signed, assertion, 'Subject'), assertion, 'NameID'));
  const parsed = Identity.safeParse({
    nameId,
    idp: idpEntityId,
    displayName: attributes.get('displayName')?.[0] ?? nameId,
    groups: attributes.get('groups') ?? [],
  });
  if (!parsed.success)
    throw new SamlError('saml-identity', 'the assertion names nobody that can be used here');
  return parsed.data;
}

/** Instants as SAML writes them (Core, 1.3.3): UTC, and never left out where an end is asked for. */
function endOf(element: Element): Date {
  const text = element.getAttribute('NotOnOrAfter') ?? '';
  const end = new Date(text);
  if (!text.endsWith('Z') || Number.isNaN(end.getTime()))
    throw new SamlError('saml-malformed', `${element.localName} has no end`);
  return end;
}

function idOf(element: Element): string {
  const id = element.getAttribute('ID') ?? '';
  if (!/^[A-Za-z_][\w.-]{0,255}$/.test(id))
    throw new SamlError('saml-malformed', `${element.localName} has no usable ID`);
  return id;
}

function decode(encoded: string): string {
  if (encoded.length > (maxResponseBytes * 4) / 3)
    throw new SamlError('saml-too-large', 'the response is larger than 96 KiB');
  const bytes = Buffer.from(encoded, 'base64');
  // Encoders may wrap lines; nothing else may differ from the canonical form.
  if (bytes.toString('base64') !== encoded.replace(/[\r\n]/g, '')) {
    throw new SamlError('saml-encoding', 'the response is not standard base64');
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new SamlError('saml-encoding', 'the response is not UTF-8', { cause });
  }
}

/** One pass over the text, before any parser builds a tree of it: xmldom took ten seconds for 100,000 nested tags. */
function parseBounded(xml: string): Element {
  if (/<!|<\?(?!xml\s)/i.test(xml)) {
    throw new SamlError(
      'saml-forbidden-xml',
      'comments, CDATA, DOCTYPE and processing instructions are not taken',
    );
  }
  boundTags(xml);
  let document: Document;
  try {
    document = new DOMParser({
      errorHandler(level, message) {
        // The parser's words quote the sender's: they stay out of page and log.
        throw new SamlError('saml-malformed', 'the response is not well-formed XML', {
          cause: `${level}: ${message}`,
        });
      },
    }).parseFromString(xml, 'text/xml');
  } catch (cause) {
    if (cause instanceof SamlError) throw cause;
    throw new SamlError('saml-malformed', 'the response is not well-formed XML', { cause });
  }
  const root = Array.from(document.childNodes).find(isElement);
  if (root === undefined) throw new SamlError('saml-malformed', 'the response is not XML');
  for (const element of elementsOf(root)) inspect(element);
  return root;
}

/** Goes over each character once: a pattern such as <[^>]*> starts again at every `<` of a text that has no `>`. */
function boundTags(xml: string): void {
  let tags = 0;
  let depth = 0;
  for (let start = xml.indexOf('<'); start !== -1; start = xml.indexOf('<', start)) {
    const end = xml.indexOf('>', start);
    if (end === -1)
      throw new SamlError('saml-malformed', 'the response is not well-formed XML (open tag)');
    tags += 1;
    if (xml.startsWith('</', start)) depth -= 1;
    else if (xml[end - 1] !== '/' && !xml.startsWith('<?', start)) depth += 1;
    if (tags > maxTags || depth > maxDepth || end - start > maxTagLength)
      throw new SamlError('saml-too-large', 'the response has too many or too large elements');
    start = end;
  }
}

function inspect(element: Element): void {
  if (!namespaces.has(element.namespaceURI ?? ''))
    throw new SamlError('saml-forbidden-xml', 'an element of an unknown namespace');
  if (/^Encrypted/.test(element.localName))
    throw new SamlError('saml-forbidden-xml', 'encrypted assertions are not taken');
  const algorithm = element.getAttribute('Algorithm') ?? '';
  if (algorithm !== '' && !algorithms.has(algorithm)) {
    throw new SamlError('saml-algorithm', 'an algorithm that is not taken here');
  }
}

/**
 * One assertion, one signature on it and one on the response, each over its own parent: nothing is left to wrap.
 * The library checks the signatures themselves.
 */
function checkSignatures(response: Element, claimed: Element): void {
  const elements = [...elementsOf(response)];
  const count = (namespace: string, name: string): number =>
    elements.filter((each) => each.namespaceURI === namespace && each.localName === name).length;
  if (count(assertion, 'Assertion') !== 1 || count(protocol, 'Response') !== 1)
    throw new SamlError('saml-malformed', 'one response with one assertion expected');
  if (count(signature, 'Signature') !== 2 || count(signature, 'Reference') !== 2)
    throw new SamlError('saml-signature', 'the response and its assertion must both be signed');
  for (const signed of [response, claimed]) {
    const info = only(only(signed, signature, 'Signature'), signature, 'SignedInfo');
    if (only(info, signature, 'Reference').getAttribute('URI') !== `#${idOf(signed)}`)
      throw new SamlError('saml-signature', 'a signature is over something else than its parent');
  }
}

function checkAssertion(signed: Element, expected: SamlExpectation, requestId: string): void {
  requireIssuer(signed, expected.idpEntityId);
  const subject = only(signed, assertion, 'Subject');
  const confirmation = only(subject, assertion, 'SubjectConfirmation');
  const data = only(confirmation, assertion, 'SubjectConfirmationData');
  if (
    requestId === '' ||
    confirmation.getAttribute('Method') !== 'urn:oasis:names:tc:SAML:2.0:cm:bearer' ||
    data.getAttribute('Recipient') !== expected.acsUrl ||
    data.getAttribute('InResponseTo') !== requestId
  ) {
    throw new SamlError(
      'saml-subject',
      'the assertion was made for another request or another service',
    );
  }
  endOf(data);
  const conditions = only(signed, assertion, 'Conditions');
  endOf(conditions);
  const restriction = only(conditions, assertion, 'AudienceRestriction');
  if (textOf(only(restriction, assertion, 'Audience')) !== expected.entityId) {
    throw new SamlError('saml-audience', 'the assertion is for another audience');
  }
}

function requireIssuer(element: Element, idpEntityId: string): void {
  if (textOf(only(element, assertion, 'Issuer')) !== idpEntityId) {
    throw new SamlError('saml-issuer', 'the response was issued by another identity provider');
  }
}

function named(root: Element, namespace: string, name: string): Element {
  if (root.namespaceURI !== namespace || root.localName !== name) {
    throw new SamlError('saml-malformed', `a ${name} expected`);
  }
  return root;
}

const isElement = (node: Node): node is Element => node.nodeType === 1;

function childrenOf(parent: Element, namespace: string, name: string): Element[] {
  return Array.from(parent.childNodes).filter(
    (node): node is Element =>
      isElement(node) && node.namespaceURI === namespace && node.localName === name,
  );
}

/** The one child of that name; none or two are refused, because a second reader might pick the other. */
function only(parent: Element, namespace: string, name: string): Element {
  const [first, second] = childrenOf(parent, namespace, name);
  if (first === undefined || second !== undefined) {
    throw new SamlError('saml-malformed', `exactly one ${name} expected in ${parent.localName}`);
  }
  return first;
}

/** Text of an element that holds nothing but text. */
function textOf(element: Element): string {
  if (Array.from(element.childNodes).some((node) => node.nodeType !== 3)) {
    throw new SamlError('saml-malformed', `${element.localName} holds more than text`);
  }
  return element.textContent;
}

function* elementsOf(root: Element): Generator<Element> {
  const stack: Element[] = [root];
  for (let element = stack.pop(); element !== undefined; element = stack.pop()) {
    yield element;
    for (const child of Array.from(element.childNodes)) if (isElement(child)) stack.push(child);
  }
}
