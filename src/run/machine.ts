import type { Clock } from '../clock.ts';
import type { Hosts } from '../defender/hosts.ts';
import type { Transport } from '../defender/transport.ts';
import type { StopSignal } from '../exit-codes.ts';
import type { CredentialSource, Env, SignInParts } from '../identity/credential-source.ts';
import type { FileIdentity, SessionSecrets } from '../identity/session-secrets.ts';
import type { CredentialKind } from '../identity/token-source.ts';
import type { SourceBytes } from '../intake/open-source.ts';
import type { Logger } from '../log.ts';
import type { Redact } from '../redact.ts';
import type { Store } from '../store/store.ts';
import type { Outputs } from './outputs.ts';

/** What a session takes from where it runs: the process of a command, a worker that hosts many runs, or a simulated machine. */
export interface Machine {
  env: Env;
  /** What relative paths are from; absolute. */
  cwd: string;
  clock: Clock;
  /** From 0 to below 1. */
  random(): number;
  uuid(): string;
  log: Logger;
  /** What must not leave this session. */
  secrets: SessionSecrets;
  /** Takes the known secrets out of what leaves by another way than the console and the log. */
  redact: Redact;
  /** Where ledgers are kept, and the quota that goes with them. */
  store: Store;
  /** What another command line must say to come to that store; nothing where it need not. */
  storeWords: readonly string[];
  /** What people hand in to be read. */
  sources: Sources;
  /** The places for what a command writes beside its ledger, anew for each command. */
  outputs(): Outputs;
  /** The way out to Defender and to its authority. Throws a UsageError for a proxy that is none. */
  connect(hosts: Hosts): Connection;
  /** SIGINT, SIGTERM and SIGHUP. */
  interrupts: Interrupts;
}

/** Files and stdin, as a SOURCE names them. `refuse` throws for a file that must not be read: asked before it is read, of what is opened. */
export interface Sources {
  /** What an absolute path leads to, as far as it matters to who reads it. */
  at(path: string): 'stdin' | 'stream' | 'file';
  /** Throws a UsageError when it cannot be read. */
  open(path: string, refuse?: (file: FileIdentity) => void): Promise<SourceBytes>;
  stdin(): SourceBytes;
  /** The text of a job file. Throws a UsageError when it cannot be read. */
  job(path: string, refuse: (file: FileIdentity) => void): Promise<string>;
}

/** Connections that last as long as a session. */
export interface Connection {
  /** @default timeoutMs that of a run's calls */
  transport(how?: { timeoutMs?: number }): Transport;
  /** A credential that the environment was found to offer; nobody is asked yet. */
  credential(kind: CredentialKind, parts: Omit<SignInParts, 'dispatcher'>): CredentialSource;
  /** Ends every connection, those under way too. To be called when every call has ended. */
  end(): Promise<void>;
}

/**
 * What a person or a scheduler asks by a signal. The first one ends the command in order: whoever holds a ledger is told and closes it; a command that
 * holds nothing ends at once. The second one gives up what the first left to wait for.
 */
export interface Interrupts {
  /** Aborts at the first signal, with an InterruptedError. */
  readonly signal: AbortSignal;
  /** The first that came. */
  readonly first: StopSignal | undefined;
  /** While it is not disposed of, its holder ends itself: `tell` gets each signal, and how many came so far. Throws what `signal` aborts with once one came. */
  hold(tell: (signal: StopSignal, nth: number) => void): Disposable;
}
