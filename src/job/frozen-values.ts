import { z } from 'zod';
import { commentFault } from '../comment.ts';
import { type Moment, resolveMoment } from './values.ts';

/**
 * What a frozen job holds where that is not what a person writes: the other side of `values.ts`. A ledger may come from anybody, so each says what
 * it takes.
 */

const LONGEST = 256;

export const TEXT = z.string();
export const TEXTS = z.array(z.string()).readonly();
/** Both go into the address that a token is asked from. */
export const TENANT = z
  .string()
  .max(LONGEST)
  .regex(/^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*$/);
export const CLIENT = z
  .string()
  .max(LONGEST)
  .regex(/^[A-Za-z0-9._-]+$/);
export const COMMENT = z.string().refine((text) => commentFault(text) === undefined);
export const ABOVE_ZERO = z.number().positive();
export const NOT_NEGATIVE = z.number().min(0);
export const WINDOWS = z
  .array(z.object({ calls: z.int().positive(), perMs: ABOVE_ZERO }))
  .min(1)
  .readonly();
export const FAILURE_LIMIT = z.union([
  z.object({ percent: z.number().min(0).max(100) }),
  z.object({ count: z.int().min(0) }),
]);
/** An ISO time, UTC: ages are resolved when the job is frozen. */
export const AS_MOMENT = {
  as: z.iso.datetime(),
  freeze: (moment: Moment, nowMs: number): string => resolveMoment(moment, nowMs),
  thaw: (iso: string): Moment => ({ iso }),
};
