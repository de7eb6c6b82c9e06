/** A script of packaging/, which Node runs as it stands: no compiler knows its types. */
export function script<T>(name: string): Promise<T> {
  return import(new URL(`../../packaging/${name}.mjs`, import.meta.url).href) as Promise<T>;
}
