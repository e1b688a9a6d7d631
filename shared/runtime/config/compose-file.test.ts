import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { loadConfig } from './load-config.ts';

const read = (path: string): string => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');

interface Service {
  readonly image: string;
  readonly network_mode?: string;
  readonly command: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

/** No container engine is at hand: what can be held without one is. */
describe('core/docs/compose.yaml', () => {
  const { services } = parse(read('core/docs/compose.yaml'), {
    merge: true,
  }) as { readonly services: Readonly<Record<string, Service>> };
  const nodes = ['node1', 'node2', 'node3'].map((name) => {
    const service = services[name];
    if (service === undefined) throw new Error(name);
    return { service, config: loadConfig(service.environment ?? {}, '/nowhere') };
  });

  it('runs a NATS server, what builds, and three nodes', () => {
    expect(Object.keys(services)).toEqual(['nats', 'build', 'node1', 'node2', 'node3']);
    const { scripts } = JSON.parse(read('package.json')) as {
      readonly scripts: Readonly<Record<string, string>>;
    };
    for (const { service } of nodes) {
      expect(service.command).toEqual(['npm', 'start']);
      expect(service.network_mode).toBe('host');
    }
    expect(services['build']?.command.at(-1)).toBe('npm ci && npm run build');
    for (const script of ['start', 'build']) expect(scripts).toHaveProperty(script);
  });

  it('its settings are settings, and no two nodes meet on an address', () => {
    const command: readonly string[] = services['nats']?.command ?? [];
    const natsUrl = `nats://${command[command.indexOf('-a') + 1]}:${command[command.indexOf('-p') + 1]}`;
    for (const { config } of nodes) expect(config.fabric.nats).toEqual([natsUrl]);
    expect(new Set(nodes.map(({ config }) => config.fabric.secret)).size).toBe(1);
    const tcp = nodes.flatMap(({ config: { core, webrtc, rtmp, sip } }) => [
      core.httpPort,
      webrtc.port,
      rtmp.port,
      sip.port,
    ]);
    expect(new Set(tcp).size).toBe(tcp.length);
    const mesh = nodes.map(({ config: { fabric } }) => `${fabric.host}:${fabric.port}`);
    expect(new Set(mesh).size).toBe(3);
    expect(new Set(nodes.map(({ config }) => `${config.fabric.node} ${config.fabric.zone}`)).size).toBe(3);
    for (const [i, { config }] of nodes.entries())
      for (const { config: other } of nodes.slice(i + 1))
        expect(config.sip.rtpPortMax).toBeLessThan(other.sip.rtpPortMin);
  });
});
