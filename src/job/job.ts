import { z } from 'zod';
import { isLedgerJobName } from './ledger-name.ts';
import type { Setting } from './setting.ts';
import { SETTING_NAMES, SETTINGS, type SettingName } from './settings.ts';

/** Which actions a query or `list` asks for. Moments are ISO times, UTC: ages were resolved when the job was frozen. */
export interface ActionFilter {
  type: readonly string[];
  status: readonly string[];
  requestor: readonly string[];
  machine: readonly string[];
  createdAfter: string | undefined;
  createdBefore: string | undefined;
  /** Matched here, not by Defender. */
  commentContains: string | undefined;
}

export type JobSource =
  | { kind: 'file'; path: string; column: string | undefined }
  /** Read once: stdin itself, or with a path what is read like it, a pipe or a device. */
  | { kind: 'stdin'; path?: string | undefined; column: string | undefined }
  | { kind: 'query'; query: ActionFilter };

type Rows = typeof SETTINGS;

/** The settings that have a place of their own in a frozen job. */
type PlacedName = { [K in SettingName]: Rows[K] extends { frozen: object } ? K : never }[SettingName];

type PathOf<K extends PlacedName> = Rows[K]['frozen']['at'];

type AlwaysThere = { default: string } | { kind: 'texts' } | { always: true };

type FrozenValue<K extends PlacedName> =
  | (Rows[K]['frozen'] extends { as: infer S extends z.ZodType } ? z.output<S> : z.output<Rows[K]['value']>)
  | (Rows[K] extends AlwaysThere ? never : undefined);

type Section = { [K in PlacedName]: PathOf<K> extends `${infer S}.${string}` ? S : never }[PlacedName];

/** The settings as a job nests them: `guards.maxDurationMs` is the key `maxDurationMs` of the section `guards`. */
type FrozenSettings = {
  [K in PlacedName as PathOf<K> extends `${string}.${string}` ? never : PathOf<K>]: FrozenValue<K>;
} & {
  [S in Section]: { [K in PlacedName as PathOf<K> extends `${S}.${infer Key}` ? Key : never]: FrozenValue<K> };
};

/**
 * One definition, frozen: file, environment and flags are already merged, ages are moments (ISO, UTC), durations are milliseconds, paths are
 * absolute, addresses have no trailing slash. It is what the ledger's `open` record holds, and holds no secret. What each setting means and where
 * it stands is said by its row of the table.
 */
export type Job = FrozenSettings & {
  /** The job's name, else the source file's without its ending, else `stdin`. */
  name: string;
  source: JobSource;
};

export type Guards = Job['guards'];

export type Cloud = Job['api']['cloud'];

export type Region = NonNullable<Job['api']['region']>;

const texts = z.array(z.string()).readonly();

const filter = z.object({
  type: texts,
  status: texts,
  requestor: texts,
  machine: texts,
  createdAfter: z.iso.datetime().optional(),
  createdBefore: z.iso.datetime().optional(),
  commentContains: z.string().optional(),
});

const source = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('file'), path: z.string(), column: z.string().optional() }),
  z.object({ kind: z.literal('stdin'), path: z.string().optional(), column: z.string().optional() }),
  z.object({ kind: z.literal('query'), query: filter }),
]);

/** Whether each job has this setting: the others may be missing. */
function isAlwaysThere({ default: standard, kind, always }: Setting): boolean {
  return standard !== undefined || kind === 'texts' || always === true;
}

/** A frozen job as JSON gives it back: what was undefined is missing. Keys that a later version added are left out. */
export const frozenJobSchema = z.object({
  name: z.string().refine(isLedgerJobName),
  source,
  ...settingShapes(),
}) as unknown as z.ZodType<Job>;

function settingShapes(): Record<string, z.ZodType> {
  const top: Record<string, z.ZodType> = {};
  const sections: Record<string, Record<string, z.ZodType>> = {};
  for (const name of SETTING_NAMES) {
    const setting: Setting = SETTINGS[name];
    if (setting.frozen === undefined) continue;
    const { at, as = setting.value } = setting.frozen;
    const shape = isAlwaysThere(setting) ? as : as.optional();
    const [section = at, key] = at.split('.');
    if (key === undefined) top[section] = shape;
    else sections[section] = { ...sections[section], [key]: shape };
  }
  for (const [section, shape] of Object.entries(sections)) top[section] = z.object(shape);
  return top;
}

/** What is wrong with a frozen job that was read, completing "job …", by the key that does not fit; undefined when nothing is. */
export function frozenJobFault(value: unknown): string | undefined {
  const { error } = frozenJobSchema.safeParse(value);
  if (error === undefined) return undefined;
  const key = error.issues[0]?.path.join('.') ?? '';
  return `is none that this version can read${key === '' ? '' : `: ${key} is missing or does not fit`}`;
}
