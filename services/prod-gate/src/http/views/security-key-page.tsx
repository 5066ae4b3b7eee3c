import { approvalNamespace, enrolmentNamespace } from '@airlock/common/constants';
import { Button } from '@airlock/web/views/button';
import { Card } from '@airlock/web/views/card';
import { CodeBlock } from '@airlock/web/views/code-block';
import { PostForm, TextField } from '@airlock/web/views/form';
import { Layout, type Frame } from '@airlock/web/views/layout';
import { PasskeyForm } from '@airlock/web/views/passkey-form';

/** One line that signs exactly these bytes: nothing is added to them by a shell or an editor. */
const signLine = (text: string, namespace: string): string =>
  `echo ${Buffer.from(text).toString('base64')} | base64 -d | ssh-keygen -Y sign -n ${namespace} -f ~/.ssh/id_ed25519_sk`;

/** The statement, the command that signs it, and a place for what the command prints. */
export function SignWithSecurityKeyPage({
  frame,
  id,
  nonce,
  statement,
}: {
  readonly frame: Frame;
  readonly id: string;
  readonly nonce: string;
  readonly statement: string;
}) {
  const promotion = `/promotions/${id}`;
  return (
    <Layout
      frame={frame}
      title="Approve with a security key"
      breadcrumbs={[
        { label: 'Queue', href: '/queue' },
        { label: id, href: promotion },
        { label: 'Security key' },
      ]}
    >
      <Card title="1. Read what you sign">
        <CodeBlock label="What you sign" wrap>
          {statement}
        </CodeBlock>
        <p class="small muted">
          The digest in it is the SHA-256 of{' '}
          <a href={`${promotion}/document.json`}>this document</a>, which says everything that the
          delivery would do.
        </p>
      </Card>
      <Card title="2. Sign it within five minutes">
        <CodeBlock label="Command" wrap>
          {signLine(statement, approvalNamespace)}
        </CodeBlock>
        <p class="small muted">
          Name your own key after -f. It asks for its PIN or your finger, and for a touch.
        </p>
      </Card>
      <Card title="3. Hand the signature in" emphasis>
        <PostForm action={`${promotion}/ssh/approve`} csrfToken={frame.csrfToken}>
          <input type="hidden" name="nonce" value={nonce} />
          <Signature />
          <TextField label="Note (shown to the others)" name="note" maxLength={500} />
          <Button kind="primary" icon="key">
            Approve
          </Button>
        </PostForm>
      </Card>
    </Layout>
  );
}

export function EnrolSecurityKeyPage({
  frame,
  challenge,
  text,
  needsVouch,
}: {
  readonly frame: Frame;
  readonly challenge: string;
  readonly text: string;
  /** Whether the browser has a passkey in force sign for the key. */
  readonly needsVouch: boolean;
}) {
  const fields = (
    <>
      <input type="hidden" name="challenge" value={challenge} />
      <TextField
        label="Name"
        name="label"
        hint="So that you know it again."
        required
        maxLength={60}
      />
      <TextField
        label="Public key"
        name="publicKey"
        hint="The line of the .pub file; it begins with sk-."
        required
        maxLength={1024}
      />
      <Signature />
      <Button kind="primary" icon="key">
        Add this key
      </Button>
    </>
  );
  return (
    <Layout
      frame={frame}
      title="Add a security key"
      scripts={needsVouch ? ['passkey.js'] : []}
      breadcrumbs={[{ label: 'You', href: '/me' }, { label: 'Security key' }]}
    >
      <Card title="1. Make one, if you have none">
        <CodeBlock label="Command" wrap>
          ssh-keygen -t ed25519-sk -O verify-required
        </CodeBlock>
        <p class="small muted">
          A key that lies in a file is refused: whoever reads the file could approve.
        </p>
      </Card>
      <Card title="2. Show within five minutes that you hold it">
        <CodeBlock label="Command" wrap>
          {signLine(text, enrolmentNamespace)}
        </CodeBlock>
      </Card>
      <Card title="3. Hand it in" emphasis>
        {needsVouch ? (
          <PasskeyForm
            purpose="enrol-key"
            optionsUrl="/api/v1/me/security-keys/vouch"
            finishUrl="/api/v1/me/security-keys"
            doneUrl="/me"
            csrfToken={frame.csrfToken}
          >
            <p class="small muted">
              You have a passkey in force: the browser asks for it, to vouch for this key.
            </p>
            {fields}
          </PasskeyForm>
        ) : (
          <PostForm action="/me/security-keys" csrfToken={frame.csrfToken}>
            {fields}
          </PostForm>
        )}
      </Card>
    </Layout>
  );
}

const Signature = () => (
  <TextField
    label="Signature"
    name="signature"
    hint="What the command printed, from BEGIN to END SSH SIGNATURE."
    multiline
    required
    maxLength={16384}
  />
);
