import { ALL_PERMISSIONS, type Permissions, type ProtocolError } from '@switchyard/shared/protocol';
import type { AppConfig } from '../config/config.ts';
import { CodeCounts } from '../metrics/code-counts.ts';
import { ANY_ROOM, readToken } from './access-token.ts';

/** App of everybody while none is configured. */
export const DEFAULT_APP: string = 'default';

/** Who knocks at a gateway. */
export interface AccessRequest {
  readonly token: string | undefined;
  readonly room: string;
  /** The name that the client chose for itself, if it did. */
  readonly peer?: string | undefined;
  /** At least one of these must be permitted. */
  readonly needs: readonly (keyof Permissions)[];
}

/** On what terms somebody comes in. */
export interface Access {
  /** Tenant whose room it is. */
  readonly app: string;
  /** The name that the token prescribes, if it does. */
  readonly peer: string | undefined;
  readonly permissions: Permissions;
}

export type AccessResult =
  | { readonly ok: true; readonly access: Access }
  | { readonly ok: false; readonly error: ProtocolError };

/** The door of every gateway: tokens in, apps and permissions out. */
export interface AccessControl {
  /** Development mode: no app is configured, nobody is asked, and the server listens on loopback only. */
  readonly isOpen: boolean;
  /** What was answered to those who were not let in. */
  readonly refusals: CodeCounts;
  admit(request: AccessRequest): Promise<AccessResult>;
}

const OPEN_ACCESS: Access = { app: DEFAULT_APP, peer: undefined, permissions: ALL_PERMISSIONS };

const refuse = (detail: string): AccessResult => ({ ok: false, error: { code: 'not-allowed', detail } });

/** With apps, tokens are required of everybody; without, a token that somebody brings is not looked at. */
export function createAccessControl(apps: readonly AppConfig[]): AccessControl {
  const refusals = new CodeCounts();
  if (apps.length === 0)
    return { isOpen: true, refusals, admit: async () => ({ ok: true, access: OPEN_ACCESS }) };
  return {
    isOpen: false,
    refusals,
    admit: async (request) => {
      const result = await admit(request, apps);
      if (!result.ok) refusals.add(result.error.code);
      return result;
    },
  };
}

async function admit(
  { token, room, peer, needs }: AccessRequest,
  apps: readonly AppConfig[],
): Promise<AccessResult> {
  if (token === undefined || token === '') return { ok: false, error: { code: 'token-required' } };
  const read = await readToken(token, apps);
  if (!read.ok) return read;
  const { grant } = read;
  if (grant.room !== ANY_ROOM && grant.room !== room) return refuse('the token is for another room');
  if (peer !== undefined && grant.peer !== undefined && grant.peer !== peer)
    return refuse('the token is for another peer');
  const { publish, subscribe, data } = grant.permissions;
  const permissions = { publish, subscribe, data };
  if (!needs.some((need) => permissions[need]))
    return refuse(`the token does not allow to ${needs.join(' or ')}`);
  return { ok: true, access: { app: grant.app, peer: grant.peer, permissions } };
}
