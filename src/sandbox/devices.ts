import { errorAnswer, type HttpAnswer, jsonAnswer } from './answers.ts';
import { DEVICE_FIELDS, FilterError, matcher, parseFilter, wholeNumber } from './filter.ts';
import type { ListRules } from './options.ts';
import { type SandboxAction, serviceTime } from './sandbox-action.ts';
import { seededRandom, seedOf } from './seeded.ts';

export interface DeviceOptions {
  /** The same seed gives a device the same last report and return. @default 1 */
  seed?: number;
  /**
   * A scenario: devices come back, and what is still open on them is carried out. One that was seen today does so after this many ms on average,
   * and each day since doubles it.
   * @default none ever comes back
   */
  returnsAfterMs?: number | undefined;
}

/** What is said of a device; the rest is made up from its ID. */
export interface DeviceFacts {
  /** Epoch ms; null shows none. */
  lastSeenMs?: number | null;
  /** Epoch ms. */
  backAtMs?: number | undefined;
}

interface Device {
  id: string;
  name: string | null;
  lastSeenMs: number | null;
  backAtMs: number | undefined;
}

const DAY_MS = 86_400_000;
/** Two in five were seen in the last day, the others up to so many days ago. */
const LOST = { share: 0.6, days: 60 };

/** The devices of one tenant, in memory: those that the actions are of, and others. */
export class Devices {
  readonly #held = new Map<string, Device>();
  readonly #told = new Map<string, DeviceFacts>();
  readonly #options: DeviceOptions & { nowMs: () => number };

  constructor(options: DeviceOptions & { nowMs: () => number }) {
    this.#options = options;
  }

  /** Says something of a device, before or after it has actions; when it comes back counts for actions that are added later. */
  tell(id: string, facts: DeviceFacts): void {
    this.#told.set(id, { ...this.#told.get(id), ...facts });
    const known = this.#held.get(id);
    this.#held.set(id, { ...this.#madeUp(id, known?.name ?? null), ...facts });
  }

  /** When the device of an action comes back, epoch ms; undefined where it never does. */
  backAtMs({ machineId, computerDnsName }: Pick<SandboxAction, 'machineId' | 'computerDnsName'>): number | undefined {
    if (machineId === null) return undefined;
    let device = this.#held.get(machineId);
    if (device === undefined) {
      device = this.#madeUp(machineId, computerDnsName);
      this.#held.set(machineId, device);
    }
    device.name ??= computerDnsName;
    return device.backAtMs;
  }

  /** As the service shows them now. */
  *all(): Generator<Record<string, unknown>> {
    const nowMs = this.#options.nowMs();
    for (const { id, name, lastSeenMs, backAtMs } of this.#held.values()) {
      const seenMs = backAtMs !== undefined && backAtMs <= nowMs ? backAtMs : lastSeenMs;
      const isActive = seenMs !== null && nowMs - seenMs < 7 * DAY_MS;
      yield {
        id,
        computerDnsName: name,
        firstSeen: seenMs === null ? null : serviceTime(seenMs - 200 * DAY_MS),
        lastSeen: seenMs === null ? null : serviceTime(seenMs),
        osPlatform: 'Windows11',
        version: '24H2',
        healthStatus: isActive ? 'Active' : 'Inactive',
        onboardingStatus: 'Onboarded',
        rbacGroupId: 0,
        rbacGroupName: null,
        riskScore: 'None',
        exposureLevel: 'Low',
        machineTags: [],
      };
    }
  }

  #madeUp(id: string, name: string | null): Device {
    const { seed = 1, returnsAfterMs, nowMs } = this.#options;
    const random = seededRandom(seedOf(seed, `device ${id}`));
    const days = random() < LOST.share ? LOST.days ** random() : random();
    const meanMs = (returnsAfterMs ?? 0) * 2 ** Math.floor(days);
    const backAtMs = returnsAfterMs === undefined ? undefined : nowMs() - meanMs * Math.log(1 - random());
    return { id, name, lastSeenMs: nowMs() - days * DAY_MS, backAtMs, ...this.#told.get(id) };
  }
}

const known = new Set(['$filter', '$top', '$skip', '$count']);

/** Answers List machines: by filter, `$top` and `$skip`, so many at most; where nothing matches, with a 404, as the service does it. */
export function listDevices(
  devices: Devices,
  { query }: { query: URLSearchParams },
  { pageSize }: Pick<ListRules, 'pageSize'>,
): HttpAnswer {
  try {
    for (const name of query.keys()) {
      if (name.startsWith('$') && !known.has(name))
        throw new FilterError(`The query parameter '${name}' is not supported`);
    }
    const text = query.get('$filter');
    const matches = text === null ? () => true : matcher(parseFilter(text, DEVICE_FIELDS));
    const found = [...devices.all()].filter(matches);
    if (found.length === 0) return errorAnswer(404, 'ResourceNotFound', 'No recent machines were found');
    const top = wholeNumber(query, '$top') ?? TOP_AT_MOST;
    if (top > TOP_AT_MOST) throw new FilterError(`The limit of '${TOP_AT_MOST}' for Top query has been exceeded`);
    const skip = wholeNumber(query, '$skip') ?? 0;
    return jsonAnswer(200, { value: found.slice(skip, skip + Math.min(top, pageSize)) });
  } catch (error) {
    if (error instanceof FilterError) return errorAnswer(400, 'ODataError', error.message);
    throw error;
  }
}

const TOP_AT_MOST = 10_000;
