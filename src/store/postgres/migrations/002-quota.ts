/** The quota of senders. */
export const quota = 'select 1';
