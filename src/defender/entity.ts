/**
 * A machine action as the wire carries it. Only what we read is declared; `type` and `status` are open sets, because
 * Microsoft's own descriptions disagree about them.
 */
export interface MachineAction {
  id: string;
  type: string;
  status: string;
  requestor?: string | null;
  requestorComment?: string | null;
  machineId?: string | null;
  computerDnsName?: string | null;
  creationDateTimeUtc?: string | null;
  lastUpdateDateTimeUtc?: string | null;
  cancellationRequestor?: string | null;
  cancellationComment?: string | null;
  cancellationDateTimeUtc?: string | null;
  commands?: MachineActionCommand[] | null;
}

export interface MachineActionCommand {
  commandStatus?: string | null;
  endTime?: string | null;
}
