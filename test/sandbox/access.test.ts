import { describe, expect, test } from 'vitest';
import { cancelPermissions, readPermissions, sandboxToken } from '../../src/sandbox/access.ts';
import { startSandbox } from '../../src/sandbox/start-sandbox.ts';
import { api, idOf } from './client.ts';

const id = idOf(1);

async function statuses(token: string | null, permissionByType = false) {
  await using sandbox = await startSandbox({ actions: [{ id, type: 'Isolate' }], access: { permissionByType } });
  const call = api(sandbox, token);
  const [get, list, cancel] = [await call.get(id), await call.list(), await call.cancel(id)];
  return { get: get.status, list: list.status, cancel: cancel.status };
}

describe('who is let in', () => {
  test('nobody is let in without a bearer', async () => {
    expect(await statuses(null)).toEqual({ get: 401, list: 401, cancel: 401 });
  });

  test('nobody is let in whose token has expired, and the answer says so', async () => {
    const token = sandboxToken({ expiresInMs: -1_000 });
    expect(await statuses(token)).toEqual({ get: 401, list: 401, cancel: 401 });
    await using sandbox = await startSandbox();
    const answer = await api(sandbox, token).list();
    expect(answer.body).toMatchObject({ error: { code: 'Unauthorized' } });
    expect(answer.headers['www-authenticate']).toMatch(/^Bearer .*expired/);
  });

  test('an opaque token may do everything', async () => {
    expect(await statuses('practice')).toEqual({ get: 200, list: 200, cancel: 200 });
    expect(await statuses('a.b.c')).toEqual({ get: 200, list: 200, cancel: 200 });
  });

  test('a token can be withdrawn while the sandbox runs', async () => {
    await using sandbox = await startSandbox({ actions: [{ id }] });
    expect((await api(sandbox, 'old').get(id)).status).toBe(200);
    sandbox.access.accepts = (token) => token !== 'old';
    expect((await api(sandbox, 'old').get(id)).status).toBe(401);
    expect((await api(sandbox, 'new').get(id)).status).toBe(200);
  });
});

describe('permissions', () => {
  test.each(cancelPermissions)('%s alone may cancel but not read', async (role) => {
    expect(await statuses(sandboxToken({ roles: [role] }))).toEqual({ get: 403, list: 403, cancel: 200 });
  });

  test.each(readPermissions)('%s alone may read but not cancel', async (role) => {
    expect(await statuses(sandboxToken({ roles: [role] }))).toEqual({ get: 200, list: 200, cancel: 403 });
  });

  test('delegated permissions come as one string', async () => {
    const token = sandboxToken({ scp: 'User.Read Machine.Read Machine.Scan' });
    expect(await statuses(token)).toEqual({ get: 200, list: 200, cancel: 200 });
  });

  test('a token without any may do nothing', async () => {
    expect(await statuses(sandboxToken({ roles: [] }))).toEqual({ get: 403, list: 403, cancel: 403 });
  });

  test('the permission may have to fit the type of the action', async () => {
    expect((await statuses(sandboxToken({ roles: ['Machine.Scan'] }), true)).cancel).toBe(403);
    expect((await statuses(sandboxToken({ roles: ['Machine.Isolate'] }), true)).cancel).toBe(200);
    await using sandbox = await startSandbox({
      actions: [{ id, type: 'SomethingNew' }],
      access: { permissionByType: true },
    });
    expect((await api(sandbox, sandboxToken({ roles: ['Machine.Scan'] })).cancel(id)).status).toBe(200);
  });
});

test('the one who cancelled is the application, or the person it acts for', async () => {
  await using sandbox = await startSandbox({ actions: [{ id }, { id: idOf(2) }] });
  await api(sandbox, sandboxToken({ client: 'app-1' })).cancel(id);
  await api(sandbox, sandboxToken({ claims: { upn: 'analyst@contoso.com' } })).cancel(idOf(2));
  expect(sandbox.store.get(id)?.cancellationRequestor).toBe('app-1');
  expect(sandbox.store.get(idOf(2))?.cancellationRequestor).toBe('analyst@contoso.com');
  expect(sandbox.log.entries[0]?.client).toBe('app-1');
});
