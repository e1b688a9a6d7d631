import { type Logger, pino } from 'pino';

export type { Logger };

/** JSON lines on stdout, one per lifecycle transition; the launcher turns them into text for people. */
export function createLogger(process: string, level: string): Logger {
  return pino({ level, base: { process }, timestamp: pino.stdTimeFunctions.epochTime });
}
