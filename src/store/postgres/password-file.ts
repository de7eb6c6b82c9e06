import type { StoreUrl } from './store-url.ts';

/**
 * The password that PostgreSQL's password file (`~/.pgpass`) has for this place: of the first line `host:port:database:user:password` whose other fields
 * are the same or `*`; a colon or backslash in one stands behind a backslash. A Unix socket is called localhost there. Undefined where no line fits.
 */
export function passwordIn(text: string, { host, port, database, user }: StoreUrl): string | undefined {
  const wanted = [host.startsWith('/') ? 'localhost' : host, String(port), database, user];
  for (const line of text.split(/\r?\n/)) {
    if (line.startsWith('#')) continue;
    const fields = [...line.matchAll(/((?:\\.|[^:\\])*)(?::|$)/g)].map(([, field = '']) =>
      field.replace(/\\(.)/g, '$1'),
    );
    const password = fields[4];
    if (password === undefined || password === '') continue;
    if (wanted.every((value, at) => fields[at] === '*' || fields[at] === value)) return password;
  }
  return undefined;
}
