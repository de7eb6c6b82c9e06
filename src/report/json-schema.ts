import { z } from 'zod';
import { EXIT_CODES } from '../exit-codes.ts';
import { DECISION_NAMES } from '../ledger/decisions.ts';
import { OUTCOME_NAMES } from '../ledger/outcomes.ts';
import { ORDERS, type RejectReason, ROUTES } from '../ledger/record.ts';
import { RUN_STATES } from './facts/run-status.ts';
import type { MergedDocument, SummaryDocument } from './json.ts';

const count = z.int().min(0);
const time = z.iso.datetime().describe('ISO 8601, UTC');
const command = z
  .string()
  .nullable()
  .describe('the command that continues it, ready to paste; null where there is none');
const exitCode = z.literal(Object.keys(EXIT_CODES).map(Number)).describe('see docs/operations.md');
const REJECT_REASONS = ['not-an-id', 'bad-row', 'duplicate'] as const satisfies readonly RejectReason[];

const counts = z
  .partialRecord(z.enum(OUTCOME_NAMES), count)
  .describe('actions by their last outcome; what is 0 is left out');
const left = z
  .strictObject({
    accepted: count.describe('cancel accepted, end not seen yet'),
    inDoubt: count.describe('sent, and no answer that can be relied on'),
    again: count.describe('to be tried again'),
    notCalled: count,
  })
  .describe('actions without an outcome: with counts they make up admitted');
const integrity = z.strictObject({
  intact: z.boolean(),
  records: count,
  line: count.exactOptional().describe('the first line that does not fit; what stands before it is reported'),
});
const ledger = {
  run: z.string().describe('UUID; empty for a ledger without a run'),
  ledger: z.string().describe('path'),
  head: z.string().describe('the last chain value, 32 hex digits; empty for a ledger without a record'),
  tenant: z.string(),
  integrity,
};
const ended = exitCode.nullable().describe('null for a run that is running or was killed');
const duration = count.describe(
  'how long the last session took, to its last record; of several ledgers added up. The text says it beside the work of all sessions together',
);
const totals = {
  counts,
  admitted: count,
  left,
  rejected: z
    .partialRecord(z.enum(REJECT_REASONS), count)
    .describe(
      'rejected rows of the source; what is 0 is left out. Each with its line and text is a `reject` record of the ledger',
    ),
  calls: z.record(z.enum(ROUTES), count),
  needsRelease: count.describe('isolations in effect, which only a release undoes'),
  durationMs: duration,
  exitCode: ended,
  decisions: z.record(z.enum(DECISION_NAMES), count).exactOptional().describe('of a plan'),
  forecast: z
    .strictObject({
      endsAt: time,
      calls: count.exactOptional(),
      startsAt: time.exactOptional(),
      quarters: z.array(z.strictObject({ part: z.number(), at: time })).exactOptional(),
      order: z
        .strictObject({ by: z.enum(ORDERS), firstMinute: count, firstHour: count, later: count })
        .exactOptional()
        .describe(
          'the order of the cancels, and how many of them fall into the first minute, the hour after it, and later',
        ),
    })
    .nullable()
    .describe(
      'when it is over, if it goes on now, under the quota that is left; of a plan also by quarters. Null for what is over',
    ),
};

const run = z.strictObject({
  ...ledger,
  comment: z.string().nullable(),
  ...totals,
  startedAt: time.nullable().describe('null for a plan'),
  endedAt: time.nullable().describe('null while work is left'),
  next: command,
}) satisfies z.ZodType<SummaryDocument>;

const runs = z.strictObject({
  ledgers: z.array(z.strictObject({ ...ledger, durationMs: duration, exitCode: ended })),
  ...totals,
}) satisfies z.ZodType<MergedDocument>;

const ofQueue = 'only with a store that has a queue';
const status = z.strictObject({
  runs: z.array(
    z.strictObject({
      name: z.string(),
      ledger: z.string(),
      tenant: z.string().nullable(),
      state: z.enum(RUN_STATES),
      holder: z
        .strictObject({ pid: z.int(), host: z.string(), since: z.string() })
        .nullable()
        .describe('the process that works on it'),
      admitted: count,
      counts,
      left,
      needsReview: count,
      forecast: z.strictObject({ endsAt: time }).nullable().describe('when it would be over if it went on now'),
      integrity,
      next: command,
      pause: z
        .strictObject({ reason: z.enum(['throttled', 'out-of-reach']), until: time })
        .exactOptional()
        .describe('why a run that is at work makes no calls, and when it tries again; left out where it makes some'),
      worker: z
        .strictObject({ pid: z.int(), host: z.string() })
        .nullable()
        .exactOptional()
        .describe('the worker that is at it; this and what follows only of a run that was submitted'),
      takeovers: count.exactOptional().describe('how often another worker went on with it because one was lost'),
      reason: z.string().nullable().exactOptional().describe('why it waits, or is a dead letter'),
    }),
  ),
  workers: z
    .array(z.strictObject({ pid: z.int(), host: z.string(), places: count, busy: count, since: time }))
    .exactOptional()
    .describe(`processes that take runs; ${ofQueue}`),
  schedules: z
    .array(
      z.strictObject({
        ...{ name: z.string(), tenant: z.string(), cron: z.string(), tz: z.string() },
        next: time
          .nullable()
          .describe('the next turn; null where another version has kept it, and this one cannot read it'),
        last: z
          .strictObject({
            at: time.describe('when it was found to be due'),
            kind: z.enum(['being-made', 'made', 'under-way', 'dead-letter', 'refused', 'removed', 'too-early']),
            run: z.string().exactOptional().describe('the run that was made, or is in its way'),
            exitCode: exitCode.exactOptional(),
            reason: z.string().exactOptional(),
          })
          .nullable()
          .describe('the last turn, for a month'),
      }),
    )
    .exactOptional()
    .describe(`jobs of which workers make runs; ${ofQueue}, where no runs are named`),
});

const campaignStatus = z.strictObject({
  campaign: z.string(),
  head: z
    .string()
    .nullable()
    .describe('over the heads of the plans that can be started (docs/design.md, section 13); null without one'),
  sums: z.strictObject({
    tenants: count,
    admitted: count,
    counts,
    left,
    needsReview: count,
    totalMs: count.describe('what is left, one run after the other'),
    forecast: z.strictObject({ endsAt: time }).nullable().describe('when the longest run is over'),
  }),
  next: command,
  ...status.shape,
});

const campaign = z.strictObject({
  campaign: z.string(),
  ...{ counts, admitted: count, left, rejected: totals.rejected, calls: totals.calls },
  needsRelease: totals.needsRelease,
  needsReview: count,
  runs: z.array(run).describe('each run as its own report has it'),
  unread: z
    .array(z.strictObject({ ledger: z.string(), tenant: z.string(), reason: z.string() }))
    .describe('runs of whose ledgers nothing can be read'),
});

const verifyOffline = z.strictObject({
  ledger: z.string(),
  intact: z.boolean(),
  records: count,
  from: z.string().exactOptional().describe('time of the first record'),
  to: z.string().exactOptional().describe('time of the last record'),
  head: z.string(),
  tornBytes: count.describe('of a last line that was cut off'),
  fault: z.strictObject({ line: count, what: z.string() }).exactOptional(),
});

const check = z.strictObject({
  findings: z.array(z.strictObject({ level: z.enum(['ok', 'warning', 'wrong']), topic: z.string(), text: z.string() })),
  exitCode,
});

const error = z.strictObject({ exitCode, error: z.strictObject({ message: z.string() }) });

/** The documents of `--json`, by who writes them. Fields are only ever added. Nothing of the program reads this: the schema in docs and the tests do. */
export const JSON_DOCUMENTS = {
  run: run.describe('run, resume, plan, verify, and report of one ledger'),
  runs: runs.describe('report of several ledgers: an entry a ledger, and the totals'),
  campaign: campaign.describe('report of a campaign'),
  status: status.describe('status'),
  campaignStatus: campaignStatus.describe('status of one campaign'),
  verifyOffline: verifyOffline.describe('verify --offline'),
  check: check.describe('check'),
  error: error.describe('any command that ends before there is a ledger'),
} as const;

/** JSON Schema (2020-12) of them: any one of the definitions. */
export function jsonDocumentsSchema(): Record<string, unknown> {
  const { $schema, ...schema } = z.toJSONSchema(z.union(Object.values(JSON_DOCUMENTS)));
  const names = Object.keys(JSON_DOCUMENTS);
  const definitions = (schema.anyOf ?? []).map((definition, i) => [names[i], definition]);
  return {
    $schema,
    title: 'The --json documents of countermand',
    anyOf: names.map((name) => ({ $ref: `#/$defs/${name}` })),
    $defs: Object.fromEntries(definitions),
  };
}
