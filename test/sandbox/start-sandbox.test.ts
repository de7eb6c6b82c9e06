import { request } from 'undici';
import { describe, expect, test } from 'vitest';
import { UsageError } from '../../src/errors.ts';
import { sandboxToken } from '../../src/sandbox/access.ts';
import { startSandbox } from '../../src/sandbox/start-sandbox.ts';
import { ManualClock } from '../support/clock/manual-clock.ts';
import { api, entities, idOf } from './client.ts';

describe('cancelling', () => {
  test('an open action is cancelled, carries who did it and why, and the log shows one effect', async () => {
    await using sandbox = await startSandbox({ actions: [{ id: idOf(1), status: 'Pending' }] });
    const answer = await api(sandbox).cancel(idOf(1), 'wrong list');
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({
      '@odata.context': `${sandbox.url}/api/$metadata#MachineActions/$entity`,
      id: idOf(1),
      status: 'Cancelled',
      cancellationComment: 'wrong list',
      cancellationRequestor: '5a0dbc0c-7d53-4e1c-9f6e-000000000002',
    });
    expect(answer.body['cancellationDateTimeUtc']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,7})?Z$/);
    expect(sandbox.log.effects(idOf(1))).toBe(1);
    expect(sandbox.log.of(idOf(1))).toMatchObject([
      { route: 'cancel', status: 200, effect: true, comment: 'wrong list' },
    ]);
  });

  test('a second cancel is answered 400 and has no effect', async () => {
    await using sandbox = await startSandbox({ actions: [{ id: idOf(1) }] });
    await api(sandbox).cancel(idOf(1), 'first');
    const second = await api(sandbox).cancel(idOf(1), 'second');
    expect(second).toMatchObject({ status: 400, body: { error: { code: 'BadRequest' } } });
    expect(sandbox.store.get(idOf(1))?.cancellationComment).toBe('first');
    expect(sandbox.log.effects(idOf(1))).toBe(1);
  });

  test.each(['Succeeded', 'Failed', 'TimeOut', 'Cancelled'])('an action that is %s is answered 400', async (status) => {
    await using sandbox = await startSandbox({ actions: [{ id: idOf(1), status }] });
    expect((await api(sandbox).cancel(idOf(1))).status).toBe(400);
    expect(sandbox.store.get(idOf(1))?.status).toBe(status);
  });

  test('a status and type that nobody documented can be cancelled', async () => {
    await using sandbox = await startSandbox({ actions: [{ id: idOf(1), status: 'Paused', type: 'RequestSample' }] });
    expect((await api(sandbox).cancel(idOf(1))).body).toMatchObject({ status: 'Cancelled', type: 'RequestSample' });
  });

  test.each([
    ['a comment in lower case', { comment: 'x' }],
    ['no comment', {}],
    ['an empty comment', { Comment: ' ' }],
    ['a comment that is no text', { Comment: 7 }],
    ['a list', []],
  ])('a cancel with %s is an InvalidRequestBody', async (_, body) => {
    await using sandbox = await startSandbox({ actions: [{ id: idOf(1) }] });
    const answer = await api(sandbox).send('POST', `/api/machineactions/${idOf(1)}/cancel`, JSON.stringify(body));
    expect(answer).toMatchObject({ status: 400, body: { error: { code: 'InvalidRequestBody' } } });
    expect(sandbox.store.get(idOf(1))?.status).toBe('Pending');
  });

  test('a body that is not JSON, or not said to be, is an InvalidRequestBody', async () => {
    await using sandbox = await startSandbox({ actions: [{ id: idOf(1) }] });
    const path = `/api/machineactions/${idOf(1)}/cancel`;
    expect((await api(sandbox).send('POST', path, '{"Comment":')).status).toBe(400);
    expect((await api(sandbox).send('POST', path, '{"Comment":"x"}', { 'content-type': 'text/plain' })).status).toBe(
      400,
    );
    expect(sandbox.log.effective()).toEqual([]);
  });

  test('the ID may come in upper case and the path with a version', async () => {
    await using sandbox = await startSandbox({ actions: [{ id: 'ABCDEF00-0000-4000-8000-000000000001' }] });
    const path = '/api/v1.0/machineactions/ABCDEF00-0000-4000-8000-000000000001/cancel';
    const answer = await api(sandbox).send('POST', path, '{"Comment":"x"}');
    expect(answer.body['id']).toBe('abcdef00-0000-4000-8000-000000000001');
    expect(sandbox.log.effects('ABCDEF00-0000-4000-8000-000000000001')).toBe(1);
  });
});

describe('answers', () => {
  test('an unknown ID is a ResourceNotFound whose target is the correlation ID of the header', async () => {
    await using sandbox = await startSandbox();
    for (const answer of [await api(sandbox).get(idOf(9)), await api(sandbox).cancel(idOf(9))]) {
      expect(answer.status).toBe(404);
      expect(answer.body).toEqual({
        error: {
          code: 'ResourceNotFound',
          message: `Machine action ${idOf(9)} was not found`,
          target: answer.headers['mise-correlation-id'],
        },
      });
    }
  });

  test('answers carry the headers of an OData service and a date that can be skewed', async () => {
    await using sandbox = await startSandbox({ actions: [{ id: idOf(1) }], dateSkewMs: 3_600_000 });
    const { headers } = await api(sandbox).get(idOf(1));
    expect(headers['content-type']).toMatch(/^application\/json; odata/);
    expect(Date.parse(String(headers['date'])) - Date.now()).toBeGreaterThan(3_500_000);
  });

  test('a path or method that does not exist is NotFound', async () => {
    await using sandbox = await startSandbox();
    for (const [method, path] of [
      ['GET', '/api/alerts'],
      ['POST', '/api/machineactions'],
      ['GET', `/api/machineactions/${idOf(1)}/cancel`],
    ] as const) {
      expect((await api(sandbox).send(method, path)).body).toMatchObject({ error: { code: 'NotFound' } });
    }
  });
});

test('the environment it offers is enough to call it', async () => {
  await using sandbox = await startSandbox({ actions: [{ id: idOf(1) }] });
  const environment = sandbox.environment({ tenant: 'other-tenant' });
  expect(environment).toMatchObject({ AZURE_TENANT_ID: 'other-tenant', COUNTERMAND_API_URL: sandbox.url });
  const answer = await request(`${environment['COUNTERMAND_API_URL']}/api/machineactions`, {
    headers: { authorization: `Bearer ${environment['COUNTERMAND_TOKEN']}` },
  });
  expect(answer.statusCode).toBe(200);
  await answer.body.dump();
  expect(sandbox.log.entries[0]).toMatchObject({ tenant: 'other-tenant', route: 'list' });
});

test.each([
  ['is none', 99_999, 'there is no such port'],
  ['is taken', undefined, 'another program listens there'],
])('a port that %s is told in words', async (_what, port, why) => {
  await using other = await startSandbox();
  const starting = startSandbox({ port: port ?? other.port });
  await expect(starting).rejects.toBeInstanceOf(UsageError);
  await expect(starting).rejects.toThrow(
    `the sandbox cannot listen on port ${port ?? other.port}: ${why}. Choose another from 1 to 65535, or 0 for a free one`,
  );
});

test('closing resets what is under way and frees the port', async () => {
  const sandbox = await startSandbox({ actions: [{ id: idOf(1) }], latencyMs: 600_000 });
  const pending = api(sandbox).get(idOf(1));
  const failed = expect(pending).rejects.toThrow();
  await sandbox.log.until((log) => log.count() === 1);
  await sandbox.close();
  await failed;
  await using again = await startSandbox({ port: sandbox.port });
  expect(again.port).toBe(sandbox.port);
  await sandbox.close();
  expect((await api(again, sandboxToken()).get(idOf(1))).status).toBe(404);
});

test('a body without end is cut off and has no effect', async () => {
  await using sandbox = await startSandbox({ actions: [{ id: idOf(1) }] });
  await expect(api(sandbox).cancel(idOf(1), 'x'.repeat(2_000_000))).rejects.toThrow();
  expect(sandbox.store.get(idOf(1))?.status).toBe('Pending');
});

test('latency is drawn from its span, counting happens somewhere in it, and both can be switched', async () => {
  const clock = new ManualClock();
  const draws = [0.5, 0.25];
  await using sandbox = await startSandbox({
    actions: [{ id: idOf(1) }],
    quota: { countAt: 'random' },
    latencyMs: [100, 300],
    random: () => draws.shift() ?? 0,
    clock,
  });
  const call = api(sandbox, sandboxToken({ nowMs: clock.wallMs() }));
  const answer = call.get(idOf(1));
  await clock.asleep();
  await clock.advance(50);
  await clock.asleep();
  await clock.advance(150);
  expect((await answer).status).toBe(200);
  const [entry] = sandbox.log.entries;
  expect((entry?.countedMs ?? 0) - (entry?.arrivedMs ?? 0)).toBe(50);
  expect((entry?.answeredMs ?? 0) - (entry?.arrivedMs ?? 0)).toBe(200);
  expect(sandbox.latencyMs).toEqual([100, 300]);
  sandbox.latencyMs = 0;
  expect((await call.get(idOf(1))).status).toBe(200);
});

test('behaviours come by ID first, then from the mix, then by default', async () => {
  const late = { unknownUntilAgeMs: Number.MAX_SAFE_INTEGER };
  const hidden = { missingFromList: true };
  await using sandbox = await startSandbox({
    actions: [{ id: 'AA' }, { id: 'bb' }],
    behaviours: { byId: { Aa: {} }, default: late, mix: [{ share: 1, behaviour: hidden }] },
  });
  expect(entities(await api(sandbox).list()).map(({ id }) => id)).toEqual(['aa']);
  expect((await api(sandbox).get('bb')).status).toBe(200);
  await using plain = await startSandbox({ actions: [{ id: 'bb' }], behaviours: { default: late } });
  expect((await api(plain).get('bb')).status).toBe(404);
});
