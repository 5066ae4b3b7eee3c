import type { ComponentChildren } from 'preact';

/**
 * A form that passkey.js carries out: `enrol` a new passkey (field `label`), `enrol-key` what the fields say and a passkey
 * vouches for, or `approve` with one (field `note`).
 *
 * The script posts `{}` to `optionsUrl`, asks the browser for the passkey, posts the answer to `finishUrl` and opens `doneUrl`:
 * - enrol: `{options, challenge, needsVouch}` in, `{challenge, label, answer, vouch?}` out; where `needsVouch`, it posts
 *   `{challenge, answer}` to `vouchUrl` first and has a second passkey sign: `{options, nonce}` in, `vouch: {nonce, answer}` out;
 * - enrol-key: posts the field `publicKey` to `optionsUrl`: `{options, nonce}` in, all fields and `vouch` out;
 * - approve: `{options, nonce, statement, promotionDigest}` in, `{nonce, note, answer}` out.
 * Progress and faults appear in words below the fields.
 */
export function PasskeyForm({
  purpose,
  optionsUrl,
  finishUrl,
  doneUrl,
  csrfToken,
  vouchUrl,
  promotionDigest,
  children,
}: {
  readonly purpose: 'enrol' | 'enrol-key' | 'approve';
  readonly optionsUrl: string;
  readonly finishUrl: string;
  readonly doneUrl: string;
  readonly csrfToken: string;
  /** Where one in force is asked for, to sign for a new one. */
  readonly vouchUrl?: string;
  /** What the page showed; a statement over any other digest is not signed and the person is told to load the page again. */
  readonly promotionDigest?: string;
  /** Fields and the submit button; a `CodeBlock` with `slot="statement"` is filled with the text that is being signed. */
  readonly children: ComponentChildren;
}) {
  return (
    <form
      class="form"
      method="post"
      autocomplete="off"
      data-passkey={purpose}
      data-options-url={optionsUrl}
      data-finish-url={finishUrl}
      data-done-url={doneUrl}
      data-csrf={csrfToken}
      {...(vouchUrl === undefined ? {} : { 'data-vouch-url': vouchUrl })}
      {...(promotionDigest === undefined ? {} : { 'data-promotion-digest': promotionDigest })}
    >
      {children}
      <p class="form-status" role="status" />
      <noscript>
        <p class="small muted">
          A browser hands out passkeys to scripts only. Switch JavaScript on for this site, or use
          the command line.
        </p>
      </noscript>
    </form>
  );
}
