/** The parts of a stamped name (`nightly-20261123T020000Z`, `….plan`); undefined for one that was given, or belongs to a file. */
function stampOf(name: string): { series: string; isPlan: boolean } | undefined {
  const match = /^(.+)-\d{8}T\d{6}Z(\.plan)?$/.exec(name);
  return match?.[1] === undefined ? undefined : { series: match[1], isPlan: match[2] !== undefined };
}

/** Of these names, those of the same stamped series as `name`, newest first; plans are not among them. Undefined when it is not one of a series. */
export function sameSeries(name: string, names: readonly string[]): string[] | undefined {
  const own = stampOf(name);
  if (own === undefined) return undefined;
  const others = names.filter((each) => {
    const other = stampOf(each);
    return other?.series === own.series && !other.isPlan;
  });
  return others.sort().reverse();
}
