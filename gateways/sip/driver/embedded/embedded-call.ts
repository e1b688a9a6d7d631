import type { Core } from 'sip.js';
import type { CallHandler, CallSession, IncomingCall, IncomingCallInfo } from '../sip-driver.ts';
import type { SipFlow } from './sip-flow.ts';

const SDP = 'application/sdp';
const bodyOf = (sdp: string): Core.Body => ({
  contentDisposition: 'session',
  contentType: SDP,
  content: sdp,
});

/** The SDP of a message, undefined when it has none. */
function sdpOf(message: Core.IncomingRequestMessage): string | undefined {
  const type = message.getHeader('content-type') ?? '';
  return message.body !== '' && type.toLowerCase().startsWith(SDP) ? message.body : undefined;
}

const headerText = (text: string | undefined): string => (text ?? '').slice(0, 256);

/** One call on sip.js. */
export class EmbeddedCall implements IncomingCall, CallSession {
  readonly info: IncomingCallInfo;
  onCancel: () => void = () => {};
  readonly #invite: Core.IncomingInviteRequest;
  readonly #onGone: () => void;
  #session: Core.Session | undefined;
  #handler: CallHandler | undefined;
  /** The answer to our offer comes with the ACK. */
  #awaitsAnswer = false;
  #decided = false;
  #gone = false;

  constructor(invite: Core.IncomingInviteRequest, flow: SipFlow, onGone: () => void) {
    this.#invite = invite;
    this.#onGone = onGone;
    const { message } = invite;
    const target: unknown = Reflect.get(message, 'target');
    const token: unknown = Reflect.get(message, 'token');
    this.info = {
      callId: message.callId,
      target: typeof target === 'string' ? target : '',
      from: headerText(message.from.uri.user),
      displayName: headerText(message.from.displayName),
      address: flow.address,
      transport: flow.transport,
      token: typeof token === 'string' ? token : undefined,
      offer: sdpOf(message),
    };
    invite.delegate = {
      onCancel: () => {
        if (this.#decided) return;
        this.#decided = true;
        invite.reject({ statusCode: 487 });
        this.#end();
        this.onCancel();
      },
    };
  }

  ring(): void {
    if (!this.#decided) this.#invite.progress({ statusCode: 180 });
  }

  answer(sdp: string, handler: CallHandler): CallSession {
    if (this.#decided) {
      handler.onEnded('the caller gave up');
      return this;
    }
    this.#decided = true;
    this.#handler = handler;
    this.#awaitsAnswer = this.info.offer === undefined;
    const { session } = this.#invite.accept({ statusCode: 200, body: bodyOf(sdp) });
    this.#session = session;
    session.delegate = {
      onAck: ({ message }) => {
        const answer = sdpOf(message);
        if (this.#awaitsAnswer && answer !== undefined) handler.onAnswer(answer);
        this.#awaitsAnswer = false;
      },
      onAckTimeout: () => {
        // RFC 3261 §13.3.1.4: the dialog is confirmed, and has to be ended.
        this.hangup();
        this.#ended('no ACK');
      },
      onBye: (bye) => {
        bye.accept();
        this.#ended('hung up');
      },
      onInvite: (invite) => this.#reinvite(invite, handler),
      onInfo: (info) => {
        info.accept();
      },
      onRefer: (refer) => {
        refer.reject({ statusCode: 403 });
      },
      onMessage: (message) => {
        message.reject({ statusCode: 405 });
      },
      onNotify: (notify) => {
        notify.accept();
      },
    };
    return this;
  }

  reject(status: number, reason: string): void {
    if (this.#decided) return;
    this.#decided = true;
    this.#invite.reject({ statusCode: status, reasonPhrase: reason });
    this.#end();
  }

  hangup(): void {
    const session = this.#session;
    if (session === undefined || this.#gone) return;
    this.#end();
    try {
      session.bye();
    } catch {
      // Before the ACK came sip.js refuses: the dialog ends with it.
      session.dispose();
    }
  }

  #reinvite(invite: Core.IncomingInviteRequest, handler: CallHandler): void {
    const offer = sdpOf(invite.message);
    const result = handler.onReoffer(offer);
    if ('status' in result) {
      invite.reject({ statusCode: result.status });
      return;
    }
    this.#awaitsAnswer = offer === undefined;
    invite.accept({ statusCode: 200, body: bodyOf(result.sdp) });
  }

  #ended(reason: string): void {
    const handler = this.#handler;
    this.#handler = undefined;
    this.#end();
    handler?.onEnded(reason);
  }

  #end(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#onGone();
  }
}
