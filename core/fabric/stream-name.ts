/** A restarted session is another stream of the same channel. Names hold no space. */
export const streamName = (channelName: string, session: string): string => `${channelName} ${session}`;
