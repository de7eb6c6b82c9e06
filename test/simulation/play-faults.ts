import type { SimProcess } from './process.ts';
import type { SessionFaults } from './scenario.ts';

/** What is wrong for everybody at the moment. */
export interface Troubles {
  outage: NonNullable<SessionFaults['outage']>['how'] | undefined;
  authorityAway: boolean;
  mayCancel: boolean;
}

/** What a session's faults are done to. */
export interface FaultTargets {
  readonly troubles: Troubles;
  /** No more faults. */
  isCalm(): boolean;
  trace(text: string): void;
  losePower(): void;
  terminate(process: SimProcess): void;
  startRival(ledger: 'same' | 'other', host: 'same' | 'other'): void;
  jumpWallClock(byMs: number): void;
  revokeTokens(): void;
}

/** Sets the timers of all that happens to this session, but for its kill, which counts events. */
export function playFaults(faults: SessionFaults, process: SimProcess, world: FaultTargets): void {
  const { powerLossAtMs, signalsAtMs, freeze, wallJump, rival, outage, authorityAway, permissionLost, revoke } = faults;
  const { troubles } = world;
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
      process.freeze();
      setTimeout(() => {
        world.trace(`${process.name} goes on`);
        process.thaw(freeze.slept);
      }, freeze.forMs);
      // Somebody starts it again, as it seems to hang: a minute for its lock to run out, and time to watch that before it goes on.
      const againMs = Math.max(61_000, freeze.forMs - 90_000);
      if (freeze.forMs > 90_000) setTimeout(() => world.startRival('same', 'other'), againMs);
    });
  }
  if (wallJump !== undefined) at(wallJump.atMs, () => world.jumpWallClock(wallJump.byMs));
  if (rival !== undefined) at(rival.atMs, () => world.startRival(rival.ledger, rival.host));
  during(
    outage,
    () => {
      world.trace(`outage: ${outage?.how}`);
      troubles.outage = outage?.how;
    },
    () => {
      troubles.outage = undefined;
    },
  );
  if (authorityAway?.atMs === 0) troubles.authorityAway = true;
  during(
    authorityAway,
    () => {
      world.trace('the authority is away');
      troubles.authorityAway = true;
    },
    () => {
      troubles.authorityAway = false;
    },
  );
  during(
    permissionLost,
    () => {
      world.trace('the permission is lost');
      troubles.mayCancel = false;
    },
    () => {
      troubles.mayCancel = true;
    },
  );
  if (revoke !== undefined) at(revoke, () => world.revokeTokens());
}
