/**
 * The quota of senders: a row a call. `counted_at` is the latest moment at which Defender can have counted the call, by the scope's clock. While the
 * call is in flight it lies in the future; settling lowers it to the moment of the answer. Why this is exact is said in docs/design.md.
 *
 * The scope's clock is `clock()`, less what it was found to have jumped ahead (`behind_ms`), and never earlier than at the last grant (`last_at`):
 * where `clock()` was set back behind that, the scope's stands until it is there again. It never goes faster than the true time.
 * Rows that are settled, kept or released are those of which nobody else has decided yet that they are past (`counted_at` after now): the rows that a
 * grant forgets are never among them, so that neither waits for the other.
 */
export const quota = `
create table quota_scope (
  scope bigint generated always as identity primary key,
  tenant text not null,
  client text not null,
  service text not null,
  last_at timestamptz not null default 'epoch',
  behind_ms float8 not null default 0,
  -- The longest window that anybody has asked for: calls are kept so long.
  longest interval not null,
  paused_until timestamptz not null default 'epoch',
  -- No grants before this moment, because calls may have been forgotten that matter yet.
  held_until timestamptz not null default 'epoch',
  unique (tenant, client, service)
) with (fillfactor = 50);

create table quota_call (
  scope bigint not null references quota_scope,
  id bigint generated always as identity,
  taker uuid,
  route text not null,
  counted_at timestamptz not null,
  flying boolean not null,
  primary key (scope, id)
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);
create index on quota_call (scope, counted_at) include (route);

-- Sessions whose calls stand in quota_call. Those of other sessions were made where this database was not asked.
create table quota_session (
  scope bigint not null references quota_scope,
  run text not null,
  session int not null,
  known_at timestamptz not null,
  primary key (scope, run, session)
);

create function ms(p_ms float8) returns interval
  language sql immutable
  return pg_catalog.make_interval(secs => p_ms / 1000);

create function scope_now(p_scope quota_scope) returns timestamptz
  language sql volatile
  return greatest(p_scope.last_at, clock() - ms(p_scope.behind_ms));

-- How long the scope's clock stands from now on. A jump that was found and is put right holds nothing up: the next grant takes back from behind_ms what
-- is too much, and the clock goes on from where it stands. Not for a few seconds: a clock that is pushed to and fro by less than anybody notices would win
-- at each turn.
create function stands_ms(p_scope quota_scope) returns float8
  language sql volatile
  return (
    select case when late > 10000 then greatest(0, late - p_scope.behind_ms) else greatest(0, late) end
      from (select (extract(epoch from p_scope.last_at - clock()) * 1000)::float8 + p_scope.behind_ms as late) as last
  );

create function quota_open(p_tenant text, p_client text, p_service text, p_longest float8, p_run text)
  returns table (scope bigint, taker uuid, known int[])
  language plpgsql security definer set search_path = countermand, pg_temp as $$
#variable_conflict use_column
declare
  v_scope bigint;
begin
  insert into quota_scope as s (tenant, client, service, longest)
    values (p_tenant, p_client, p_service, ms(p_longest))
    on conflict (tenant, client, service) do update set longest = greatest(s.longest, excluded.longest)
    returning s.scope into v_scope;
  return query select v_scope, gen_random_uuid(),
    coalesce((select array_agg(q.session) from quota_session q where q.scope = v_scope and q.run = p_run), '{}');
end $$;

-- Takes note of calls that were made elsewhere, each so long ago, and of the sessions that need not be asked again.
create function quota_fill(p_scope bigint, p_run text, p_sessions int[], p_routes text[], p_ages float8[])
  returns void
  language plpgsql security definer set search_path = countermand, pg_temp as $$
declare
  v_scope quota_scope;
  v_now timestamptz;
begin
  select * into strict v_scope from quota_scope s where s.scope = p_scope for update;
  v_now := scope_now(v_scope);
  insert into quota_session (scope, run, session, known_at)
    select p_scope, p_run, session, v_now from unnest(p_sessions) as session
    on conflict do nothing;
  insert into quota_call (scope, route, counted_at, flying)
    select p_scope, route, v_now - ms(age), false from unnest(p_routes, p_ages) as past (route, age);
end $$;

-- Grants a call for each of the routes, the first first, as far as every window has room. Windows count calls of one route alone where that is named.
-- Where the clock shows a moment after p_not_after, the taker must look into that: nothing is granted, and nothing forgotten.
create function quota_take(p_scope bigint, p_taker uuid, p_routes text[], p_only text, p_caps int[], p_pers float8[],
    p_lost float8, p_margin float8, p_not_after float8)
  returns table (ids bigint[], wait_ms float8, others_fly boolean, paused_ms float8, now_ms float8, behind_ms float8,
    suspect boolean, stands_ms float8)
  language plpgsql security definer set search_path = countermand, pg_temp as $$
#variable_conflict use_variable
declare
  v_scope quota_scope;
  v_now timestamptz;
  v_behind float8;
  v_next timestamptz;
  v_used int[] := '{}';
  v_free int := cardinality(p_routes);
begin
  -- One grant at a time for each sender: what is counted below cannot change before what is granted can be seen.
  select * into strict v_scope from quota_scope s where s.scope = p_scope for update;
  stands_ms := countermand.stands_ms(v_scope);
  v_behind := stands_ms + extract(epoch from clock() - v_scope.last_at) * 1000;
  if v_behind < v_scope.behind_ms - 1 then
    v_scope.behind_ms := v_behind;
    update quota_scope s set behind_ms = v_behind where s.scope = p_scope;
  end if;
  v_now := scope_now(v_scope);
  ids := '{}';
  wait_ms := 0;
  others_fly := false;
  paused_ms := greatest(0, extract(epoch from v_scope.paused_until - v_now) * 1000);
  now_ms := extract(epoch from v_now) * 1000;
  behind_ms := v_scope.behind_ms;
  suspect := coalesce(now_ms > p_not_after, false);
  v_next := greatest(v_scope.held_until, v_scope.paused_until);
  if suspect or v_next > v_now then
    v_free := 0;
  end if;

  for i in 1 .. cardinality(p_caps) loop
    v_used[i] := (
      select count(*) from quota_call c
        where c.scope = p_scope and c.counted_at > v_now - ms(p_pers[i] + p_margin) and (p_only is null or c.route = p_only)
    );
    v_free := least(v_free, greatest(0, p_caps[i] - v_used[i]));
  end loop;

  if v_free > 0 then
    update quota_scope s set last_at = v_now where s.scope = p_scope;
    delete from quota_call c where c.scope = p_scope and c.counted_at < v_now - v_scope.longest - ms(p_margin);
    with granted as (
      insert into quota_call as c (scope, taker, route, counted_at, flying)
        select p_scope, p_taker, route, v_now + ms(p_lost), true
          from unnest(p_routes[1:v_free]) with ordinality as asked (route, n) order by n
        returning c.id
    ) select array_agg(granted.id order by granted.id) into ids from granted;
  else
    -- Nothing that would have to last. The next who asks need not wait for the disk.
    perform set_config('synchronous_commit', 'off', true);
  end if;

  if v_free < cardinality(p_routes) then
    for i in 1 .. cardinality(p_caps) loop
      if v_used[i] + v_free >= p_caps[i] then
        v_next := greatest(v_next, (
          select c.counted_at from quota_call c
            where c.scope = p_scope and c.counted_at > v_now - ms(p_pers[i] + p_margin) and (p_only is null or c.route = p_only)
            order by c.counted_at offset v_used[i] + v_free - p_caps[i] limit 1
        ) + ms(p_pers[i] + p_margin));
      end if;
    end loop;
    wait_ms := greatest(0, extract(epoch from v_next - v_now) * 1000);
    others_fly := exists (
      select from quota_call c
        where c.scope = p_scope and c.counted_at > v_now and c.flying and c.taker <> p_taker
    );
  end if;
  return next;
end $$;

-- What became of calls: answered by now, not answered but counted within so many ms at the latest, or never sent. One that is lost in a crash of the
-- server leaves a slot held for longer, so none of this is waited for.
create function quota_settle(p_scope bigint, p_settled bigint[], p_unanswered bigint[], p_within float8[], p_released bigint[])
  returns void
  language plpgsql security definer set search_path = countermand, pg_temp as $$
declare
  v_now timestamptz := (select scope_now(s) from quota_scope s where s.scope = p_scope);
begin
  perform set_config('synchronous_commit', 'off', true);
  update quota_call c set counted_at = v_now, flying = false
    where c.scope = p_scope and c.id = any(p_settled) and c.counted_at > v_now;
  update quota_call c set counted_at = least(c.counted_at, v_now + ms(u.within)), flying = false
    from unnest(p_unanswered, p_within) as u (id, within)
    where c.scope = p_scope and c.id = u.id and c.counted_at > v_now;
  delete from quota_call c where c.scope = p_scope and c.id = any(p_released) and c.counted_at > v_now;
end $$;

-- Slots still in hand: from now on each may be used as if it were granted now. Who is not in the answer is lost.
create function quota_keep(p_scope bigint, p_ids bigint[], p_lost float8)
  returns setof bigint
  language plpgsql security definer set search_path = countermand, pg_temp as $$
declare
  v_now timestamptz := (select scope_now(s) from quota_scope s where s.scope = p_scope);
begin
  return query
    update quota_call c set counted_at = v_now + ms(p_lost)
      where c.scope = p_scope and c.id = any(p_ids) and c.flying and c.counted_at > v_now
      returning c.id;
end $$;

-- How long ago each call of a route, or of all, counted at the latest. As long as the clock will stand, that is still to come.
create function quota_look(p_scope bigint, p_only text, p_within float8)
  returns table (ids bigint[], ages float8[])
  language plpgsql security definer set search_path = countermand, pg_temp as $$
declare
  v_now timestamptz := (select scope_now(s) from quota_scope s where s.scope = p_scope);
  v_stands float8 := (select stands_ms(s) from quota_scope s where s.scope = p_scope);
begin
  return query
    select coalesce(array_agg(c.id), '{}'),
        coalesce(array_agg((extract(epoch from v_now - c.counted_at) * 1000)::float8 - v_stands), '{}')
      from quota_call c
      where c.scope = p_scope and c.counted_at > v_now - ms(p_within) and (p_only is null or c.route = p_only);
end $$;

create function quota_pause(p_scope bigint, p_wait float8)
  returns void
  language sql security definer set search_path = countermand, pg_temp as $$
  update quota_scope s set paused_until = greatest(s.paused_until, scope_now(s) + ms(p_wait)) where s.scope = p_scope;
$$;

-- The clock has jumped ahead: the scope's clock goes on as if it had not. Does nothing where another has seen to that already. Whoever took a slot
-- between the jump and now may have forgotten calls that matter again, all of them by the clock as it was then; no call counts later than a lost one, and
-- a pause that was told since ends as much later than now as it would have.
create function quota_set_back(p_scope bigint, p_by float8, p_behind float8, p_lost float8, p_margin float8)
  returns void
  language plpgsql security definer set search_path = countermand, pg_temp as $$
declare
  v_scope quota_scope;
  v_now timestamptz;
  v_latest timestamptz;
begin
  select * into strict v_scope from quota_scope s where s.scope = p_scope for update;
  if v_scope.behind_ms <> p_behind then
    return;
  end if;
  v_now := clock() - ms(p_behind + p_by);
  v_latest := v_now + ms(p_lost);
  update quota_scope s set behind_ms = p_behind + p_by, last_at = v_now,
    held_until = greatest(s.held_until, least(v_scope.last_at, v_latest + s.longest + ms(p_margin))),
    paused_until = case when v_scope.last_at > v_now
      then greatest(least(s.paused_until, v_now), s.paused_until - ms(p_by)) else s.paused_until end
    where s.scope = p_scope;
  update quota_call c set counted_at = v_latest where c.scope = p_scope and c.counted_at > v_latest;
end $$;

grant select on quota_scope, quota_call, quota_session to countermand_worker;
grant execute on function
  stands_ms(quota_scope),
  quota_open(text, text, text, float8, text),
  quota_fill(bigint, text, int[], text[], float8[]),
  quota_take(bigint, uuid, text[], text, int[], float8[], float8, float8, float8),
  quota_settle(bigint, bigint[], bigint[], float8[], bigint[]),
  quota_keep(bigint, bigint[], float8),
  quota_look(bigint, text, float8),
  quota_pause(bigint, float8),
  quota_set_back(bigint, float8, float8, float8, float8)
  to countermand_worker;
`;
