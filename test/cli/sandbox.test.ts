import { expect, test } from 'vitest';
import { runCommand, startCommand } from '../support/command.ts';

test('sandbox prints its own token whole, also where the environment still has that of another', async () => {
  const printed = async (env: Record<string, string>) => {
    await using sandbox = startCommand(['sandbox', '--actions', '5'], { env });
    await sandbox.says(/export AZURE_CLIENT_ID=\S+\n/);
    return /export COUNTERMAND_TOKEN=(\S+)/.exec(sandbox.stdout)?.[1] ?? '';
  };
  const first = await printed({});
  const second = await printed({ COUNTERMAND_TOKEN: first });
  expect(second).toMatch(/^eyJ[\w.-]+$/);
});

test('sandbox says how many of its actions lists leave out, and `list` shows the others', async () => {
  await using sandbox = startCommand(['sandbox', '--actions', '120', '--trouble', '0']);
  await sandbox.says(/export AZURE_CLIENT_ID=\S+\n/);
  const [, leftOut] = /For practice lists leave out (\d+) of them/.exec(sandbox.stderr) ?? [];
  expect(Number(leftOut)).toBeGreaterThan(0);
  const env = Object.fromEntries(
    [...sandbox.stdout.matchAll(/^export (\w+)=(\S+)$/gm)].map(([, name, value]) => [name, value]),
  );
  const { code, stdout, stderr } = await runCommand(['list', '--json'], { env });
  expect(code, stderr).toBe(0);
  expect(stdout.trimEnd().split('\n')).toHaveLength(120 - Number(leftOut));
});
