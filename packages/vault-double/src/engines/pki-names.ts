/** Which names a PKI role lets into a certificate. */
export type NameRules = {
  allowed_domains: readonly string[];
  allow_any_name: boolean;
  allow_bare_domains: boolean;
  allow_subdomains: boolean;
  allow_localhost: boolean;
  enforce_hostnames: boolean;
  allow_wildcard_certificates: boolean;
};

const hostname =
  /^(?:\*\.)?[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*$/;

export function isNameAllowed(rules: NameRules, name: string): boolean {
  if (rules.enforce_hostnames && !hostname.test(name)) return false;
  if (!rules.allow_wildcard_certificates && name.includes('*')) return false;
  if (rules.allow_any_name) return true;
  if (rules.allow_localhost && name === 'localhost') return true;
  return rules.allowed_domains.some(
    (domain) =>
      (rules.allow_bare_domains && name === domain) ||
      (rules.allow_subdomains && name.endsWith(`.${domain}`)),
  );
}
