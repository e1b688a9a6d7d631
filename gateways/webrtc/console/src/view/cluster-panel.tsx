import type { JSX } from 'preact';
import type { LiveCluster, LiveLink, LiveNode, LiveRoute } from '../model/cluster-api.ts';

/** Routes that are listed; the rest is a number. */
const ROUTES_MAX = 24;

/** The nodes that rooms span: zones, links as this node measures them, and the ways that streams take. */
export const ClusterPanel = ({ cluster }: { cluster: LiveCluster }): JSX.Element => {
  const { zones, routes, controlLost } = cluster;
  const count = zones.reduce((sum, { nodes }) => sum + nodes.length, 0);
  return (
    <section class="cluster" data-testid="cluster" aria-label="Nodes">
      <div class="cluster-head">
        <h3>Nodes</h3>
        <span class="count">{count === 1 ? '1 node' : `${count} nodes`}</span>
      </div>
      {controlLost && (
        <p class="cluster-warning" role="status" data-testid="cluster-lost">
          NATS cannot be reached. Streams go on; rooms do not change until it is back.
        </p>
      )}
      <ul class="zones">
        {zones.map(({ name, nodes }) => (
          <li key={name} class="zone" data-testid="zone" data-zone={name}>
            <span class="zone-name">{name}</span>
            <ul class="nodes">
              {nodes.map((node) => (
                <Node key={node.name} node={node} />
              ))}
            </ul>
          </li>
        ))}
      </ul>
      {routes.length > 0 && (
        <>
          <div class="cluster-head">
            <h3>Routes</h3>
            <span class="count">{routes.length === 1 ? '1 stream' : `${routes.length} streams`}</span>
          </div>
          <ul class="routes">
            {routes.slice(0, ROUTES_MAX).map((route) => (
              <Route key={route.stream} route={route} />
            ))}
          </ul>
          {routes.length > ROUTES_MAX && <p class="muted">and {routes.length - ROUTES_MAX} more</p>}
        </>
      )}
    </section>
  );
};

const Node = ({ node: { name, self, endpoints, link } }: { node: LiveNode }): JSX.Element => (
  <li class="node" data-testid="node" data-node={name} data-up={self || link?.isUp === true}>
    <span class="node-dot" />
    <span class="node-name">{name}</span>
    {self ? (
      <>
        <span class="badge">this node</span>
        <span class="node-facts">{endpoints === 1 ? '1 client' : `${endpoints ?? 0} clients`}</span>
      </>
    ) : (
      <span class="node-facts">{link === undefined ? 'not measured from here' : <Link link={link} />}</span>
    )}
  </li>
);

const Link = ({ link: { isUp, rttMs, loss, streamsIn, streamsOut } }: { link: LiveLink }): JSX.Element => (
  <>
    {isUp ? (
      <>
        <span title="Round trip">{formatMs(rttMs)}</span>
        <span title="Probes lost" class={loss >= 0.01 ? 'node-loss' : ''}>
          {formatShare(loss)} loss
        </span>
      </>
    ) : (
      <span>no answer</span>
    )}
    <span title={`${streamsIn} streams come from it, ${streamsOut} go to it`} data-testid="node-streams">
      {streamsIn} in, {streamsOut} out
    </span>
  </>
);

const Route = ({ route: { stream, room, peer, track, nodes, next } }: { route: LiveRoute }): JSX.Element => (
  <li class="route" data-testid="route" data-stream={stream} data-route={nodes.join(' ')}>
    <span class="route-stream" title={stream}>
      {room} / {peer} / {track}
    </span>
    <span class="route-nodes">
      {nodes.map((node, index) => (
        <span key={node}>
          {index > 0 && <Arrow />}
          <span class={index === nodes.length - 1 ? 'route-here' : ''}>{node}</span>
        </span>
      ))}
      {next.length > 0 && (
        <span>
          <Arrow />
          {next.join(', ')}
        </span>
      )}
    </span>
  </li>
);

const Arrow = (): JSX.Element => (
  <span class="route-arrow" role="img" aria-label="to">
    →
  </span>
);

/** `0.4 ms`, `52 ms`. */
const formatMs = (ms: number): string => `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;

/** `0 %`, `1.5 %`. */
const formatShare = (share: number): string =>
  `${share === 0 ? '0' : share < 0.1 ? (share * 100).toFixed(1) : Math.round(share * 100)} %`;
