import { type Caller, mayCancel, mayRead } from './access.ts';
import { errorAnswer, forbidden, type HttpAnswer, jsonAnswer } from './answers.ts';
import { type Devices, listDevices } from './devices.ts';
import { listActions } from './list-actions.ts';
import type { ListRules, SandboxAccess } from './options.ts';
import type { Route } from './request-log.ts';
import type { SandboxAction } from './sandbox-action.ts';
import type { ActionStore } from './store.ts';

/** A request that has been read and let in. */
export interface ApiRequest {
  route: Route;
  method: string;
  id: string | undefined;
  /** Scheme, host and path. */
  url: string;
  query: URLSearchParams;
  contentType: string | undefined;
  body: string;
}

interface RouteRules {
  store: ActionStore;
  devices: Devices;
  access: SandboxAccess;
  list: ListRules;
}

interface Served {
  answer: HttpAnswer;
  /** A cancel that changed the action. */
  effect: boolean;
  comment?: string | undefined;
}

const machinesPattern = /^\/api(?:\/v1\.0)?\/machines\/?$/i;
const pathPattern = /^\/api(?:\/v1\.0)?\/machineactions(?:\/([^/]+)(\/cancel)?)?\/?$/i;

/** Which route a request is for; a path or method that the service does not have is `other`. */
export function routeOf(method: string, path: string): { route: Route; id: string | undefined } {
  if (method === 'GET' && machinesPattern.test(path)) return { route: 'machines', id: undefined };
  const found = pathPattern.exec(path);
  if (found === null) return { route: 'other', id: undefined };
  const id = found[1] === undefined ? undefined : decoded(found[1]).toLowerCase();
  if (found[2] !== undefined) return { route: method === 'POST' ? 'cancel' : 'other', id };
  if (method !== 'GET') return { route: 'other', id };
  return { route: id === undefined ? 'list' : 'get', id };
}

/** The service's own rules: permissions, the body, the store; quota and faults come before and after. */
export function serve(request: ApiRequest, caller: Caller, rules: RouteRules): Served {
  switch (request.route) {
    case 'cancel':
      return serveCancel(request, caller, rules);
    case 'get':
      return { answer: mayRead(caller) ? serveGet(request, rules.store) : missingPermission(), effect: false };
    case 'list':
      return {
        answer: mayRead(caller) ? listActions(rules.store, rules.list, request) : missingPermission(),
        effect: false,
      };
    case 'machines': {
      const may = mayRead(caller) && rules.access.readsDevices !== false;
      return { answer: may ? listDevices(rules.devices, request, rules.list) : missingPermission(), effect: false };
    }
    case 'other':
      return { answer: errorAnswer(404, 'NotFound', 'The requested resource does not exist'), effect: false };
  }
}

/** Applies what a cancel asks for. An action whose type needs another permission is refused before it is touched. */
function serveCancel(request: ApiRequest, caller: Caller, { store, access }: RouteRules): Served {
  const id = request.id ?? '';
  if (!mayCancel(caller)) return { answer: missingPermission(), effect: false };
  const comment = commentOf(request);
  if (comment === undefined) {
    return { answer: errorAnswer(400, 'InvalidRequestBody', 'Request body is incorrect'), effect: false };
  }
  const type = store.get(id)?.type;
  if (access.permissionByType === true && type !== undefined && !mayCancel(caller, type)) {
    return { answer: missingPermission(), effect: false, comment };
  }
  const result = store.cancel(id, { comment, requestor: caller.name });
  const effect = result.kind === 'accepted';
  switch (result.kind) {
    case 'accepted':
    case 'repeated':
      return { answer: entityAnswer(request.url, result.action), effect, comment };
    case 'unknown':
      return { answer: notFound(id), effect, comment };
    case 'refused':
      return { answer: errorAnswer(result.http, result.code, result.message), effect, comment };
    case 'over': {
      const message = `Machine action ${id} can not be cancelled, its status is ${result.action.status}`;
      return { answer: errorAnswer(400, 'BadRequest', message), effect, comment };
    }
  }
}

function serveGet({ id = '', url }: ApiRequest, store: ActionStore): HttpAnswer {
  const action = store.look(id);
  return action === undefined ? notFound(id) : entityAnswer(url, action);
}

function entityAnswer(url: string, action: SandboxAction): HttpAnswer {
  const api = url.slice(0, url.toLowerCase().indexOf('/machineactions'));
  return jsonAnswer(200, { '@odata.context': `${api}/$metadata#MachineActions/$entity`, ...action });
}

function notFound(id: string): HttpAnswer {
  return errorAnswer(404, 'ResourceNotFound', `Machine action ${id} was not found`);
}

function missingPermission(): HttpAnswer {
  return forbidden('The application does not have any of the required permissions to access the resource');
}

/** `Comment`, in exactly this case, as a text that is not empty. */
function commentOf({ contentType = '', body }: ApiRequest): string | undefined {
  if (!/^application\/json\b/i.test(contentType)) return undefined;
  try {
    const read: unknown = JSON.parse(body);
    if (typeof read !== 'object' || read === null || !('Comment' in read)) return undefined;
    return typeof read.Comment === 'string' && read.Comment.trim() !== '' ? read.Comment : undefined;
  } catch {
    return undefined;
  }
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
