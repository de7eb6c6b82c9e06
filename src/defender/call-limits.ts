const MIB = 1024 * 1024;

/**
 * Bytes of an answer's body at most, before and after it is decoded: ten thousand entities, the most that a page holds, are 15 to 30 MiB.
 * What is larger is not Defender's, and would not fit beside a million IDs in memory.
 */
export const PAGE_BYTES = 64 * MIB;

/** The same for an answer about one action. */
export const ENTITY_BYTES = 4 * MIB;
