import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const execute = promisify(execFile);
const ip = (...args: string[]) => execute('ip', args);

export interface Namespace extends AsyncDisposable {
  /** Starts a command inside. */
  through: readonly string[];
  /** The addresses outside that can be reached from inside, one for each cable. */
  outside: readonly string[];
  /** Pulls a cable, or plugs it in again: what is sent meanwhile is lost, and nobody is told. */
  pull(cable: number): Promise<void>;
  plug(cable: number): Promise<void>;
}

let made = 0;

/** A network of its own whose only ways out are so many cables to this machine: no route, no DNS, and its own loopback only where it is asked for. */
async function makeNamespace({ cables = 1, loopback = false } = {}): Promise<Namespace> {
  const number = made++;
  const name = `countermand-${process.pid}-${number}`;
  const ends = Array.from({ length: cables }, (_, cable) => {
    const ours = `cm${process.pid}n${number}c${cable}`;
    const third = (process.pid + 17 * number + cable) % 250;
    return { ours, theirs: `${ours}i`, third };
  });
  const remove = async () => {
    await ip('netns', 'del', name).catch(() => undefined);
    for (const { ours } of ends) await ip('link', 'del', ours).catch(() => undefined);
  };
  try {
    await ip('netns', 'add', name);
    if (loopback) await ip('-n', name, 'link', 'set', 'lo', 'up');
    for (const { ours, theirs, third } of ends) {
      await ip('link', 'add', ours, 'type', 'veth', 'peer', 'name', theirs, 'netns', name);
      await ip('addr', 'add', `10.213.${third}.1/30`, 'dev', ours);
      await ip('link', 'set', ours, 'up');
      await ip('-n', name, 'addr', 'add', `10.213.${third}.2/30`, 'dev', theirs);
      await ip('-n', name, 'link', 'set', theirs, 'up');
    }
  } catch (error) {
    await remove();
    throw error;
  }
  const set = async (cable: number, to: 'up' | 'down') => void (await ip('link', 'set', ends[cable]?.ours ?? '', to));
  return {
    through: ['ip', 'netns', 'exec', name],
    outside: ends.map(({ third }) => `10.213.${third}.1`),
    pull: (cable) => set(cable, 'down'),
    plug: (cable) => set(cable, 'up'),
    [Symbol.asyncDispose]: remove,
  };
}

/** Where a machine cannot make one, the test says why; the CI machine must. */
export async function namespaceOr(
  skip: (why: string) => never,
  how: Parameters<typeof makeNamespace>[0] = {},
): Promise<Namespace> {
  if (process.env['CI'] === 'true') return makeNamespace(how);
  if (process.platform !== 'linux') return skip('network namespaces are Linux');
  return makeNamespace(how).catch((error: unknown) =>
    skip(`no network namespace can be made here: ${error instanceof Error ? error.message : String(error)}`),
  );
}
