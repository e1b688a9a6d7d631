import { rendezvous } from './rendezvous.ts';

/** A node as the control plane knows it. */
export interface MeshMember {
  /** Unique in the cluster. */
  readonly node: string;
  readonly zone: string;
  /** Carries streams between zones for others; a node without it serves its own people only. */
  readonly relay: boolean;
}

/** Nodes of a zone that measure the ways to other zones. */
export const PROBERS_PER_ZONE: number = 2;
/** Up to this size everybody in a zone measures everybody; above it the probers do. */
export const ZONE_MESH_MAX: number = 16;

/** Who is in the cluster, by zone, and who measures what. Pure; the same members give the same answers everywhere. */
export class Topology {
  readonly #members = new Map<string, MeshMember>();
  readonly #zones = new Map<string, Map<string, MeshMember>>();
  readonly #probers = new Map<string, readonly string[]>();

  get members(): Iterable<MeshMember> {
    return this.#members.values();
  }

  get size(): number {
    return this.#members.size;
  }

  get zones(): Iterable<string> {
    return this.#zones.keys();
  }

  member(node: string): MeshMember | undefined {
    return this.#members.get(node);
  }

  zoneOf(node: string): string | undefined {
    return this.#members.get(node)?.zone;
  }

  /** Nodes of a zone. */
  inZone(zone: string): Iterable<string> {
    return this.#zones.get(zone)?.keys() ?? [];
  }

  /** Nodes of a zone that may carry streams for others. */
  relaysOf(zone: string): string[] {
    const relays: string[] = [];
    for (const member of this.#zones.get(zone)?.values() ?? []) if (member.relay) relays.push(member.node);
    return relays;
  }

  add(member: MeshMember): void {
    this.remove(member.node);
    this.#members.set(member.node, member);
    const zone = this.#zones.get(member.zone) ?? new Map<string, MeshMember>();
    zone.set(member.node, member);
    this.#zones.set(member.zone, zone);
    this.#probers.delete(member.zone);
  }

  remove(node: string): void {
    const member = this.#members.get(node);
    if (member === undefined) return;
    this.#members.delete(node);
    const zone = this.#zones.get(member.zone);
    zone?.delete(node);
    if (zone?.size === 0) this.#zones.delete(member.zone);
    this.#probers.delete(member.zone);
  }

  /** Who measures the ways out of a zone: relays, chosen alike by everybody. */
  probersOf(zone: string): readonly string[] {
    const known = this.#probers.get(zone);
    if (known !== undefined) return known;
    const candidates = new Set(this.relaysOf(zone));
    const probers: string[] = [];
    while (probers.length < PROBERS_PER_ZONE) {
      const chosen = rendezvous(`probers of ${zone}`, candidates);
      if (chosen === undefined) break;
      candidates.delete(chosen);
      probers.push(chosen);
    }
    this.#probers.set(zone, probers);
    return probers;
  }

  /** Whom `node` measures: its zone, and as a prober the probers of other zones. */
  probeTargetsOf(node: string): string[] {
    const zone = this.zoneOf(node);
    if (zone === undefined) return [];
    const probers = this.probersOf(zone);
    const isProber = probers.includes(node);
    const members = this.#zones.get(zone);
    const everybody = isProber || (members?.size ?? 0) <= ZONE_MESH_MAX;
    const targets = new Set<string>(everybody ? members?.keys() : probers);
    if (isProber)
      for (const other of this.#zones.keys())
        if (other !== zone) for (const prober of this.probersOf(other)) targets.add(prober);
    targets.delete(node);
    return [...targets];
  }
}
