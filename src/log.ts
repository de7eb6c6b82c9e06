import { type Logger, pino } from 'pino';

export { type Logger, pino } from 'pino';

/** A log that says nothing, for tests and for parts that are built without one. */
export const silentLog: Logger = pino({ level: 'silent' });
