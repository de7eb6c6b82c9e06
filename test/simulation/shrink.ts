interface Attempt {
  failure: { invariant: string; detail: string } | undefined;
}

export interface Shrunk<T> {
  without: string[];
  actions: number | undefined;
  result: T;
}

/** Leaves out one kind of fault after the other, then actions, as long as the same rule is broken. Undefined when the seed does not fail. */
export async function shrinkSeed<T extends Attempt>(
  seed: number,
  faults: readonly string[],
  attempt: (without: readonly string[], actions: number | undefined) => Promise<T>,
  say: (text: string) => void,
): Promise<Shrunk<T> | undefined> {
  let result = await attempt([], undefined);
  const broken = result.failure?.invariant;
  if (broken === undefined) return undefined;
  say(`seed ${seed} breaks: ${broken}`);
  const without: string[] = [];
  let actions: number | undefined;
  for (const fault of faults) {
    const tried = await attempt([...without, fault], actions);
    if (tried.failure?.invariant !== broken) continue;
    without.push(fault);
    result = tried;
    say(`it does without ${fault}`);
  }
  for (const fewer of [30, 15, 8, 5, 3, 2, 1]) {
    const tried = await attempt(without, fewer);
    if (tried.failure?.invariant !== broken) continue;
    actions = fewer;
    result = tried;
    say(`it does with ${fewer} actions`);
  }
  return { without, actions, result };
}
