/**
 * How a process is asked to end. SIGTERM drains: nobody new, and time for those who are here to go elsewhere. SIGINT
 * (Ctrl-C) ends in order but at once, also a drain that is under way.
 *
 * @param stop Called for the first signal, and once more when SIGINT follows SIGTERM.
 */
export function onStopSignal(stop: (reason: string, drains: boolean) => Promise<void>): void {
  let asked: 'SIGTERM' | 'SIGINT' | undefined;
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.on(signal, () => {
      if (asked === 'SIGINT' || asked === signal) return;
      asked = signal;
      void stop(signal, signal === 'SIGTERM');
    });
}
