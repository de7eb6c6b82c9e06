import { expect, test } from 'vitest';
import { runCommand, startCommand } from '../support/command.ts';

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
