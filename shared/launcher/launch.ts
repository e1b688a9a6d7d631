import { watch } from 'node:fs';
import { join } from 'node:path';
import { type Config, ConfigError, loadConfig } from '@switchyard/shared/runtime';
import { banner } from './banner.ts';
import { portsAreFree } from './free-ports.ts';
import { formatLogLine } from './log-line.ts';
import { SupervisedProcess } from './supervised-process.ts';

/** Sources of each process, and where its build begins. Started in this order, ended in the opposite one. */
const PROCESSES = [
  { name: 'core', source: 'core/server/main.ts', built: 'core/dist/server/main.js' },
  { name: 'webrtc', source: 'gateways/webrtc/server/main.ts', built: 'gateways/webrtc/dist/server/main.js' },
  { name: 'rtmp', source: 'gateways/rtmp/main.ts', built: 'gateways/rtmp/dist/main.js' },
  { name: 'sip', source: 'gateways/sip/main.ts', built: 'gateways/sip/dist/main.js' },
] as const;

const WATCHED = ['shared', 'core', 'gateways/webrtc/server', 'gateways/rtmp', 'gateways/sip'] as const;
const WATCH_SETTLE_MS = 200;
/** npm passes Ctrl-C on to a process that got it from the terminal too: only a later one is meant as a second. */
const SECOND_SIGNAL_MS = 500;

export interface LaunchOptions {
  /** Root of the repository. */
  readonly root: string;
  /** From sources, restarted when one changes. */
  readonly dev: boolean;
}

/** Starts everything, says where to come in, and keeps it up until Ctrl-C. */
export async function launch({ root, dev }: LaunchOptions): Promise<void> {
  const colour = process.stdout.isTTY && process.env['NO_COLOR'] === undefined;
  const print = (name: string, line: string): void => {
    process.stdout.write(`${formatLogLine(name, line, colour)}\n`);
  };
  const config = readConfig((line) => print('launcher', line));
  if (config === undefined || !(await portsAreFree(config, (line) => print('launcher', line)))) {
    process.exitCode = 1;
    return;
  }

  let announced = false;
  let endingSinceMs: number | undefined;
  const end = async (exitCode: number, signal: 'SIGINT' | 'SIGTERM' = 'SIGINT'): Promise<void> => {
    if (endingSinceMs !== undefined) {
      if (performance.now() - endingSinceMs < SECOND_SIGNAL_MS) return;
      // The second Ctrl-C does not wait.
      for (const each of processes) each.kill();
      process.exit(1);
    }
    endingSinceMs = performance.now();
    const drainMs = signal === 'SIGTERM' ? config.drainSeconds * 1000 : 0;
    print(
      'launcher',
      drainMs === 0
        ? 'ending: gateways first, then the core'
        : `draining: streams and calls have ${config.drainSeconds} s, then gateways end, then the core`,
    );
    const [core, ...gateways] = processes;
    await Promise.all(gateways.map((each) => each.stop(signal, drainMs)));
    await core?.stop(signal, drainMs);
    process.exit(exitCode);
  };
  const processes = PROCESSES.map(
    ({ name, source, built }) =>
      new SupervisedProcess({
        name,
        command: process.execPath,
        args: dev
          ? ['--enable-source-maps', '--conditions=@switchyard/source', '--import', 'tsx', join(root, source)]
          : ['--enable-source-maps', join(root, built)],
        cwd: process.cwd(),
        onLine: (line) => print(name, line),
        onReady: () => {
          if (announced || !processes.every(({ isReady }) => isReady)) return;
          announced = true;
          process.stdout.write(`${banner(config)}\n`);
        },
        onStartFailed: () => {
          if (endingSinceMs !== undefined) return;
          print('launcher', `${name} does not start: see above.`);
          void end(1, 'SIGINT');
        },
      }),
  );
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void end(0, signal));
  for (const each of processes) each.start();
  if (dev) restartOnChange(root, processes);
}

function readConfig(say: (line: string) => void): Config | undefined {
  try {
    return loadConfig(process.env, process.cwd());
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    say(error.message);
    return undefined;
  }
}

function restartOnChange(root: string, processes: readonly SupervisedProcess[]): void {
  let timer: NodeJS.Timeout | undefined;
  const changed = new Set<string>();
  for (const directory of WATCHED)
    watch(join(root, directory), { recursive: true }, (_event, file) => {
      if (file === null || !file.endsWith('.ts') || /(^|\/)(dist|node_modules)\//.test(file)) return;
      changed.add(directory);
      clearTimeout(timer);
      timer = setTimeout(() => {
        const isShared = changed.has('shared');
        for (const each of processes)
          if (isShared || [...changed].some((path) => path.split('/').includes(each.name))) each.restart();
        changed.clear();
      }, WATCH_SETTLE_MS);
    });
}
