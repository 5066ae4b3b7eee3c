import { Button } from './button.tsx';
import { Layout, signInUrl, type Frame } from './layout.tsx';

/** Where signing out ends: the first page would send the browser to the identity provider, which signs in again unasked. */
export function SignedOutPage({ frame }: { readonly frame: Frame }) {
  return (
    <Layout frame={frame} title="You are signed out">
      <p>The session has ended here. Your identity provider may still know you in this browser.</p>
      <p>
        <Button href={signInUrl('/')} kind="primary" icon="sign-in">
          Sign in
        </Button>
      </p>
    </Layout>
  );
}
