import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readWav, toneStrength } from './tone-meter.ts';

export const hasSipp = (): boolean => spawnSync('sh', ['-c', 'command -v sipp']).status === 0;
export const hasBaresip = (): boolean => spawnSync('sh', ['-c', 'command -v baresip']).status === 0;

const SAMPLE_RATE = 8000;

function tone(hertz: number, seconds: number, sampleRate = SAMPLE_RATE): Int16Array {
  return Int16Array.from(
    { length: sampleRate * seconds },
    (_, i) => 9000 * Math.sin((2 * Math.PI * hertz * i) / sampleRate),
  );
}

/** µ-law, for sipp's RTP streams. */
function ulaw(samples: Int16Array): Buffer {
  return Buffer.from(
    Uint8Array.from(samples, (sample) => {
      const magnitude = Math.min(Math.abs(sample), 32_635) + 0x84;
      const segment = 31 - Math.clz32(magnitude) - 7;
      return ~((sample < 0 ? 0x80 : 0) | (segment << 4) | ((magnitude >> (segment + 3)) & 15)) & 255;
    }),
  );
}

/** A WAV file of the tone in `samples`, for each channel the same. */
function wav(mono: Int16Array, sampleRate: number, channels: number): Buffer {
  const samples = Int16Array.from(
    { length: mono.length * channels },
    (_, i) => mono[Math.floor(i / channels)] ?? 0,
  );
  const header = Buffer.alloc(44);
  header.write('RIFF', 0);
  header.writeUInt32LE(36 + samples.length * 2, 4);
  header.write('WAVEfmt ', 8);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(channels, 22);
  header.writeUInt32LE(sampleRate, 24);
  header.writeUInt32LE(sampleRate * channels * 2, 28);
  header.writeUInt16LE(channels * 2, 32);
  header.writeUInt16LE(16, 34);
  header.write('data', 36);
  header.writeUInt32LE(samples.length * 2, 40);
  return Buffer.concat([header, Buffer.from(samples.buffer)]);
}

/** A process of a phone with its directory. */
class PhoneProcess {
  readonly directory: string;
  #child: ChildProcess | undefined;
  #output = '';
  #exitCode: number | null | undefined;

  constructor(name: string) {
    this.directory = mkdtempSync(join(tmpdir(), `switchyard-${name}-`));
  }

  get output(): string {
    return this.#output;
  }

  get exitCode(): number | null | undefined {
    return this.#exitCode;
  }

  protected run(command: string, args: readonly string[]): void {
    const child = spawn(command, args, { cwd: this.directory, stdio: ['pipe', 'pipe', 'pipe'] });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => {
        this.#output = (this.#output + chunk.toString()).slice(-20_000);
      });
    child.once('exit', (code) => {
      this.#exitCode = code;
    });
  }

  /** Keys for a phone that reads them. */
  type(text: string): void {
    this.#child?.stdin?.write(text);
  }

  stop(): void {
    this.#child?.kill('SIGKILL');
    rmSync(this.directory, { recursive: true, force: true });
  }
}

export interface SippOptions {
  readonly server: number;
  readonly scenario: string;
  readonly toneHz?: number;
  readonly calls?: number;
  readonly callsPerSecond?: number;
  readonly transport?: 'u1' | 't1';
}

/** sipp running a scenario; `exitCode` 0 means every call went as the scenario says. */
export class Sipp extends PhoneProcess {
  constructor({
    server,
    scenario,
    toneHz = 700,
    calls = 1,
    callsPerSecond = 10,
    transport = 'u1',
  }: SippOptions) {
    super('sipp');
    const toneFile = join(this.directory, 'tone.ul');
    writeFileSync(toneFile, ulaw(tone(toneHz, 10)));
    writeFileSync(join(this.directory, 'scenario.xml'), scenario.replaceAll('TONE_FILE', toneFile));
    this.run('sipp', [
      ...[
        '-sf',
        'scenario.xml',
        `127.0.0.1:${server}`,
        '-i',
        '127.0.0.1',
        '-mi',
        '127.0.0.1',
        '-t',
        transport,
      ],
      ...['-m', `${calls}`, '-r', `${callsPerSecond}`, '-nostdin', '-trace_err', '-recv_timeout', '15000'],
    ]);
  }
}

/** baresip in a room: says a tone, records what it hears. */
export class Baresip extends PhoneProcess {
  constructor(options: {
    readonly server: number;
    readonly room: string;
    readonly port: number;
    readonly toneHz: number;
    readonly codec?: 'PCMU' | 'PCMA' | 'opus';
    readonly transport?: 'udp' | 'tcp';
  }) {
    super('baresip');
    const { codec = 'PCMU', transport = 'udp' } = options;
    const [rate, channels] = codec === 'opus' ? [48_000, 2] : [SAMPLE_RATE, 1];
    writeFileSync(join(this.directory, 'tone.wav'), wav(tone(options.toneHz, 60, rate), rate, channels));
    const recordings = join(this.directory, 'recordings');
    mkdirSync(recordings);
    const modules = spawnSync('sh', [
      '-c',
      'ls -d /usr/lib/baresip/modules /usr/lib/*/baresip/modules 2>/dev/null | head -1',
    ])
      .stdout.toString()
      .trim();
    writeFileSync(
      join(this.directory, 'config'),
      [
        'poll_method epoll',
        `sip_listen 127.0.0.1:${options.port}`,
        'net_interface 127.0.0.1',
        `audio_source aufile,${join(this.directory, 'tone.wav')}`,
        'audio_player aufile,/dev/null',
        `ausrc_srate ${rate}`,
        `auplay_srate ${rate}`,
        `module_path ${modules}`,
        ...['stdio.so', codec === 'opus' ? 'opus.so' : 'g711.so', 'aufile.so', 'sndfile.so'].map(
          (name) => `module ${name}`,
        ),
        'module_app account.so',
        'module_app menu.so',
        `snd_path ${recordings}`,
        '',
      ].join('\n'),
    );
    writeFileSync(
      join(this.directory, 'accounts'),
      `<sip:alice@127.0.0.1;transport=${transport}>;regint=0;audio_codecs=${codec}/${rate}/${channels};answermode=auto\n`,
    );
    this.run('baresip', [
      '-f',
      this.directory,
      '-e',
      `/dial sip:${options.room}@127.0.0.1:${options.server};transport=${transport}`,
    ]);
  }

  /** Strength of a tone in the last seconds of what it heard, 0…1. */
  heard(hertz: number, seconds: number): number {
    const directory = join(this.directory, 'recordings');
    const file = readdirSync(directory).find((name) => name.endsWith('-dec.wav'));
    if (file === undefined) return 0;
    const { sampleRate, samples } = readWav(join(directory, file));
    if (samples.length < sampleRate * seconds) return 0;
    return toneStrength(samples.subarray(-Math.round(sampleRate * seconds)), sampleRate, hertz);
  }
}

const SDP = (codecs: string, extra: readonly string[] = []): string =>
  [
    'v=0',
    'o=user1 53655765 2353687637 IN IP[local_ip_type] [local_ip]',
    's=-',
    'c=IN IP[media_ip_type] [media_ip]',
    't=0 0',
    `m=audio [rtpstream_audio_port] RTP/AVP ${codecs}`,
    ...extra,
  ].join('\n');

const request = (
  method: string,
  to: string,
  cseq: number,
  body = '',
  branch = '[branch]',
): string => `<![CDATA[
${method} ${to === '' ? '[next_url]' : `sip:${to}@[remote_ip]:[remote_port]`} SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=${branch}
From: sipp <sip:sipp@[local_ip]:[local_port]>;tag=[pid]SIPpTag00[call_number]
To: <sip:room@[remote_ip]:[remote_port]>${to === '' ? '[peer_tag_param]' : ''}
Call-ID: [call_id]
CSeq: ${cseq} ${method}
Contact: sip:sipp@[local_ip]:[local_port]
Max-Forwards: 70
${body === '' ? 'Content-Length: 0\n' : `Content-Type: application/sdp\nContent-Length: [len]\n\n${body}`}
]]>`;

const scenario = (steps: readonly string[]): string =>
  `<?xml version="1.0" encoding="ISO-8859-1" ?><scenario name="switchyard">\n${steps.join('\n')}\n</scenario>`;
const send = (message: string, retransmit = true): string =>
  `<send${retransmit ? ' retrans="500"' : ''}>${message}</send>`;
const receive = (status: number, extra = ''): string => `<recv response="${status}" ${extra}/>`;

const ANSWERED = [
  receive(100, 'optional="true"'),
  receive(180, 'optional="true"'),
  receive(200, 'rrs="true"'),
];
const speak = (ms: number): string =>
  `<nop><action><exec rtp_stream="TONE_FILE,-1,0,PCMU/8000"/></action></nop><pause milliseconds="${ms}"/>`;

/** Scenarios that a phone plays against the server. */
export const SCENARIOS = {
  /** Calls, says the tone, hangs up. */
  call: (room: string, ms: number): string =>
    scenario([
      send(request('INVITE', room, 1, SDP('0', ['a=rtpmap:0 PCMU/8000']))),
      ...ANSWERED,
      send(request('ACK', '', 1), false),
      speak(ms),
      send(request('BYE', '', 2)),
      receive(200),
    ]),
  /** Holds and resumes by re-INVITE. */
  hold: (room: string): string =>
    scenario([
      send(request('INVITE', room, 1, SDP('0'))),
      ...ANSWERED,
      send(request('ACK', '', 1), false),
      send(request('INVITE', '', 2, SDP('0', ['a=sendonly']))),
      receive(100, 'optional="true"'),
      '<recv response="200"><action><ereg regexp="a=recvonly" search_in="body" check_it="true" assign_to="1"/></action></recv>',
      send(request('ACK', '', 2), false),
      send(request('INVITE', '', 3, SDP('0', ['a=sendrecv']))),
      receive(100, 'optional="true"'),
      '<recv response="200"><action><ereg regexp="a=sendrecv" search_in="body" check_it="true" assign_to="2"/></action></recv>',
      send(request('ACK', '', 3), false),
      send(request('BYE', '', 4)),
      receive(200),
      '<Reference variables="1,2"/>',
    ]),
  /** Is refused with `status`. */
  refused: (target: string, codecs: string, status: number, extra: readonly string[] = []): string =>
    scenario([
      send(request('INVITE', target, 1, SDP(codecs, extra))),
      receive(100, 'optional="true"'),
      receive(status),
      send(request('ACK', target, 1, '', '[branch-2]'), false),
    ]),
  /** OPTIONS is answered. */
  options: scenario([send(request('OPTIONS', 'room', 1)), receive(200)]),
  /** An INVITE without an offer gets ours; the answer is in the ACK. */
  lateOffer: (room: string): string =>
    scenario([
      send(request('INVITE', room, 1)),
      ...ANSWERED,
      send(request('ACK', '', 1, SDP('0', ['a=rtpmap:0 PCMU/8000'])), false),
      speak(500),
      send(request('BYE', '', 2)),
      receive(200),
    ]),
} as const;
