import type { ProtocolError } from '@switchyard/shared/protocol';
import { NAME_PATTERN } from '@switchyard/shared/protocol';
import { decodeJwt, errors, jwtVerify, SignJWT } from 'jose';
import { z } from 'zod';
import type { AppConfig } from '../config/config.ts';

/** What a token allows. `admin` is for the HTTP API only. */
export interface TokenPermissions {
  readonly publish: boolean;
  readonly subscribe: boolean;
  readonly data: boolean;
  readonly admin: boolean;
}

/** What a token says, in our words. */
export interface TokenGrant {
  /** Tenant that signed it (claim `iss`). */
  readonly app: string;
  /** A room of the app, or {@link ANY_ROOM}. */
  readonly room: string;
  /** The only name its bearer may use; undefined: any. */
  readonly peer: string | undefined;
  readonly permissions: TokenPermissions;
}

export type TokenResult =
  | { readonly ok: true; readonly grant: TokenGrant }
  | { readonly ok: false; readonly error: ProtocolError };

/** In the claim `room`: every room of the app. */
export const ANY_ROOM: string = '*';
/** The one algorithm: HMAC with SHA-256 (RFC 7518 §3.2). `none` and all others are refused. */
const ALGORITHM = 'HS256';
const TOKEN_MAX_LENGTH = 4096;

/** A permission that is not named is not given; names that are not known are passed over. */
const claimsSchema = z.object({
  room: z.union([z.literal(ANY_ROOM), z.string().regex(NAME_PATTERN)]),
  peer: z.string().regex(NAME_PATTERN).optional(),
  permissions: z.object({
    publish: z.boolean().default(false),
    subscribe: z.boolean().default(false),
    data: z.boolean().default(false),
    admin: z.boolean().default(false),
  }),
});

const keyOf = ({ secret }: AppConfig): Uint8Array => new TextEncoder().encode(secret);

/**
 * A JWT (RFC 7519) with the claims `iss` (app), `room`, `peer`, `permissions`, `iat` and `exp`.
 * @param nowMs Unix milliseconds.
 */
export function signToken(
  app: AppConfig,
  { room, peer, permissions }: Omit<TokenGrant, 'app'>,
  ttlSeconds: number,
  nowMs: number,
): Promise<string> {
  const nowS = Math.floor(nowMs / 1000);
  return new SignJWT({ room, ...(peer === undefined ? {} : { peer }), permissions: { ...permissions } })
    .setProtectedHeader({ alg: ALGORITHM, typ: 'JWT' })
    .setIssuer(app.id)
    .setIssuedAt(nowS)
    .setExpirationTime(nowS + ttlSeconds)
    .sign(keyOf(app));
}

const invalid = (detail: string): TokenResult => ({ ok: false, error: { code: 'token-invalid', detail } });

/** Checks signature, time and claims. The details of a refusal say nothing that the bearer could not read itself. */
export async function readToken(token: string, apps: readonly AppConfig[]): Promise<TokenResult> {
  if (token.length > TOKEN_MAX_LENGTH) return invalid('it is too long');
  try {
    const issuer = decodeJwt(token).iss;
    const app = apps.find(({ id }) => id === issuer);
    if (app === undefined) return invalid('its issuer (iss) is no app of this server');
    const { payload } = await jwtVerify(token, keyOf(app), {
      algorithms: [ALGORITHM],
      requiredClaims: ['exp'],
    });
    const claims = claimsSchema.safeParse(payload);
    if (!claims.success) return invalid(`claim ${claims.error.issues[0]?.path.join('.')}`);
    const { room, peer, permissions } = claims.data;
    return { ok: true, grant: { app: app.id, room, peer, permissions } };
  } catch (error) {
    if (error instanceof errors.JWTExpired) return { ok: false, error: { code: 'token-expired' } };
    if (error instanceof errors.JOSEAlgNotAllowed) return invalid(`it must be signed with ${ALGORITHM}`);
    if (error instanceof errors.JWSSignatureVerificationFailed) return invalid('its signature is wrong');
    if (error instanceof errors.JWTClaimValidationFailed) return invalid(`claim ${error.claim}`);
    return invalid('it is no JWT');
  }
}
