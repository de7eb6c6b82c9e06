import type { Outcome } from '../../ledger/outcomes.ts';
import type { Action } from '../../ledger/state/run-state.ts';
import type { MergedAction } from './view.ts';

/** One action as tables show it. Empty cells are undefined; times are epoch ms. */
export interface ActionRow {
  id: string;
  /** `open`: admitted, and nothing settled yet. */
  outcome: Outcome | 'open';
  /** Defender's last known status. */
  status: string | undefined;
  type: string | undefined;
  device: string | undefined;
  deviceId: string | undefined;
  requestor: string | undefined;
  /** As Defender sent it. */
  created: string | undefined;
  attempts: number;
  http: number | undefined;
  code: string | undefined;
  correlation: string | undefined;
  firstSentAtMs: number | undefined;
  answeredAtMs: number | undefined;
  detail: string | undefined;
  /** The row's own comment, where the source had one. */
  comment: string | undefined;
  line: number;
}

export function actionRow({ action }: Pick<MergedAction, 'action'>): ActionRow {
  const { screen, last, outcome } = action;
  return {
    id: action.id,
    outcome: outcome?.outcome ?? 'open',
    status: outcome?.status ?? screen?.status,
    // What Defender does not know has an empty type.
    type: screen?.type || undefined,
    device: screen?.computer ?? undefined,
    deviceId: screen?.machineId ?? undefined,
    requestor: screen?.requestor ?? undefined,
    created: screen?.created ?? undefined,
    attempts: outcome?.calls ?? action.sent,
    http: last?.http,
    code: last?.code,
    correlation: last?.correlation,
    firstSentAtMs: last?.firstAtMs,
    answeredAtMs: last?.repliedAtMs,
    detail: outcome?.detail ?? last?.error,
    comment: action.comment,
    line: action.line,
  };
}

/**
 * An isolation that had already succeeded, or ran although we asked: a cancel cannot undo it, only a release can.
 * In a plan, where nothing is settled yet, the lookup alone tells.
 */
export function mayNeedRelease(action: Action, planned = false): boolean {
  if (action.screen?.type !== 'Isolate') return false;
  if (action.outcome === undefined) return planned && action.screen.status === 'Succeeded';
  if (action.outcome.outcome === 'ran-anyway') return true;
  if (action.outcome.outcome !== 'already-final') return false;
  return (action.outcome.status ?? action.screen.status) === 'Succeeded';
}
