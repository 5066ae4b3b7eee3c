import type { PromotionFacts } from './verdict.ts';

export const now = new Date('2026-11-22T10:00:00Z');
const hookDigest = 'a'.repeat(64);

/** Facts with nothing against them. */
export const good: PromotionFacts = {
  now,
  promotion: {
    id: 'prm_0000000000',
    target: 'prod-eu',
    release: '2026.11.22-1',
    state: 'waiting',
    expiresAt: new Date('2026-11-22T10:00:01Z'),
    repository: 'https://git.example/org/app',
    mainPosition: 10,
    artifactDigest: 'b'.repeat(64),
    hook: `load-release@sha256:${hookDigest}`,
    promotionDigest: 'c'.repeat(64),
  },
  underOwnDelivery: false,
  targetKnown: true,
  returning: null,
  changed: { policy: false, roster: false, editors: false, base: null, fields: [] },
  hookDigest,
  artifactPresent: true,
  bundle: { ok: true },
  builders: {
    need: 1,
    listed: 0,
    count: { have: 1, agreeing: [], differing: [], discounted: [], silent: [] },
  },
  windowClosed: null,
  cooling: null,
  breakGlass: null,
  unmappedEmails: [],
  unmappedEditors: [],
  approvals: {
    have: 2,
    need: 2,
    rules: [{ role: 'release-manager', count: 2, filledBy: ['Leo', 'Mira'], helpful: [] }],
    enough: [],
    editors: [],
    counting: ['leo', 'mira'],
    discounted: [],
    eligible: [],
  },
  rejectedBy: null,
  freeze: null,
  busy: null,
  pendingSession: null,
  live: { release: '2026.11.20-4', mainPosition: 7 },
  liveDiffers: null,
  ledgerFault: null,
  configurationFault: null,
  ledgerFreeze: null,
  stops: [],
  emergencyStop: null,
};
