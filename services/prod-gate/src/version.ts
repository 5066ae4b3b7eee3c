/** Version of this service, as its pages and its attestations name it. */
export const gateVersion = '0.1.0';
