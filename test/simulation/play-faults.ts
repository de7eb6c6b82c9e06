import type { SimProcess } from './process.ts';
import type { SessionFaults, Tampering } from './session-faults.ts';

/** What is wrong for everybody at the moment. */
export interface Outages {
  outage: NonNullable<SessionFaults['outage']>['how'] | undefined;
  authorityAway: boolean;
  mayCancel: boolean;
}

/** What a session's faults are done to. */
export interface FaultTargets {
  readonly outages: Outages;
  /** No more faults. */
  isCalm(): boolean;
  trace(text: string): void;
  losePower(): void;
  terminate(process: SimProcess): void;
  startCompeting(ledger: 'same' | 'other', host: 'same' | 'other'): void;
  jumpWallClock(byMs: number): void;
  /** What it does from now on may follow from that. */
  disturbs(process: SimProcess): void;
  revokeTokens(): void;
  /** By hand, to the ledger. */
  tamper(how: Tampering): void;
  /** The ledger gets a second hard link, and another process starts on it through that. */
  linkAndStart(): void;
}

/** Sets the timers of all that happens to this session, but for its kill, which counts events. */
export function playFaults(faults: SessionFaults, process: SimProcess, world: FaultTargets): void {
  const { powerLossAtMs, signalsAtMs, freeze, wallJump, competing, outage, authorityAway, permissionLost, revoke } =
    faults;
  const { tampering, secondPathAtMs } = faults;
  const { outages } = world;
  const at = (ms: number, what: () => void) => {
    setTimeout(() => {
      if (!world.isCalm() && process.exists) what();
    }, ms);
  };
  const during = (span: { atMs: number; forMs: number } | undefined, begin: () => void, end: () => void) => {
    if (span === undefined) return;
    at(span.atMs, () => {
      begin();
      setTimeout(end, span.forMs);
    });
  };

  if (powerLossAtMs !== undefined) at(powerLossAtMs, () => world.losePower());
  for (const ms of signalsAtMs) at(ms, () => world.terminate(process));
  if (freeze !== undefined) {
    at(freeze.atMs, () => {
      world.trace(`${process.name} stands still for ${freeze.forMs} ms`);
      world.disturbs(process);
      process.freeze();
      setTimeout(() => {
        world.trace(`${process.name} goes on`);
        process.thaw(freeze.slept);
      }, freeze.forMs);
      // Somebody starts it again, as it seems to hang: a minute for its lock to run out, and time to watch that before it goes on.
      const againMs = Math.max(61_000, freeze.forMs - 90_000);
      if (freeze.forMs > 90_000) setTimeout(() => world.startCompeting('same', 'other'), againMs);
    });
  }
  if (wallJump !== undefined) at(wallJump.atMs, () => world.jumpWallClock(wallJump.byMs));
  if (competing !== undefined) at(competing.atMs, () => world.startCompeting(competing.ledger, competing.host));
  during(
    outage,
    () => {
      world.trace(`outage: ${outage?.how}`);
      outages.outage = outage?.how;
    },
    () => {
      outages.outage = undefined;
    },
  );
  if (authorityAway?.atMs === 0) outages.authorityAway = true;
  during(
    authorityAway,
    () => {
      world.trace('the authority is away');
      outages.authorityAway = true;
    },
    () => {
      outages.authorityAway = false;
    },
  );
  during(
    permissionLost,
    () => {
      world.trace('the permission is lost');
      outages.mayCancel = false;
    },
    () => {
      outages.mayCancel = true;
    },
  );
  if (tampering !== undefined && tampering.atMs !== 'between') at(tampering.atMs, () => world.tamper(tampering.how));
  if (secondPathAtMs !== undefined) at(secondPathAtMs, () => world.linkAndStart());
  if (revoke !== undefined) at(revoke, () => world.revokeTokens());
}
