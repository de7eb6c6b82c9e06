/** Types and statuses of machine actions known so far. Both sets are open: Microsoft's own descriptions disagree. */
export const ACTION_TYPES = [
  'RunAntiVirusScan',
  'Offboard',
  'LiveResponse',
  'CollectInvestigationPackage',
  'Isolate',
  'Unisolate',
  'StopAndQuarantineFile',
  'RestrictCodeExecution',
  'UnrestrictCodeExecution',
  'RequestSample',
] as const;

export const ACTION_STATUSES = ['Pending', 'InProgress', 'Succeeded', 'Failed', 'TimeOut', 'Cancelled'] as const;

/** The statuses of actions that a cancel can still reach. */
export const OPEN_STATUSES = ['Pending', 'InProgress'] as const;
