import { isAlias, isMap, isScalar, isSeq, type ParsedNode, type Scalar } from 'yaml';
import { fromText, show } from './given-settings.ts';
import { type Environment, interpolate } from './interpolate.ts';
import type { Setting } from './setting.ts';
import { SETTING_NAMES, SETTINGS } from './settings.ts';

export interface Mistake {
  /** Characters from the beginning of the file. */
  offset: number;
  message: string;
}

type Path = readonly PropertyKey[];

interface Place {
  key: number;
  value: number;
  /** What stands there, as a message may show it: before interpolation, because a variable's content is nobody's business. */
  shown: string | undefined;
  /** As what YAML took a bare word that is no text. */
  notText: string | undefined;
  /** A number, or true or false, where the setting takes one, as a text for its quotes alone. */
  needsNoQuotes: boolean;
}

/** Plain values of a job file, and where each stood. */
export interface YamlTree {
  value: unknown;
  mistakes: readonly Mistake[];
  /** Comments for Defender that end where YAML's own begin. */
  cut: readonly Mistake[];
  keyOffset(path: Path): number;
  /** Of the nearest thing that is there. */
  valueOffset(path: Path): number;
  /** Undefined when nothing stands there. */
  shown(path: Path): string | undefined;
  /** As what YAML took the bare word there, as "4711 for a number"; undefined for a text. */
  notText(path: Path): string | undefined;
  /** Whether what stands there would be right without its quotes. */
  needsNoQuotes(path: Path): boolean;
  /** Whether a mistake was found there already. */
  mistaken(path: Path): boolean;
}

/** Far more than a job has. */
const MAX_DEPTH = 8;

/** Turns the nodes of a YAML document into plain values, environment variables put in. Sections without content count as not there. */
export function readTree(root: ParsedNode, env: Environment): YamlTree {
  const places = new Map<string, Place>();
  const mistakes: Mistake[] = [];
  const cut: Mistake[] = [];
  const mistakenAt = new Set<string>();

  const walk = (node: ParsedNode | null, path: string[], key: number): unknown => {
    const value = node?.range[0] ?? key;
    const place: Place = { key, value, shown: undefined, notText: undefined, needsNoQuotes: false };
    places.set(path.join('\0'), place);
    const mistake = (message: string) => {
      mistakes.push({ offset: value, message });
      mistakenAt.add(path.join('\0'));
    };
    if (node === null) return undefined;
    if (isAlias(node)) return mistake('anchors and aliases are not used in job files: write the value out');
    if (node.tag !== undefined)
      return mistake(`${show(node.tag)} is a tag, and job files have none: write the value alone`);
    if ((isSeq(node) || isMap(node)) && path.length >= MAX_DEPTH) {
      return mistake(`this is nested more than ${MAX_DEPTH} levels deep: write it as in jobs/demo.yaml`);
    }
    if (isSeq(node)) {
      const items = node.items.map((item, index) => walk(item, [...path, String(index)], value));
      place.shown = show(items);
      return items;
    }
    if (isMap(node)) {
      place.shown = show({});
      const entries = node.items.map((pair) => {
        const name = isScalar(pair.key) ? String(pair.key.value) : '?';
        return [name, walk(pair.value, [...path, name], pair.key.range[0])] as const;
      });
      return Object.fromEntries(entries.filter(([, entry]) => entry !== undefined));
    }
    place.shown = show(node.value);
    place.notText = notTextOf(node);
    if (path.join('.') === 'comment' && node.type === 'PLAIN' && node.comment) {
      cut.push({
        offset: value,
        message: `comment is ${show(node.value)} without what follows the #, which is a remark in YAML: put all of it in quotes if it is meant`,
      });
    }
    if (typeof node.value !== 'string') {
      if (!isAmbiguous(node, path)) return node.value ?? emptied(path);
      place.shown = node.source;
      return node.source;
    }
    place.needsNoQuotes = node.type !== 'PLAIN' && isTakenWithoutQuotes(node.value, path);
    const filled = interpolate(node.value, env);
    if ('problem' in filled) return mistake(filled.problem);
    return filled.replaced ? typed(filled.text, path) : filled.text;
  };

  const value = walk(root, [], 0);
  const find = (path: Path): Place | undefined => places.get(path.map(String).join('\0'));
  const nearest = (path: Path): Place | undefined =>
    find(path) ?? (path.length > 0 ? nearest(path.slice(0, -1)) : undefined);
  return {
    value,
    mistakes,
    cut,
    keyOffset: (path) => nearest(path)?.key ?? 0,
    valueOffset: (path) => nearest(path)?.value ?? 0,
    shown: (path) => find(path)?.shown,
    notText: (path) => find(path)?.notText,
    needsNoQuotes: (path) => find(path)?.needsNoQuotes ?? false,
    mistaken: (path) =>
      path.some((_, index) =>
        mistakenAt.has(
          path
            .slice(0, index + 1)
            .map(String)
            .join('\0'),
        ),
      ),
  };
}

function notTextOf({ value, source }: Scalar): string | undefined {
  if (typeof value === 'number' || typeof value === 'bigint') return `${source ?? value} for a number`;
  return typeof value === 'boolean' ? `${source ?? value} for true or false` : undefined;
}

/** A section whose keys are all commented out is not there; a setting without a value is a slip. */
function emptied(path: readonly string[]): null | undefined {
  const at = path.join('.');
  const isSection = SETTING_NAMES.some((name) => (SETTINGS[name] as Setting).job?.startsWith(`${at}.`));
  return isSection ? undefined : null;
}

/** A variable's text where the setting takes a number or true and false. */
function typed(text: string, path: readonly string[]): unknown {
  const kind = settingAt(path)?.kind;
  return kind === 'number' || kind === 'whole' || kind === 'boolean' ? fromText(kind, text) : text;
}

function settingAt(path: readonly string[]): Setting | undefined {
  const at = path.join('.');
  return SETTING_NAMES.map((name): Setting => SETTINGS[name]).find(({ job }) => job === at);
}

/** `3.000` where a whole number stands: three to YAML, three thousand to some who write it. It is left a text, for the schema to refuse. */
function isAmbiguous({ value, source }: Scalar, path: readonly string[]): boolean {
  const setting = typeof value === 'number' && source?.includes('.') ? settingAt(path) : undefined;
  return setting !== undefined && setting.kind !== 'number' && setting.value.safeParse(value).success;
}

function isTakenWithoutQuotes(text: string, path: readonly string[]): boolean {
  const value = typed(text, path);
  return (
    String(value) === text && typeof value !== 'string' && settingAt(path)?.value.safeParse(value).success === true
  );
}
