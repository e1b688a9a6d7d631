import {
  createCipheriv,
  createDecipheriv,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
} from 'node:crypto';
import {
  CONTROL_HEADER_BYTES,
  HOP_MAC_BYTES,
  type LinkCrypto,
  MEDIA_HEADER_BYTES,
  readControlSeq,
  writeControlHeader,
} from '@switchyard/core/fabric/mesh';

const KEY_BYTES = 16;
const SALT_BYTES = 8;
const TAG_BYTES = 16;
const NONCE_BYTES = 12;
/** Bytes of a raw X25519 public key, and what stands before them in its DER form (RFC 8410). */
const PUBLIC_KEY_BYTES = 32;
const DER_PREFIX = Buffer.from('302a300506032b656e032100', 'hex');

/** The key pair of this process and the keys of its links: X25519 with everybody, mixed with the cluster's secret. */
export class NodeKeys {
  readonly #privateKey: KeyObject;
  /** Raw, base64: what others learn by the control plane. */
  readonly publicKey: string;
  readonly #secret: string;

  /** @param secret The cluster's: who does not know it has other keys, and is not understood. */
  constructor(secret: string) {
    const { publicKey, privateKey } = generateKeyPairSync('x25519');
    this.#privateKey = privateKey;
    this.publicKey = publicKey
      .export({ type: 'spki', format: 'der' })
      .subarray(-PUBLIC_KEY_BYTES)
      .toString('base64');
    this.#secret = secret;
  }

  /** @returns undefined when `publicKey` is none. */
  linkTo(publicKey: string): LinkCrypto | undefined {
    const raw = Buffer.from(publicKey, 'base64');
    if (raw.length !== PUBLIC_KEY_BYTES) return undefined;
    try {
      const key = createPublicKey({ key: Buffer.concat([DER_PREFIX, raw]), format: 'der', type: 'spki' });
      const shared = diffieHellman({ privateKey: this.#privateKey, publicKey: key });
      return new NodeLinkCrypto(
        publicKey,
        directionKeys(shared, this.#secret, this.publicKey, publicKey),
        directionKeys(shared, this.#secret, publicKey, this.publicKey),
      );
    } catch {
      return undefined;
    }
  }
}

interface DirectionKeys {
  readonly mac: Buffer;
  readonly control: Buffer;
  readonly salt: Buffer;
}

function directionKeys(shared: Buffer, secret: string, from: string, to: string): DirectionKeys {
  const bytes = Buffer.from(
    hkdfSync('sha256', shared, secret, `switchyard link ${from} ${to}`, 2 * KEY_BYTES + SALT_BYTES),
  );
  return {
    mac: bytes.subarray(0, KEY_BYTES),
    control: bytes.subarray(KEY_BYTES, 2 * KEY_BYTES),
    salt: bytes.subarray(2 * KEY_BYTES),
  };
}

/** AES-128: one block over the header for the hop MAC, GCM for control. */
class NodeLinkCrypto implements LinkCrypto {
  readonly id: string;
  readonly #out: DirectionKeys;
  readonly #in: DirectionKeys;
  // Long-lived: making a cipher costs more than using it.
  readonly #macOut: ReturnType<typeof createCipheriv>;
  readonly #macIn: ReturnType<typeof createCipheriv>;
  readonly #header = Buffer.alloc(MEDIA_HEADER_BYTES);

  constructor(id: string, out: DirectionKeys, incoming: DirectionKeys) {
    this.id = id;
    this.#out = out;
    this.#in = incoming;
    this.#macOut = createCipheriv('aes-128-ecb', out.mac, null).setAutoPadding(false);
    this.#macIn = createCipheriv('aes-128-ecb', incoming.mac, null).setAutoPadding(false);
  }

  writeMac(datagram: Uint8Array): void {
    const block = this.#blockOf(this.#macOut, datagram);
    for (let i = 0; i < HOP_MAC_BYTES; i += 1) datagram[MEDIA_HEADER_BYTES + i] = block[i] ?? 0;
  }

  checkMac(datagram: Uint8Array): boolean {
    const block = this.#blockOf(this.#macIn, datagram);
    // All bytes, whatever the first ones say: how long it takes tells nothing.
    let difference = 0;
    for (let i = 0; i < HOP_MAC_BYTES; i += 1)
      difference |= (block[i] ?? 0) ^ (datagram[MEDIA_HEADER_BYTES + i] ?? 0);
    return difference === 0;
  }

  #blockOf(cipher: ReturnType<typeof createCipheriv>, datagram: Uint8Array): Buffer {
    const header = this.#header;
    for (let i = 0; i < MEDIA_HEADER_BYTES; i += 1) header[i] = datagram[i] ?? 0;
    return cipher.update(header);
  }

  sealControl(linkSeq: number, body: Uint8Array): Uint8Array {
    const header = new Uint8Array(CONTROL_HEADER_BYTES);
    writeControlHeader(header, linkSeq);
    const cipher = createCipheriv('aes-128-gcm', this.#out.control, nonceOf(this.#out.salt, linkSeq));
    cipher.setAAD(header);
    return Buffer.concat([header, cipher.update(body), cipher.final(), cipher.getAuthTag()]);
  }

  openControl(datagram: Uint8Array): Uint8Array | undefined {
    if (datagram.length < CONTROL_HEADER_BYTES + TAG_BYTES) return undefined;
    const nonce = nonceOf(this.#in.salt, readControlSeq(datagram));
    const decipher = createDecipheriv('aes-128-gcm', this.#in.control, nonce);
    decipher.setAAD(datagram.subarray(0, CONTROL_HEADER_BYTES));
    decipher.setAuthTag(datagram.subarray(datagram.length - TAG_BYTES));
    const body = decipher.update(datagram.subarray(CONTROL_HEADER_BYTES, datagram.length - TAG_BYTES));
    try {
      decipher.final();
    } catch {
      return undefined;
    }
    return body;
  }
}

/** Used once a key: control sequence numbers do not wrap in the life of a process. */
function nonceOf(salt: Buffer, seq: number): Buffer {
  const nonce = Buffer.alloc(NONCE_BYTES);
  salt.copy(nonce);
  nonce.writeUInt32BE(seq, SALT_BYTES);
  return nonce;
}
