import { readFileSync } from 'node:fs';
import { parse, parseAllDocuments } from 'yaml';

const ROOT = new URL('../../', import.meta.url);

export function readText(path: string): string {
  return readFileSync(new URL(path, ROOT), 'utf8');
}

/** A file with one document and no repeated key; the YAML reader refuses the latter. */
export function readManifest(path: string): unknown {
  const documents = parseAllDocuments(readText(path));
  if (documents.length !== 1) throw new Error(`${path} holds ${documents.length} documents, one was expected`);
  return parse(readText(path), { strict: true, uniqueKeys: true });
}

/** What lies at `path` (keys and indices, by dots) in a document; undefined where nothing does. */
export function at(document: unknown, path: string): unknown {
  let here = document;
  for (const step of path === '' ? [] : path.split('.')) {
    if (typeof here !== 'object' || here === null) return undefined;
    here = Object.entries(here).find(([key]) => key === step)?.[1];
  }
  return here;
}

/** The same, where a string has to be. */
export function text(document: unknown, path: string): string {
  const found = at(document, path);
  if (typeof found !== 'string') throw new Error(`${path} holds no string but ${JSON.stringify(found)}`);
  return found;
}

/** The same, where a list has to be. */
export function list(document: unknown, path: string): unknown[] {
  const found = at(document, path);
  if (!Array.isArray(found)) throw new Error(`${path} holds no list but ${JSON.stringify(found)}`);
  return found;
}
