/** The port between calls and whatever speaks SIP: every driver passes one contract suite. */

/** What an INVITE says, as far as calls care. */
export interface IncomingCallInfo {
  readonly callId: string;
  /** User part of the request URI: the room. */
  readonly target: string;
  /** User part of From. */
  readonly from: string;
  readonly displayName: string;
  /** Where the request came from. */
  readonly address: string;
  readonly transport: 'UDP' | 'TCP';
  /** Parameter `token` of the request URI, or header `X-Switchyard-Token`. */
  readonly token: string | undefined;
  /** undefined: the offer is to be ours (RFC 3261 §13.2.1). */
  readonly offer: string | undefined;
}

/** A call that rings. One of answer, reject or the caller's CANCEL ends this state. */
export interface IncomingCall {
  readonly info: IncomingCallInfo;
  /** The caller gave up. Set by whoever takes the call. */
  onCancel: () => void;
  ring(): void;
  /** @param sdp Our answer, or our offer when there was none. */
  answer(sdp: string, handler: CallHandler): CallSession;
  reject(status: number, reason: string): void;
}

/** What happens in an answered call. */
export interface CallHandler {
  /** The ACK brought the answer to our offer. */
  onAnswer(sdp: string): void;
  /** re-INVITE or UPDATE. @returns The answer, or the status to refuse with; `offer` undefined asks for ours. */
  onReoffer(offer: string | undefined): { readonly sdp: string } | { readonly status: number };
  /** BYE, a lost ACK, or the end of the dialog in any other way. Called once. */
  onEnded(reason: string): void;
}

export interface CallSession {
  /** Sends BYE. Idempotent. */
  hangup(): void;
}

export interface SipDriverEvents {
  onCall(call: IncomingCall): void;
}

export interface SipDriver {
  start(events: SipDriverEvents): Promise<void>;
  /** Calls that are open. */
  readonly callCount: number;
  stop(): Promise<void>;
}
