import assert from 'node:assert/strict';
import { test } from 'node:test';
import { verifyAuthenticationResponse, verifyRegistrationResponse } from '@simplewebauthn/server';
import { createSoftwarePasskey, restoreSoftwarePasskey } from './software-passkey.ts';

const relyingParty = { rpId: 'gate.localhost', origin: 'http://gate.localhost:1' };
const challenge = Buffer.from('a challenge').toString('base64url');

test('an independent verifier accepts its registration and its assertions, also after it was stored', async () => {
  const passkey = createSoftwarePasskey(relyingParty);
  const { verified, registrationInfo } = await verifyRegistrationResponse({
    response: passkey.register(challenge),
    expectedChallenge: challenge,
    expectedOrigin: relyingParty.origin,
    expectedRPID: relyingParty.rpId,
    requireUserVerification: true,
  });
  assert.ok(verified);
  const assertion = await verifyAuthenticationResponse({
    response: restoreSoftwarePasskey(passkey.serialize()).assert(challenge),
    expectedChallenge: challenge,
    expectedOrigin: relyingParty.origin,
    expectedRPID: relyingParty.rpId,
    requireUserVerification: true,
    credential: registrationInfo.credential,
  });
  assert.equal(assertion.verified, true);
  assert.equal(assertion.authenticationInfo.newCounter, 2);
});
