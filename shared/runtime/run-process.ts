import { ConfigError } from './config/config.ts';
import { createLogger } from './logger.ts';

/** Runs a process's `main`. What it throws before it is up is said in the log, and the process ends with code 1. */
export function runProcess(name: string, main: () => Promise<void>): void {
  main().catch((error: unknown) => {
    const logger = createLogger(name, 'info');
    const message = error instanceof Error ? error.message : String(error);
    // A wrong setting is the operator's to mend: where in our code it was found is of no use to them.
    if (error instanceof ConfigError) logger.fatal(message);
    else logger.fatal({ err: error }, message);
    process.exit(1);
  });
}
