/**
 * Calls `stop` when the launcher that started this process is gone, even by SIGKILL: its end of the IPC channel closes.
 * Without a launcher (no channel) nothing happens.
 */
export function onParentExit(stop: () => void): void {
  if (process.send === undefined) return;
  process.once('disconnect', stop);
  // The channel alone does not keep a process alive that has nothing else to do.
  process.channel?.unref();
}
