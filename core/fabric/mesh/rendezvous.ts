const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/** FNV-1a with a final mix (murmur3): 32 bits, the same on every node. */
function hash(text: string): number {
  let value = FNV_OFFSET;
  for (let i = 0; i < text.length; i += 1) value = Math.imul(value ^ text.charCodeAt(i), FNV_PRIME);
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return (value ^ (value >>> 16)) >>> 0;
}

/**
 * Picks one of `nodes` for `key` (rendezvous hashing): every node picks the same one, keys spread evenly, and a node
 * that comes or goes moves only its own keys.
 */
export function rendezvous(key: string, nodes: Iterable<string>): string | undefined {
  let chosen: string | undefined;
  let best = -1;
  for (const node of nodes) {
    const weight = hash(`${key}\n${node}`);
    if (weight > best || (weight === best && chosen !== undefined && node < chosen)) {
      chosen = node;
      best = weight;
    }
  }
  return chosen;
}
