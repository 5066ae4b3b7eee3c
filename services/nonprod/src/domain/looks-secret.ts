/** Whether a value that everybody will read looks like one that nobody should. */

/** Beginnings that issuers chose so that their secrets are found, and forms that hold one. */
const forms: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN [A-Z0-9 ]*PRIVATE KEY/, 'a private key (PEM)'],
  [/\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/, 'an access key of AWS'],
  [/\bgh[pousr]_[A-Za-z0-9]{20,}|\bgithub_pat_\w{20,}/, 'a token of GitHub'],
  [/\bglpat-[\w-]{16,}/, 'a token of GitLab'],
  [/\bxox[abeoprs]-[\w-]{10,}/, 'a token of Slack'],
  [/\bAIza[\w-]{30,}/, 'an API key of Google'],
  [/\b[rs]k_(?:live|test)_\w{16,}/, 'a key of Stripe'],
  [/\bnpm_[A-Za-z0-9]{30,}/, 'a token of npm'],
  [/\bpypi-[\w-]{20,}/, 'a token of PyPI'],
  [/\bdckr_pat_[\w-]{16,}/, 'a token of Docker Hub'],
  [/\bhv[bs]\.[\w-]{20,}/, 'a token of Vault'],
  [/\balk_[\w-]{43}/, 'a token of this service'],
  [/\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\./, 'a JSON Web Token'],
  [/\b[a-z][a-z0-9+.-]*:\/\/[^\s/:@]+:[^\s/@]+@/i, 'an address with a password'],
];

const secretName =
  /(?:^|_)(?:PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|API_?KEY|PRIVATE_KEY|ACCESS_KEY|CREDENTIALS?)$/;
const shortest = 20;
const shortestHex = 32;
/** Bits a character: random base64 of 20 characters has 4.1 on average, words of a language have fewer than 4. */
const leastEntropy = 3.9;
const leastHexEntropy = 3;

/** What it looks like, as words that follow "looks like"; null: nothing that is known. */
export function looksSecret(name: string, value: string): string | null {
  const known = forms.find(([form]) => form.test(value));
  if (known !== undefined) return known[1];
  if (secretName.test(name) && value !== '') return `a secret by its name, ${name}`;
  // Digests are no secrets, and say what they are.
  const text = value.replaceAll(/\bsha(?:1|256|512)[:-][A-Za-z0-9+/=]+/g, ' ');
  return (text.match(/[A-Za-z0-9+/_-]+=*/g) ?? []).some(isRandom)
    ? 'something random, as keys and passwords are'
    : null;
}

function isRandom(word: string): boolean {
  if (/^[0-9a-f]+$/i.test(word) && /[a-f]/i.test(word)) {
    return word.length >= shortestHex && entropyOf(word.toLowerCase()) >= leastHexEntropy;
  }
  const kinds = [/[a-z]/, /[A-Z]/, /[0-9]/].every((kind) => kind.test(word));
  return kinds && word.length >= shortest && entropyOf(word) >= leastEntropy;
}

/** Shannon's, in bits a character. */
function entropyOf(text: string): number {
  const counts = new Map<string, number>();
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1);
  return [...counts.values()].reduce((sum, count) => {
    const share = count / text.length;
    return sum - share * Math.log2(share);
  }, 0);
}
