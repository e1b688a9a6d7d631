export { banner } from './banner.ts';
export { type LaunchOptions, launch } from './launch.ts';
export { formatLogLine } from './log-line.ts';
export { SupervisedProcess, type SupervisedProcessOptions } from './supervised-process.ts';
