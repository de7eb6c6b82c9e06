/**
 * Runs, their ledgers and their leases. A worker reads the tables and calls the functions; it writes by no other way. Each function runs as the owner
 * with a fixed search path, and its answer is JSON, so that one name means one thing on both sides.
 */
export const runs = `
-- The one clock of all functions. A test puts another in its place, which only the owner can.
create function clock() returns timestamptz
  language sql volatile
  return pg_catalog.clock_timestamp();

-- What is promised to a run must outlast a crash, whatever this database is set to.
create function durable() returns void
  language plpgsql set search_path = countermand, pg_temp as $$
begin
  if current_setting('synchronous_commit') in ('off', 'local') then
    perform set_config('synchronous_commit', 'on', true);
  end if;
end $$;

create table run (
  run uuid primary key,
  name text not null unique check (name <> '' and length(name) <= 400),
  -- By its GUID or domain, as the ledger first had it; empty until its first session is begun.
  tenant text not null default '',
  -- Each holder has the next one; nothing is written with an earlier one any more.
  epoch bigint not null default 0,
  holder jsonb,
  lease_until timestamptz not null default '-infinity',
  -- The end of the ledger, and the chain value there.
  bytes bigint not null default 0,
  head text not null default '',
  stop_asked timestamptz,
  created timestamptz not null,
  modified timestamptz not null
) with (fillfactor = 50);

-- The bytes of a ledger's file, whole lines to a row.
create table ledger_chunk (
  run uuid not null references run,
  first_byte bigint not null,
  epoch bigint not null,
  lines bytea not null,
  at timestamptz not null,
  primary key (run, first_byte)
);
-- As they are: text so full of random digits does not get much shorter, and a part of it is read at a time.
alter table ledger_chunk alter column lines set storage external;

-- Gives a run to one holder, once the lease of the one before has run out or was given back, and never earlier.
create function run_hold(p_name text, p_new uuid, p_create boolean, p_holder jsonb, p_lease interval)
  returns jsonb language plpgsql security definer set search_path = countermand, pg_temp as $$
declare
  v_run run%rowtype;
  v_now timestamptz;
begin
  perform durable();
  if p_create then
    insert into run (run, name, created, modified) values (p_new, p_name, clock(), clock())
      on conflict (name) do nothing;
  end if;
  select * into v_run from run where name = p_name for update;
  if not found then
    return jsonb_build_object('outcome', 'none');
  end if;
  v_now := clock();
  if v_run.lease_until > v_now then
    return jsonb_build_object('outcome', 'busy', 'holder', v_run.holder, 'until', epoch_ms(v_run.lease_until));
  end if;
  update run set
      -- Nothing stands in it: it is what its first record will call it.
      run = case when bytes = 0 then p_new else run end,
      epoch = epoch + 1, holder = p_holder, lease_until = v_now + p_lease, stop_asked = null
    where run = v_run.run returning * into v_run;
  return jsonb_build_object('outcome', 'held', 'run', v_run.run, 'epoch', v_run.epoch, 'bytes', v_run.bytes,
    'head', v_run.head);
end $$;

-- Whole lines behind those before, as the holder of this epoch, at this position: once, however often it is asked for.
create function ledger_append(p_run uuid, p_epoch bigint, p_at bigint, p_lines bytea, p_lease interval)
  returns jsonb language plpgsql security definer set search_path = countermand, pg_temp as $$
declare
  v_run run%rowtype;
  v_length int := octet_length(p_lines);
  -- What stands between the last line's "chain":" and its "}.
  v_head text := encode(substr(p_lines, v_length - 34, 32), 'escape');
  v_now timestamptz := clock();
begin
  perform durable();
  if v_head !~ '^[0-9a-f]{32}$' or encode(substr(p_lines, v_length - 2), 'escape') <> E'"}\\n' then
    raise exception 'no whole lines of a ledger';
  end if;
  update run set bytes = bytes + v_length, head = v_head, lease_until = v_now + p_lease, modified = v_now
    where run = p_run and epoch = p_epoch and bytes = p_at
    returning * into v_run;
  if found then
    insert into ledger_chunk (run, first_byte, epoch, lines, at) values (p_run, p_at, p_epoch, p_lines, v_now);
    return jsonb_build_object('outcome', 'written', 'stop', v_run.stop_asked is not null);
  end if;
  -- Perhaps it was written by an attempt whose answer was lost.
  update run set lease_until = v_now + p_lease
    where run = p_run and epoch = p_epoch and bytes = p_at + v_length and head = v_head
    returning * into v_run;
  if found then
    return jsonb_build_object('outcome', 'written', 'stop', v_run.stop_asked is not null);
  end if;
  select * into v_run from run where run = p_run;
  return case
    when not found then jsonb_build_object('outcome', 'gone')
    when v_run.epoch <> p_epoch then jsonb_build_object('outcome', 'taken', 'holder', v_run.holder)
    else jsonb_build_object('outcome', 'elsewhere', 'bytes', v_run.bytes)
  end;
end $$;

-- Renews the leases of one process. Whose run does not come back has lost it.
create function run_renew(p_runs uuid[], p_epochs bigint[], p_lease interval)
  returns jsonb language plpgsql security definer set search_path = countermand, pg_temp as $$
declare
  v_renewed jsonb;
begin
  perform durable();
  with mine as (
    select run from run join unnest(p_runs, p_epochs) as wanted(run, epoch) using (run, epoch) order by run for update of run
  ), renewed as (
    update run set lease_until = clock() + p_lease from mine where run.run = mine.run
      returning run.run, run.stop_asked is not null as stop
  )
  select coalesce(jsonb_agg(jsonb_build_object('run', run, 'stop', stop)), '[]') into v_renewed from renewed;
  return v_renewed;
end $$;

-- Whose it is, before its first record.
create function run_tenant(p_run uuid, p_epoch bigint, p_tenant text)
  returns void language plpgsql security definer set search_path = countermand, pg_temp as $$
begin
  update run set tenant = p_tenant where run = p_run and epoch = p_epoch and bytes = 0;
end $$;

-- The epoch ends with it: a renewal or append of the same holder that arrives behind its release must not hold the run for nobody.
create function run_release(p_run uuid, p_epoch bigint)
  returns void language plpgsql security definer set search_path = countermand, pg_temp as $$
begin
  -- Made to be held, and given up before anything was written: there was none.
  delete from run where run = p_run and epoch = p_epoch and bytes = 0;
  update run set epoch = epoch + 1, lease_until = '-infinity', holder = null where run = p_run and epoch = p_epoch;
end $$;

-- Asks whoever works on a run to end its session. Whoever holds it next has decided otherwise. Null when there is none.
create function run_stop(p_name text)
  returns jsonb language plpgsql security definer set search_path = countermand, pg_temp as $$
declare
  v_run run%rowtype;
begin
  perform durable();
  update run set stop_asked = clock() where name = p_name returning * into v_run;
  if not found then
    return null;
  end if;
  return jsonb_build_object('holder', case when v_run.lease_until > clock() then v_run.holder end);
end $$;

-- Puts a new run in the place of a held one, which goes by another name from then on. False when it is not held any more.
create function run_replace(p_run uuid, p_epoch bigint, p_kept text, p_new uuid, p_tenant text, p_lease interval)
  returns boolean language plpgsql security definer set search_path = countermand, pg_temp as $$
declare
  v_old run%rowtype;
begin
  perform durable();
  select * into v_old from run where run = p_run and epoch = p_epoch for update;
  if not found then
    return false;
  end if;
  update run set name = p_kept, epoch = epoch + 1, lease_until = '-infinity', holder = null where run = p_run;
  insert into run (run, name, tenant, epoch, holder, lease_until, created, modified)
    values (p_new, v_old.name, p_tenant, 1, v_old.holder, clock() + p_lease, clock(), clock());
  return true;
end $$;

-- For the owner alone: who works on runs cannot take away what was written.
create function run_remove(p_run uuid, p_epoch bigint)
  returns boolean language plpgsql security definer set search_path = countermand, pg_temp as $$
begin
  perform durable();
  perform from run where run = p_run and epoch = p_epoch for update;
  if not found then
    return false;
  end if;
  delete from ledger_chunk where run = p_run;
  delete from run where run = p_run;
  return true;
end $$;

create function epoch_ms(p_at timestamptz) returns float8
  language sql immutable
  return floor(extract(epoch from p_at) * 1000);

grant select on run, ledger_chunk to countermand_worker;
grant execute on function
  clock(), epoch_ms(timestamptz),
  run_hold(text, uuid, boolean, jsonb, interval), run_tenant(uuid, bigint, text),
  ledger_append(uuid, bigint, bigint, bytea, interval),
  run_renew(uuid[], bigint[], interval), run_release(uuid, bigint), run_stop(text),
  run_replace(uuid, bigint, text, uuid, text, interval)
  to countermand_worker;
`;
