import { z } from 'zod';
import { SETTINGS } from './settings.ts';

const texts = z.array(z.string()).readonly();
const positive = z.number().positive();
const { auth, cloud, region, quotaRoutes, screen } = SETTINGS;

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
  name: z.string(),
  tenant: z.string(),
  clientId: z.string(),
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
  comment: z.string().optional(),
  ledger: z.string(),
  quota: z.object({
    windows: z.array(z.object({ calls: positive, perMs: positive })).readonly(),
    share: positive,
    routes: quotaRoutes.value,
  }),
  concurrency: positive,
  guards: z.object({
    onlyType: texts,
    onlyRequestor: texts,
    onlyMachine: texts,
    createdAfter: z.iso.datetime().optional(),
    createdBefore: z.iso.datetime().optional(),
    maxActions: positive.optional(),
    maxFailures: z.union([z.object({ percent: z.number() }), z.object({ count: z.number() })]),
    first: z.number().min(0).optional(),
    maxDurationMs: positive.optional(),
  }),
  patienceMs: positive,
  screen: screen.value,
  confirmForMs: z.number().min(0),
  strictInput: z.boolean(),
  planMaxAgeMs: positive,
  keepLedgersMs: positive.optional(),
  metricsFile: z.string().optional(),
});
