import type { ActionBehaviour } from './behaviours.ts';
import type { Devices } from './devices.ts';
import {
  type ActionSeed,
  fullAction,
  isOver,
  parseServiceTime,
  type SandboxAction,
  type SandboxCommand,
  serviceTime,
} from './sandbox-action.ts';

/** What became of a request to cancel. `accepted` is the only one that changed something by our doing. */
type CancelResult =
  | { kind: 'accepted'; action: SandboxAction }
  | { kind: 'repeated'; action: SandboxAction }
  | { kind: 'over'; action: SandboxAction }
  | { kind: 'unknown' }
  | { kind: 'refused'; http: number; code: string; message: string };

export interface CancelRequest {
  comment: string;
  requestor: string;
}

interface StoreOptions {
  /** Milliseconds since the epoch. */
  nowMs: () => number;
  /** Whose actions they are: told of each, and asked when it comes back, at which an open action is carried out. */
  devices?: Devices;
  /** What an action does that was given no behaviour of its own. */
  behaviourOf?: (id: string) => ActionBehaviour | undefined;
  /** A cancel of an action whose cancel was accepted before: 400, or 200 without effect. @default refused */
  secondCancel?: 'refused' | 'accepted';
}

interface Change {
  status: string;
  dueMs?: number | undefined;
  lookupsLeft?: number | undefined;
  completedCommand?: boolean | undefined;
  cancelledBy?: CancelRequest | undefined;
}

interface Held {
  readonly action: SandboxAction;
  createdMs: number;
  behaviour: ActionBehaviour | undefined;
  coming: Change[];
  accepted: boolean;
}

/**
 * The machine actions of one tenant, in memory. Changes that come with time are applied when somebody looks, so there
 * are no timers and a store of 100,000 actions costs nothing while idle.
 */
export class ActionStore {
  readonly #held = new Map<string, Held>();
  readonly #options: StoreOptions;
  #byCreation: Held[] | undefined;

  constructor(options: StoreOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#held.size;
  }

  /** Adds or replaces an action; fields not named are filled in. */
  add(seed: ActionSeed, behaviour?: ActionBehaviour): SandboxAction {
    const action = fullAction(seed, this.#options.nowMs());
    const createdMs = parseServiceTime(action.creationDateTimeUtc);
    const held: Held = { action, createdMs, behaviour: undefined, coming: [], accepted: false };
    this.#held.set(action.id, held);
    this.#byCreation = undefined;
    this.#setBehaviour(held, behaviour ?? this.#options.behaviourOf?.(action.id));
    const dueMs = this.#options.devices?.backAtMs(action);
    if (dueMs !== undefined && !isOver(action.status)) held.coming.push({ status: 'Succeeded', dueMs });
    return action;
  }

  /** Changes fields of an action as if the service had, at this moment. Throws when there is no such action. */
  update(id: string, fields: Partial<SandboxAction>): SandboxAction {
    const held = this.#require(id);
    Object.assign(held.action, { lastUpdateDateTimeUtc: serviceTime(this.#options.nowMs()) }, fields);
    held.createdMs = parseServiceTime(held.action.creationDateTimeUtc);
    // Whoever opens it again means it to be cancellable again.
    if (fields.status !== undefined && !isOver(fields.status)) held.accepted = false;
    this.#byCreation = undefined;
    return held.action;
  }

  remove(id: string): boolean {
    this.#byCreation = undefined;
    return this.#held.delete(id.toLowerCase());
  }

  /** Replaces the behaviour of an action; changes already on their way still come. Throws when there is none. */
  behave(id: string, behaviour: ActionBehaviour): void {
    this.#setBehaviour(this.#require(id), behaviour);
  }

  /** The action as it is now, seen from inside: no lookup is counted and nothing is hidden. */
  get(id: string): SandboxAction | undefined {
    const held = this.#held.get(id.toLowerCase());
    return held === undefined ? undefined : this.#settled(held).action;
  }

  /** All actions as they are now, in the order they were added. */
  *all(): Generator<SandboxAction> {
    for (const held of this.#held.values()) yield this.#settled(held).action;
  }

  /** The action as a caller of the API sees it; counts as a lookup. */
  look(id: string): SandboxAction | undefined {
    const held = this.#held.get(id.toLowerCase());
    return held === undefined || !this.#visible(held) ? undefined : this.#looked(held);
  }

  /**
   * The actions that a list may show, in the order asked for and not yet counted as looked up. `ids` narrows the search
   * to these through the index.
   */
  *listed(ids: ReadonlySet<string> | undefined, newestFirst: boolean | undefined): Generator<SandboxAction> {
    for (const held of this.#candidates(ids, newestFirst)) {
      if (held.behaviour?.missingFromList === true || !this.#visible(held)) continue;
      yield this.#settled(held).action;
    }
  }

  /** Counts a lookup for each action of a page, and returns what the caller sees. */
  lookAll(page: readonly SandboxAction[]): SandboxAction[] {
    return page.map((action) => this.#looked(this.#require(action.id)));
  }

  cancel(id: string, request: CancelRequest): CancelResult {
    const held = this.#held.get(id.toLowerCase());
    if (held === undefined || !this.#visible(held)) return { kind: 'unknown' };
    const { action } = this.#settled(held);
    if (isOver(action.status)) return { kind: 'over', action };
    if (held.accepted) return { kind: this.#options.secondCancel === 'accepted' ? 'repeated' : 'over', action };
    const behaviour = held.behaviour?.onCancel ?? { kind: 'at-once' };
    switch (behaviour.kind) {
      case 'refused': {
        const message = behaviour.message ?? `The request for machine action ${action.id} was refused`;
        return { kind: 'refused', http: behaviour.http, code: behaviour.code, message };
      }
      case 'beaten': {
        const status = behaviour.status ?? 'Cancelled';
        const other = {
          requestor: behaviour.by ?? 'other.analyst@contoso.com',
          comment: behaviour.comment ?? 'not needed',
        };
        this.#apply(held, { status, cancelledBy: status === 'Cancelled' ? other : undefined }, this.#options.nowMs());
        return { kind: 'over', action };
      }
      case 'at-once':
        held.accepted = true;
        this.#apply(held, { status: 'Cancelled', completedCommand: behaviour.completedCommand, cancelledBy: request });
        return { kind: 'accepted', action };
      case 'later': {
        held.accepted = true;
        const { becomes: status, afterMs, afterLookups, completedCommand } = behaviour;
        const stampedLater = behaviour.stamped === false && status === 'Cancelled';
        if (behaviour.stamped !== false) this.#stamp(action, request, this.#options.nowMs());
        if (afterMs !== undefined || afterLookups !== undefined) {
          this.#schedule(
            held,
            { status, completedCommand, cancelledBy: stampedLater ? request : undefined },
            behaviour,
          );
        }
        return { kind: 'accepted', action };
      }
    }
  }

  #require(id: string): Held {
    const held = this.#held.get(id.toLowerCase());
    if (held === undefined) throw new Error(`the sandbox has no action ${id}: add it first`);
    return held;
  }

  #setBehaviour(held: Held, behaviour: ActionBehaviour | undefined): void {
    held.behaviour = behaviour;
    const becomes = behaviour?.becomes;
    if (becomes !== undefined) this.#schedule(held, { status: becomes.status }, becomes);
  }

  #schedule(held: Held, change: Change, after: { afterMs?: number; afterLookups?: number }): void {
    const dueMs = after.afterMs === undefined ? undefined : this.#options.nowMs() + after.afterMs;
    held.coming.push({ ...change, dueMs, lookupsLeft: after.afterLookups });
  }

  #visible(held: Held): boolean {
    const age = held.behaviour?.unknownUntilAgeMs;
    return age === undefined || this.#options.nowMs() - Math.floor(held.createdMs) >= age;
  }

  #settled(held: Held): Held {
    if (held.coming.length === 0) return held;
    const now = this.#options.nowMs();
    const due = held.coming.filter(
      (change) => (change.dueMs ?? Number.POSITIVE_INFINITY) <= now || change.lookupsLeft === 0,
    );
    if (due.length === 0) return held;
    held.coming = held.coming.filter((change) => !due.includes(change));
    for (const change of due.sort((a, b) => (a.dueMs ?? now) - (b.dueMs ?? now))) {
      if (!isOver(held.action.status)) this.#apply(held, change, Math.min(change.dueMs ?? now, now));
    }
    return held;
  }

  #looked(held: Held): SandboxAction {
    const { action } = this.#settled(held);
    for (const change of held.coming) {
      // The lookup that is counted here still shows the old status, hence the zero is met by the next one.
      if (change.lookupsLeft !== undefined && change.lookupsLeft > 0) change.lookupsLeft -= 1;
    }
    return action;
  }

  #apply(held: Held, change: Change, atMs = this.#options.nowMs()): void {
    const { action } = held;
    action.status = change.status;
    action.lastUpdateDateTimeUtc = serviceTime(atMs);
    if (change.cancelledBy !== undefined) this.#stamp(action, change.cancelledBy, atMs);
    if (change.completedCommand === true && action.commands.length === 0) action.commands.push(emptyCommand());
    if (change.completedCommand === true || change.status === 'Succeeded') completeFirstCommand(action, atMs);
  }

  #stamp(action: SandboxAction, request: CancelRequest, atMs: number): void {
    action.cancellationRequestor = request.requestor;
    action.cancellationComment = request.comment;
    action.cancellationDateTimeUtc = serviceTime(atMs);
    action.lastUpdateDateTimeUtc = serviceTime(atMs);
  }

  *#candidates(ids: ReadonlySet<string> | undefined, newestFirst: boolean | undefined): Generator<Held> {
    if (ids !== undefined) {
      const found = [...ids].flatMap((id) => this.#held.get(id) ?? []);
      yield* newestFirst === undefined ? found : sortByCreation(found, newestFirst);
    } else if (newestFirst === undefined) {
      yield* this.#held.values();
    } else {
      this.#byCreation ??= sortByCreation([...this.#held.values()], true);
      yield* newestFirst ? this.#byCreation : this.#byCreation.toReversed();
    }
  }
}

function sortByCreation(held: Held[], newestFirst: boolean): Held[] {
  return held.sort((a, b) => (newestFirst ? b.createdMs - a.createdMs : a.createdMs - b.createdMs));
}

/** Marks the first command, if there is one, as completed at that moment (ms since the epoch). */
function completeFirstCommand(action: SandboxAction, atMs: number): void {
  const first = action.commands[0];
  if (first === undefined) return;
  first.commandStatus = 'Completed';
  first.startTime ??= serviceTime(atMs - 1_000);
  first.endTime = serviceTime(atMs);
}

/** A live response command that has not begun. */
function emptyCommand(): SandboxCommand {
  return {
    index: 0,
    startTime: null,
    endTime: null,
    commandStatus: 'Created',
    errors: [],
    command: { type: 'RunScript', params: [{ key: 'ScriptName', value: 'collect.ps1' }] },
  };
}
