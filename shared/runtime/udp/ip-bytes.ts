/** @returns The 4 or 16 bytes of a valid IP address without a zone, in network order (RFC 4291 §2.2 for IPv6). */
export function ipBytes(address: string): Buffer {
  return address.includes(':') ? ipv6Bytes(address) : Buffer.from(address.split('.').map(Number));
}

function ipv6Bytes(address: string): Buffer {
  let text = address;
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address);
  if (dotted !== null) {
    const [, head = '', a, b, c, d] = dotted;
    const group = (high?: string, low?: string): string => (Number(high) * 256 + Number(low)).toString(16);
    text = `${head}${group(a, b)}:${group(c, d)}`;
  }
  const groupsOf = (part: string): string[] => (part === '' ? [] : part.split(':').slice(0, 8));
  const [before = '', after = ''] = text.split('::');
  const head = groupsOf(before);
  const tail = groupsOf(after);
  const bytes = Buffer.alloc(16);
  head.forEach((group, index) => {
    bytes.writeUInt16BE(Number.parseInt(group, 16), index * 2);
  });
  tail.forEach((group, index) => {
    bytes.writeUInt16BE(Number.parseInt(group, 16), 16 - (tail.length - index) * 2);
  });
  return bytes;
}
