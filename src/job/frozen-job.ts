import { z } from 'zod';
import { commentFault } from '../comment.ts';
import { isLedgerJobName } from './ledger-name.ts';
import { SETTINGS } from './settings.ts';

const texts = z.array(z.string()).readonly();
const positive = z.number().positive();
const { auth, cloud, region, quotaRoutes, screen, concurrency, maxActions, first, strictInput } = SETTINGS;
/** Both go into the address that a token is asked from. */
const TENANT = /^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*$/;
const CLIENT = /^[A-Za-z0-9._-]+$/;
const LONGEST = 256;

const comment = z.string().refine((text) => commentFault(text) === undefined);

const filter = z.object({
  type: texts,
  status: texts,
  requestor: texts,
  machine: texts,
  createdAfter: z.iso.datetime().optional(),
  createdBefore: z.iso.datetime().optional(),
  commentContains: z.string().optional(),
});

/** A frozen job as JSON gives it back: what was undefined is missing. Keys that a later version added are left out. */
export const frozenJobSchema = z.object({
  name: z.string().refine(isLedgerJobName),
  tenant: z.string().max(LONGEST).regex(TENANT),
  clientId: z.string().max(LONGEST).regex(CLIENT),
  auth: z.object({ kind: auth.value.optional() }),
  api: z.object({
    cloud: cloud.value,
    region: region.value.optional(),
    url: z.string().optional(),
    authorityUrl: z.string().optional(),
    allowHosts: texts,
  }),
  source: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('file'), path: z.string(), column: z.string().optional() }),
    z.object({ kind: z.literal('stdin'), path: z.string().optional(), column: z.string().optional() }),
    z.object({ kind: z.literal('query'), query: filter }),
  ]),
  comment: comment.optional(),
  ledger: z.string(),
  quota: z.object({
    windows: z
      .array(z.object({ calls: z.int().positive(), perMs: positive }))
      .min(1)
      .readonly(),
    share: positive.max(1),
    routes: quotaRoutes.value,
  }),
  concurrency: concurrency.value,
  guards: z.object({
    onlyType: texts,
    onlyRequestor: texts,
    onlyMachine: texts,
    createdAfter: z.iso.datetime().optional(),
    createdBefore: z.iso.datetime().optional(),
    maxActions: maxActions.value.optional(),
    maxFailures: z.union([z.object({ percent: z.number().min(0).max(100) }), z.object({ count: z.int().min(0) })]),
    first: first.value.optional(),
    maxDurationMs: positive.optional(),
  }),
  patienceMs: positive,
  screen: screen.value,
  confirmForMs: z.number().min(0),
  strictInput: strictInput.value,
  planMaxAgeMs: positive,
  keepLedgersMs: positive.optional(),
  metricsFile: z.string().optional(),
});

/** What is wrong with a frozen job that was read, completing "job …", by the key that does not fit; undefined when nothing is. */
export function frozenJobFault(value: unknown): string | undefined {
  const { error } = frozenJobSchema.safeParse(value);
  if (error === undefined) return undefined;
  const key = error.issues[0]?.path.join('.') ?? '';
  return `is none that this version can read${key === '' ? '' : `: ${key} is missing or does not fit`}`;
}
