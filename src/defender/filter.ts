import type { ActionFilter } from '../job/job.ts';
import { canonicalStatus, canonicalType, isSameName, type MachineAction } from './entity.ts';

/** What a `$filter` asks for; terms are joined by `and`, the values of one by `or`. Moments are ISO times, UTC. */
export type FilterTerms = Omit<ActionFilter, 'commentContains'>;

/** The terms as an OData expression; empty when nothing is asked for. */
export function filterOf(terms: FilterTerms): string {
  return [
    equalsAny('type', terms.type.map(canonicalType)),
    equalsAny('status', terms.status.map(canonicalStatus)),
    equalsAny('requestor', terms.requestor),
    equalsAny('machineId', terms.machine),
    terms.createdAfter === undefined ? '' : `creationDateTimeUtc ge ${terms.createdAfter}`,
    terms.createdBefore === undefined ? '' : `creationDateTimeUtc le ${terms.createdBefore}`,
  ]
    .filter((term) => term !== '')
    .join(' and ');
}

/**
 * Whether an action is what was asked for, by what Defender shows of it. A server that passes over a filter must not make a job cancel what
 * it was never meant for. What is asked for and not shown does not match.
 */
export function isAskedFor(action: MachineAction, terms: ActionFilter): boolean {
  const { type, status, requestor, machine, createdAfter, createdBefore, commentContains } = terms;
  const isOneOf = (wanted: readonly string[], ...shown: (string | null | undefined)[]) =>
    wanted.length === 0 || wanted.some((each) => shown.some((value) => isSameText(each, value)));
  const createdMs = Date.parse(action.creationDateTimeUtc ?? '');
  return (
    (type.length === 0 || type.some((each) => isSameName(each, action.type))) &&
    (status.length === 0 || status.some((each) => isSameName(each, action.status))) &&
    isOneOf(requestor, action.requestor) &&
    isOneOf(machine, action.machineId, action.computerDnsName) &&
    (createdAfter === undefined || createdMs >= Date.parse(createdAfter)) &&
    (createdBefore === undefined || createdMs <= Date.parse(createdBefore)) &&
    (commentContains === undefined ||
      (action.requestorComment ?? '').toLowerCase().includes(commentContains.toLowerCase()))
  );
}

function isSameText(one: string, other: string | null | undefined): boolean {
  return one.trim().toLowerCase() === other?.trim().toLowerCase();
}

/** `name in ('a','b')`. */
export function anyOf(name: string, values: readonly string[]): string {
  return `${name} in (${values.map(quoted).join(',')})`;
}

/** `eq` rather than `in`: it is the documented form for these properties. */
function equalsAny(name: string, values: readonly string[]): string {
  const terms = values.map((value) => `${name} eq ${quoted(value)}`);
  return terms.length > 1 ? `(${terms.join(' or ')})` : (terms[0] ?? '');
}

/** A string in OData is quoted by `'`, and a quote in it is doubled. */
function quoted(value: string): string {
  return `'${value.replaceAll("'", "''")}'`;
}
