import { setTimeout as delay } from 'node:timers/promises';
import type { KV, Kvm, KvOptions } from '@nats-io/kv';

/** A bucket cannot be had at once when another node creates it at this moment, or a cluster has no leader yet. */
const TRIES = 20;
const RETRY_MS = 250;

/** Opens a bucket, and creates it where there is none. @throws what the server said the last time. */
export async function openBucket(kvm: Kvm, name: string, options: Partial<KvOptions>): Promise<KV> {
  for (let tried = 1; ; tried += 1)
    try {
      return await kvm.create(name, options);
    } catch (error) {
      if (tried === TRIES) throw error;
      await delay(RETRY_MS);
    }
}
