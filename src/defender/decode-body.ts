import { promisify } from 'node:util';
import * as zlib from 'node:zlib';

export interface BodyHeaders {
  readonly [name: string]: string | string[] | undefined;
}

/** A body as text, or why it is none: a word for the ledger. */
export type DecodedBody = { text: string } | { error: string };

type Decoder = (bytes: Buffer, most: number) => Promise<Buffer>;

/** Made once: that takes longer than to decode an answer. */
const UTF8 = new TextDecoder();

/** More codings on top of each other than this are nobody's intention. */
const CODINGS_AT_MOST = 4;

const gunzip: Decoder = (bytes, most) => promisify(zlib.gunzip)(bytes, { maxOutputLength: most });
const inflate: Decoder = (bytes, most) => promisify(zlib.inflate)(bytes, { maxOutputLength: most });
const inflateRaw: Decoder = (bytes, most) => promisify(zlib.inflateRaw)(bytes, { maxOutputLength: most });
const brotli: Decoder = (bytes, most) => promisify(zlib.brotliDecompress)(bytes, { maxOutputLength: most });

const DECODERS: Readonly<Record<string, Decoder | undefined>> = {
  gzip: gunzip,
  'x-gzip': gunzip,
  // The standard means zlib's format; some servers send it without its frame.
  deflate: async (bytes, most) => {
    try {
      return await inflate(bytes, most);
    } catch (error) {
      if (isTooLarge(error)) throw error;
      return await inflateRaw(bytes, most);
    }
  },
  br: brotli,
  zstd: zstdOf(zlib),
};

/**
 * The text of a body. We ask for none, but a proxy may still compress what it passes on: gzip, deflate, br, and zstd where Node has it, also on
 * top of each other, are undone as `Content-Encoding` says. The header may be wrong: what is JSON as it stands (a proxy decoded it and left
 * the header) or gzip that no header mentions is taken as what it is. `most` is a limit in bytes for each step. Never rejects.
 */
export async function decodeBody(bytes: Buffer, headers: BodyHeaders, most: number): Promise<DecodedBody> {
  if (bytes.length > most) return { error: 'too-large' };
  const codings = codingsOf(headers['content-encoding']);
  let body = bytes;
  if (codings.length > 0 && !isJson(bytes)) {
    if (codings.length > CODINGS_AT_MOST) return { error: 'content-encoding' };
    for (const coding of codings.toReversed()) {
      const decoder = Object.hasOwn(DECODERS, coding) ? DECODERS[coding] : undefined;
      const named = { error: `content-encoding-${wordOf(coding)}` };
      if (decoder === undefined) return named;
      try {
        body = await decoder(body, most);
      } catch (error) {
        return isTooLarge(error) ? { error: 'too-large' } : named;
      }
    }
  }
  if (isGzip(body)) {
    try {
      body = await gunzip(body, most);
    } catch (error) {
      return { error: isTooLarge(error) ? 'too-large' : 'content-encoding-gzip' };
    }
  }
  return { text: textOf(body, headers) };
}

/** Whether what a call came to is an answer whose body cannot be read: it may well have been Defender's. */
export function isUnreadable(error: string): boolean {
  return error === 'too-large' || error.startsWith('content-encoding');
}

function codingsOf(header: string | string[] | undefined): string[] {
  if (header === undefined) return [];
  return [header]
    .flat()
    .join(',')
    .split(',')
    .map((coding) => coding.trim().toLowerCase())
    .filter((coding) => coding !== '' && coding !== 'identity');
}

/** It goes into the ledger, so it is short and plain whatever the header said. */
function wordOf(coding: string): string {
  return coding.replace(/[^a-z0-9-]/g, '').slice(0, 20) || 'unknown';
}

function isTooLarge(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE';
}

function isGzip(bytes: Buffer): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

function isJson(bytes: Buffer): boolean {
  try {
    // Whatever is compressed fails at its first bytes.
    JSON.parse(UTF8.decode(bytes));
    return true;
  } catch {
    return false;
  }
}

/** By its mark, else as `Content-Type` says, else UTF-8. The mark is left out. */
function textOf(bytes: Buffer, headers: BodyHeaders): string {
  const type = [headers['content-type'] ?? ''].flat().join(';');
  const named = /;\s*charset\s*=\s*"?([\w-]{1,40})/i.exec(type)?.[1];
  const marked =
    bytes[0] === 0xff && bytes[1] === 0xfe
      ? 'utf-16le'
      : bytes[0] === 0xfe && bytes[1] === 0xff
        ? 'utf-16be'
        : undefined;
  const isUtf8 = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  const label = marked ?? (isUtf8 ? undefined : named);
  if (label === undefined || /^utf-?8$/i.test(label)) return UTF8.decode(bytes);
  try {
    return new TextDecoder(label).decode(bytes);
  } catch {
    return UTF8.decode(bytes);
  }
}

/** Node has it from 22.15 on. */
function zstdOf(module: object): Decoder | undefined {
  const decompress = (module as { zstdDecompress?: typeof zlib.brotliDecompress }).zstdDecompress;
  if (decompress === undefined) return undefined;
  return (bytes, most) => promisify(decompress)(bytes, { maxOutputLength: most });
}
