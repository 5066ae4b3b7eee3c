/** Who is trusted with what: the table of docs/trust.md, written from there by tests/docs/trust-sentences.test.ts. */
export const trustedProcesses: readonly {
  readonly name: string;
  readonly holds: string;
  readonly can: string;
  readonly cannot: string;
}[] = [
  {
    name: 'nonprod/web',
    holds:
      "developers' sessions, the runner API, the online authority of the runner edge, webhook secrets and the key that makes them, the low-value secrets of builds and the way to the keeper of their key",
    can: "start and stop builds, have other files built, of which nothing is then signed, lie to developers, ask for promotions in others' names, read every low-value secret",
    cannot:
      "have anything signed but what a pinned runner built of the files that main's commit names; reach the gate, deliver",
  },
  {
    name: 'nonprod/scheduler',
    holds:
      "the queue of runs, the way to the signer's socket, the addresses and logins of the channels by which people are told, tokens that list what organisations at forges have",
    can: 'have other commands run on a runner, of which nothing is then signed; hold runs and promotions back; tell people what is not so, or nothing',
    cannot:
      "have anything signed but what a pinned runner attests of the plan that main's files make; approve, deliver",
  },
  {
    name: 'nonprod/outbox',
    holds: 'a read-only view of what the gate may pull',
    can: 'withhold or repeat items, which the hash chain shows; guess at low-value secrets by marks that it asks for',
    cannot: 'forge an item that passes admission, open a connection to the gate',
  },
  {
    name: 'runner/agent',
    holds:
      'a client certificate, its attestation key, one workspace at a time, the secrets of the steps that run in it',
    can: "attest bytes of its own for a commit of main, under its own name; read what steps of its pool's jobs may read of low-value secrets",
    cannot:
      'sign provenance, attest for a builder that its key is not pinned for, reach a database, Redis, the signer or the gate, outlive its lease',
  },
  {
    name: 'runner/airlock-runner',
    holds:
      'nothing of its own: it becomes join, agent or selftest, whichever its first word names, in the same process and under the same account',
    can: 'what that one can',
    cannot: 'what that one cannot; choose for somebody else which of the three it becomes',
  },
  {
    name: 'runner/join',
    holds: 'a token for one enrolment, and for a moment the private key that it makes',
    can: 'have its machine enrolled as a runner of that pool, where nobody has to accept it',
    cannot: 'enrol twice, choose another pool, reach a job',
  },
  {
    name: 'runner/selftest',
    holds: 'what the account that starts it may read; no key, no token, no connection',
    can: 'say of this machine that its sandbox holds',
    cannot: 'have a runner take work: the agent makes the same test for itself',
  },
  {
    name: 'hook-relay/relay',
    holds: 'the secrets of the webhooks that it takes, and what waits to be fetched',
    can: 'forge, hold back and repeat hints that a repository changed; say falsely whose a pull request is',
    cannot: 'open a connection to nonprod, move a commit, have anything signed',
  },
  {
    name: 'signer/signer',
    holds: 'the builder keys, the test and the promotion key',
    can: 'state that any bytes were built from a commit on main',
    cannot:
      'make the gate take a commit that is not on main, or another plan than its files make; approve, deliver',
  },
  {
    name: 'rebuilder/rebuilder',
    holds: 'its own builder key, its own mirror of main, a sandbox',
    can: 'say that a build was or was not reproduced, which holds a promotion or lets one pass that the main builder made',
    cannot:
      'make bytes pass that the main builder did not sign, approve, reach nonprod, a database or Vault',
  },
  {
    name: 'prod-gate/intake',
    holds:
      "the gate's certificate towards non-prod, its git mirror, the marks of nonprod's secrets, the addresses and logins of the channels by which people are told",
    can: 'admit nothing unsigned; hold back or repeat what it pulled; say of a commit that main has it, in the mirror that authority and deliverer read; say falsely when it came, that a frozen main was released, or that a newer configuration was in force; tell people what is not so, or nothing',
    cannot: 'approve, mint a login, reach Vault, run a hook',
  },
  {
    name: 'prod-gate/web',
    holds: "release managers' sessions",
    can: "show one thing while another is signed, drop approvals and rebuilders' answers, start by hand what approvals permit, hold decisions back by files of its own",
    cannot:
      'enrol a passkey that counts (the signed roster lists those), mint a login, reach Vault, run a hook',
  },
  {
    name: 'prod-gate/authority',
    holds: "the key that mints a delivery's one login, the attestation key",
    can: "mint logins for targets at Vault's mounts; sign a false summary or statement, which the ledger then shows",
    cannot: 'listen on a network, reach Vault or a target by itself',
  },
  {
    name: 'prod-gate/deliverer',
    holds: "one delivery's token and credential while its hook runs",
    can: 'misuse that one credential until it dies (and one more of the same promotion, where the hook may run again), and say of that delivery how it ended; stop the gate in the name of any person',
    cannot:
      'log in to Vault without the authority, keep a credential, approve, rewrite the ledger unseen',
  },
  {
    name: 'prod-gate/watchdog',
    holds: 'the ledger key, a Vault identity that can only revoke',
    can: 'sign a false checkpoint, revoke living credentials',
    cannot: 'read a credential, deliver, approve',
  },
];
