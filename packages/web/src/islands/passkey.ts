/**
 * Carries out forms marked `data-passkey`: asks the server for options, the browser for the passkey, and hands the answer in.
 * Whatever happens is said in the form's `role=status` element. The contract is in views/passkey-form.tsx.
 */
import {
  startAuthentication,
  startRegistration,
  WebAuthnError,
  type PublicKeyCredentialCreationOptionsJSON,
  type PublicKeyCredentialRequestOptionsJSON,
} from '@simplewebauthn/browser';

interface EnrolOptions {
  readonly options: PublicKeyCredentialCreationOptionsJSON;
  readonly challenge: string;
  /** Whether a passkey in force signs for the new one. */
  readonly needsVouch?: boolean;
}
interface VouchOptions {
  readonly options: PublicKeyCredentialRequestOptionsJSON;
  readonly nonce: string;
}
interface ApproveOptions {
  readonly options: PublicKeyCredentialRequestOptionsJSON;
  readonly nonce: string;
  readonly statement: string;
  readonly promotionDigest: string;
}

/** A message for the person; everything else that is thrown is an accident. */
class Refused extends Error {}

async function post(
  form: HTMLFormElement,
  url: string | undefined,
  body: object,
): Promise<unknown> {
  if (url === undefined) throw new Error('the form lacks an address');
  const response = await fetch(url, {
    method: 'POST',
    credentials: 'same-origin',
    redirect: 'error',
    headers: {
      accept: 'application/json',
      'content-type': 'application/json',
      'x-csrf-token': form.dataset['csrf'] ?? '',
    },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  if (response.ok) return text === '' ? null : (JSON.parse(text) as unknown);
  throw new Refused(problemText(text, response.status));
}

/** The words of an RFC 9457 problem document, or a sentence of our own when it is none. */
function problemText(text: string, status: number): string {
  try {
    const problem = JSON.parse(text) as unknown;
    if (typeof problem === 'object' && problem !== null) {
      const told = 'detail' in problem ? problem.detail : 'title' in problem ? problem.title : null;
      if (typeof told === 'string') return told;
    }
  } catch {
    // Not JSON: a proxy's page, which is not worth showing.
    return `The server answered with status ${status}. Load the page again and retry.`;
  }
  return `The server answered with status ${status}. Load the page again and retry.`;
}

function field(form: HTMLFormElement, name: string): string {
  const value = new FormData(form).get(name);
  return typeof value === 'string' ? value.trim() : '';
}

async function enrol(form: HTMLFormElement, say: (text: string) => void): Promise<void> {
  say('Asking the server…');
  const label = field(form, 'label');
  // Our own server's answer to our own request; a wrong shape fails in the browser's own checks.
  const begun = (await post(form, form.dataset['optionsUrl'], {})) as EnrolOptions;
  const { options, challenge, needsVouch } = begun;
  say('Follow your browser: it makes the passkey and asks for your finger, face or PIN.');
  const answer = await startRegistration({ optionsJSON: options });
  const vouched =
    needsVouch === true
      ? { vouch: await vouch(form, form.dataset['vouchUrl'], { challenge, answer }, say) }
      : {};
  say('Storing the passkey…');
  await post(form, form.dataset['finishUrl'], { challenge, label, answer, ...vouched });
}

/** A passkey that the person has already signs for the new one: its id is in what the server gives to sign. */
async function vouch(
  form: HTMLFormElement,
  url: string | undefined,
  body: object,
  say: (text: string) => void,
): Promise<{ nonce: string; answer: unknown }> {
  say('Now a passkey that you have already: it vouches for the new one.');
  // As above.
  const { options, nonce } = (await post(form, url, body)) as VouchOptions;
  return { nonce, answer: await startAuthentication({ optionsJSON: options }) };
}

async function enrolKey(form: HTMLFormElement, say: (text: string) => void): Promise<void> {
  const fields = ['challenge', 'label', 'publicKey', 'signature'];
  const given = Object.fromEntries(fields.map((name) => [name, field(form, name)]));
  const body = { publicKey: field(form, 'publicKey') };
  const vouched = await vouch(form, form.dataset['optionsUrl'], body, say);
  say('Storing the key…');
  await post(form, form.dataset['finishUrl'], { ...given, vouch: vouched });
}

async function approve(form: HTMLFormElement, say: (text: string) => void): Promise<void> {
  say('Asking for the statement to sign…');
  const note = field(form, 'note');
  // As above.
  const ceremony = (await post(form, form.dataset['optionsUrl'], {})) as ApproveOptions;
  const shown = form.dataset['promotionDigest'];
  // What was read on this page is what gets signed, or nothing does.
  if (shown !== undefined && shown !== ceremony.promotionDigest) {
    throw new Refused(
      'It changed while you were reading, so nothing was signed. Load the page again and look at what changed.',
    );
  }
  const box = form.querySelector('[data-statement]');
  if (box !== null) box.textContent = ceremony.statement;
  say('Follow your browser: your passkey signs the statement.');
  const answer = await startAuthentication({ optionsJSON: ceremony.options });
  say('Handing the approval in…');
  await post(form, form.dataset['finishUrl'], { nonce: ceremony.nonce, note, answer });
}

function sentence(error: unknown): string {
  if (error instanceof Refused) return error.message;
  if (
    error instanceof WebAuthnError &&
    error.code === 'ERROR_AUTHENTICATOR_PREVIOUSLY_REGISTERED'
  ) {
    return 'This device has a passkey here already; use that one, or take another device.';
  }
  switch (error instanceof Error ? error.name : '') {
    case 'NotAllowedError':
    case 'AbortError':
      return 'The passkey was not used: it was cancelled, or time ran out. Nothing was recorded; try again.';
    case 'SecurityError':
      return `The browser allows no passkeys at ${location.host}. Open the site under its own name, not by an IP address.`;
    case 'TypeError':
      return 'The server could not be reached. Nothing is known to be recorded; load the page again and look.';
    default:
      return `The passkey did not work: ${error instanceof Error ? error.message : String(error)}`;
  }
}

async function carryOut(form: HTMLFormElement): Promise<void> {
  if (form.getAttribute('aria-busy') === 'true') return;
  const status = form.querySelector('[role=status]');
  const say = (text: string): void => {
    if (status !== null) status.textContent = text;
  };
  if (!('PublicKeyCredential' in window)) {
    say('This browser offers no passkeys here. It takes https, or a host name under localhost.');
    return;
  }
  const buttons = form.querySelectorAll('button');
  form.setAttribute('aria-busy', 'true');
  status?.classList.remove('tone-bad');
  for (const button of buttons) button.disabled = true;
  try {
    const purpose = form.dataset['passkey'];
    const carried = purpose === 'enrol' ? enrol : purpose === 'enrol-key' ? enrolKey : approve;
    await carried(form, say);
    say('Done.');
    location.assign(form.dataset['doneUrl'] ?? location.href);
  } catch (error) {
    status?.classList.add('tone-bad');
    say(sentence(error));
    for (const button of buttons) button.disabled = false;
  } finally {
    form.removeAttribute('aria-busy');
  }
}

for (const form of document.querySelectorAll<HTMLFormElement>('form[data-passkey]')) {
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    void carryOut(form);
  });
}
