import { z } from 'zod';

/** A duration such as `90s`, `5m`, `24h`, `14d`; becomes seconds. */
export const Duration = z
  .string()
  .regex(/^[1-9]\d{0,5}[smhd]$/, 'expected a number and one of s, m, h, d, such as 24h')
  .transform((text) => {
    const unit = { s: 1, m: 60, h: 3600, d: 86_400 }[text.slice(-1)] ?? 1;
    return Number(text.slice(0, -1)) * unit;
  });
