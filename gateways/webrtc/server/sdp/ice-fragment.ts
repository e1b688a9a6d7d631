import type { ProtocolError } from '@switchyard/shared/protocol';
import type { IceCredentials, ServerCandidate } from '../peer-contract.ts';

/** What a WHIP or WHEP client sends by PATCH (`application/trickle-ice-sdpfrag`, RFC 8840 §9). */
export interface IceFragment {
  readonly ufrag: string;
  readonly password: string;
}

export type IceFragmentResult =
  | { readonly ok: true; readonly fragment: IceFragment }
  | { readonly ok: false; readonly error: ProtocolError };

/**
 * Reads the ICE credentials of a fragment. Its candidates are of no use to an ICE-lite server, which learns the
 * client's addresses from the checks it gets.
 */
export function parseIceFragment(text: string): IceFragmentResult {
  const ufrag = /^a=ice-ufrag:([A-Za-z0-9+/=_-]{4,256})\s*$/m.exec(text)?.[1];
  const password = /^a=ice-pwd:([A-Za-z0-9+/=_-]{22,256})\s*$/m.exec(text)?.[1];
  if (ufrag === undefined) return refuse('a=ice-ufrag is missing or malformed');
  if (password === undefined) return refuse('a=ice-pwd is missing or malformed');
  return { ok: true, fragment: { ufrag, password } };
}

const refuse = (detail: string): IceFragmentResult => ({ ok: false, error: { code: 'invalid-sdp', detail } });

/** The answer to an ICE restart (RFC 9725 §4.3.3): the server's new credentials and its candidates, which stay. */
export function writeIceFragment(
  credentials: IceCredentials,
  candidates: readonly ServerCandidate[],
  mid: string,
): string {
  return [
    'a=ice-lite',
    `a=ice-ufrag:${credentials.ufrag}`,
    `a=ice-pwd:${credentials.password}`,
    'm=audio 9 UDP/TLS/RTP/SAVPF 0',
    `a=mid:${mid}`,
    ...candidates.map(
      ({ address, port, priority, transport }, index) =>
        `a=candidate:${index + 1} 1 ${transport} ${priority} ${address} ${port} typ host${
          transport === 'tcp' ? ' tcptype passive' : ''
        }`,
    ),
    'a=end-of-candidates',
    '',
  ].join('\r\n');
}
