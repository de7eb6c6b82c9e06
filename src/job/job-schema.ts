import { z } from 'zod';
import { FILTER_SHAPE } from './action-filter.ts';
import type { Setting } from './setting.ts';
import { SETTING_NAMES, SETTINGS } from './settings.ts';
import { jobName, text } from './values.ts';

/** Marks a message that stands alone; the others complete "<key> must be …". */
export const SENTENCE = { sentence: true } as const;

const sourceSchema = z
  .strictObject(
    {
      file: text('the path of a CSV or text file').describe('CSV or text file of action IDs').optional(),
      query: z
        .strictObject(partial(FILTER_SHAPE), { error: 'a set of conditions such as type and createdBefore' })
        .refine((query) => Object.keys(query).length > 0, {
          error: 'a query needs at least one condition: an empty one would ask for every action of the tenant',
          params: SENTENCE,
        })
        .describe('ask Defender for the actions')
        .optional(),
      column: setting('column').value.describe(setting('column').description).optional(),
    },
    { error: 'a set of keys with either file or query' },
  )
  .refine((source) => (source.file === undefined) !== (source.query === undefined), {
    error: 'name either a file or a query',
    params: SENTENCE,
  })
  .refine((source) => source.query === undefined || source.column === undefined, {
    error: 'a query has no columns: leave it out',
    params: SENTENCE,
    path: ['column'],
  })
  .meta({ description: 'what to cancel', oneOf: [{ required: ['file'] }, { required: ['query'] }] });

/** In a JSON Schema: a value that is an environment variable's. */
const VARIABLE = '\\$\\{';

/** A job file. What stands in it beside `name` and `source` is the table of settings, nested by their job paths. */
export const jobSchema = z
  .strictObject(
    {
      name: jobName()
        .describe("names the ledgers; the source file's name without its ending when not given")
        .optional(),
      source: sourceSchema,
      ...settingKeys(),
    },
    { error: 'a set of keys such as source and comment' },
  )
  .meta({ title: 'countermand job', description: 'What to cancel, where, as whom and under which guards' });

/** Every key that a job file may hold, as a dotted path. */
export const JOB_KEYS: readonly string[] = [
  'name',
  'source',
  'source.file',
  'source.query',
  ...Object.keys(FILTER_SHAPE).map((key) => `source.query.${key}`),
  ...SETTING_NAMES.flatMap((name) => {
    const { job }: Setting = SETTINGS[name];
    if (job === undefined) return [];
    const [section, key] = job.split('.');
    return key === undefined || section === 'source' ? [job] : [section ?? job, job];
  }),
].filter((key, index, all) => all.indexOf(key) === index);

/**
 * JSON Schema (draft 7) of a job file, for editors. Where a value is not free text, `${NAME}` is allowed in its place, since it is replaced before
 * the value is checked.
 */
export function jobJsonSchema(): Record<string, unknown> {
  const schema = z.toJSONSchema(jobSchema, {
    target: 'draft-7',
    io: 'input',
    override: ({ jsonSchema }) => {
      if (typeof jsonSchema.pattern === 'string' && jsonSchema.pattern !== '\\S') {
        if (!jsonSchema.pattern.endsWith(VARIABLE)) jsonSchema.pattern = `${jsonSchema.pattern}|${VARIABLE}`;
      } else if (
        jsonSchema.enum ||
        jsonSchema.type === 'number' ||
        jsonSchema.type === 'integer' ||
        jsonSchema.type === 'boolean'
      ) {
        const { description, ...bare } = jsonSchema;
        for (const key of Object.keys(bare)) delete jsonSchema[key];
        jsonSchema.anyOf = [bare, { type: 'string', pattern: VARIABLE }];
      }
    },
  });
  return schema as Record<string, unknown>;
}

function settingKeys(): Record<string, z.ZodType> {
  const top: Record<string, z.ZodType> = {};
  const sections: Record<string, Record<string, z.ZodType>> = {};
  for (const name of SETTING_NAMES) {
    const { job, value, description, default: standard } = setting(name);
    const [section, key] = job?.split('.') ?? [];
    if (section === undefined || section === 'source') continue;
    const described = value
      .describe(standard === undefined ? description : `${description} (default: ${standard})`)
      .optional();
    if (key === undefined) top[section] = described;
    else {
      sections[section] ??= {};
      sections[section][key] = described;
    }
  }
  for (const [section, shape] of Object.entries(sections)) {
    const keys = Object.keys(shape).join(', ');
    top[section] = z.strictObject(shape, { error: `a set of keys, of which there are ${keys}` }).optional();
  }
  return top;
}

function setting(name: keyof typeof SETTINGS): Setting {
  return SETTINGS[name];
}

function partial<T extends Record<string, z.ZodType>>(shape: T): { [K in keyof T]: z.ZodOptional<T[K]> } {
  return Object.fromEntries(Object.entries(shape).map(([key, value]) => [key, value.optional()])) as {
    [K in keyof T]: z.ZodOptional<T[K]>;
  };
}
