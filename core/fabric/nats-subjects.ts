/** Any text as one token of a subject or a bucket key. */
export const token = (text: string): string => Buffer.from(text).toString('base64url');
export const untoken = (text: string): string => Buffer.from(text, 'base64url').toString();

/** What nodes say to each other on NATS, beside the buckets. */
export const SUBJECT = {
  heartbeat: (zone: string, node: string): string => `switchyard.hb.${token(zone)}.${token(node)}`,
  heartbeats: (zone: string): string => `switchyard.hb.${token(zone)}.*`,
  summary: (zone: string): string => `switchyard.zone.${token(zone)}`,
  summaries: 'switchyard.zone.*',
  who: (node: string): string => `switchyard.who.${token(node)}`,
  links: (node: string): string => `switchyard.links.${token(node)}`,
  allLinks: 'switchyard.links.*',
  datagram: (node: string): string => `switchyard.link.${token(node)}`,
  message: (map: string, label: string): string => `switchyard.msg.${token(map)}.${token(label)}`,
  bye: 'switchyard.bye',
  ask: 'switchyard.ask',
} as const;
