import { readdirSync, readFileSync } from 'node:fs';

/** USER_HZ of Linux: the unit of /proc/<pid>/stat. */
const TICKS_PER_SECOND = 100;

interface Stat {
  readonly parent: number;
  /** User and system time of the process and of its ended children, milliseconds. */
  readonly cpuMs: number;
}

/** CPU that processes and everything they started used since {@link CpuMeter.start}. Linux. */
export class CpuMeter {
  readonly #roots: readonly number[];
  #before = new Map<number, number>();
  #machineBefore = machineTicks();
  #startedMs = 0;

  /** @param pids Their descendants count too (ffmpeg of a transcoding gateway). */
  constructor(pids: readonly number[]) {
    this.#roots = pids;
    this.start();
  }

  /** Begins the window anew. */
  start(): void {
    this.#before = this.#read();
    this.#machineBefore = machineTicks();
    this.#startedMs = performance.now();
  }

  read(): CpuReading {
    let cpuMs = 0;
    for (const [pid, now] of this.#read()) cpuMs += now - (this.#before.get(pid) ?? 0);
    const wallMs = performance.now() - this.#startedMs;
    const machine = machineTicks();
    const busyMs = ((machine.busy - this.#machineBefore.busy) * 1000) / TICKS_PER_SECOND;
    const allMs = ((machine.all - this.#machineBefore.all) * 1000) / TICKS_PER_SECOND;
    return { cpuMs, wallMs, machineBusyShare: allMs === 0 ? 0 : busyMs / allMs };
  }

  /** CPU by process: the roots, each with its descendants. */
  byRoot(): ReadonlyMap<number, number> {
    const stats = readStats();
    return new Map(
      this.#roots.map((root) => {
        let cpuMs = 0;
        for (const pid of familyOf(root, stats))
          cpuMs += (stats.get(pid)?.cpuMs ?? 0) - (this.#before.get(pid) ?? 0);
        return [root, cpuMs];
      }),
    );
  }

  #read(): Map<number, number> {
    const stats = readStats();
    const found = new Map<number, number>();
    for (const root of this.#roots)
      for (const pid of familyOf(root, stats)) found.set(pid, stats.get(pid)?.cpuMs ?? 0);
    return found;
  }
}

export interface CpuReading {
  readonly cpuMs: number;
  readonly wallMs: number;
  /** How busy the whole machine was, 0 to 1: with others at work the figures are worse than they need be. */
  readonly machineBusyShare: number;
}

function readStats(): Map<number, Stat> {
  const stats = new Map<number, Stat>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const text = readFileSync(`/proc/${name}/stat`, 'latin1');
      // The command's name, in parentheses, may contain anything.
      const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
      const ticks = [11, 12, 13, 14].reduce((sum, index) => sum + Number(fields[index]), 0);
      stats.set(Number(name), { parent: Number(fields[1]), cpuMs: (ticks * 1000) / TICKS_PER_SECOND });
    } catch {
      // It ended meanwhile.
    }
  }
  return stats;
}

function familyOf(root: number, stats: ReadonlyMap<number, Stat>): Set<number> {
  const family = new Set([root]);
  for (let grown = true; grown; ) {
    grown = false;
    for (const [pid, { parent }] of stats) {
      if (family.has(pid) || !family.has(parent)) continue;
      family.add(pid);
      grown = true;
    }
  }
  return family;
}

function machineTicks(): { busy: number; all: number } {
  const [line = ''] = readFileSync('/proc/stat', 'latin1').split('\n');
  const fields = line.trim().split(/\s+/).slice(1, 9).map(Number);
  const all = fields.reduce((sum, each) => sum + each, 0);
  const idle = (fields[3] ?? 0) + (fields[4] ?? 0);
  return { busy: all - idle, all };
}
