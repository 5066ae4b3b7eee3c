import { VerdictBanner } from '@airlock/web/views/verdict-banner';
import type { RepositoryFreeze } from '../../app/promotion-ports.ts';
import { ledgerFreeze } from '../../domain/ledger-freeze.ts';
import { plain } from './words.ts';

/** Says what is frozen and who lifts it. Outboxes and the ledger stand in the same list as repositories. */
export function FreezeBanner({ freeze }: { readonly freeze: RepositoryFreeze }) {
  if (freeze.repository === ledgerFreeze) {
    return (
      <VerdictBanner
        kind="system"
        icon="stop"
        title="A witness contradicts the ledger."
        text={`${plain(freeze.reason)}. Nothing is delivered until platform and security have compared the checkpoints that people kept and lifted the freeze.`}
      />
    );
  }
  const remedy = freeze.repository.startsWith('outbox:')
    ? 'somebody of platform lifts the freeze'
    : 'the administrators write the main that counts into acceptedMains of roster.yaml';
  return (
    <VerdictBanner
      kind="fix"
      icon="stop"
      title={`${plain(freeze.repository)} is frozen.`}
      text={`${plain(freeze.reason)}. Nothing of it is taken in or delivered until ${remedy}.`}
    />
  );
}
