/** Every seed that ever failed, and what it found. They are run with every set of fresh ones. */
export const KNOWN_SEEDS: Readonly<Record<number, string>> = {};
