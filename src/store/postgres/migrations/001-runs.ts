/**
 * Runs, their ledgers and their leases. Every function runs as the owner with a fixed search path, and is the only way in which a worker writes.
 */
export const runs = `
-- The one clock of all functions. A test puts another in its place, which only the owner can.
create function clock() returns timestamptz
  language sql volatile
  return pg_catalog.clock_timestamp();
grant execute on function clock() to countermand_worker;
`;
