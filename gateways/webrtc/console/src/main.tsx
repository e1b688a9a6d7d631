import './style/tokens.css';
import './style/base.css';
import './style/controls.css';
import './style/lobby.css';
import './style/room.css';
import './style/panel.css';
import './style/cluster.css';
import { render } from 'preact';
import { readLaunchOptions } from './model/launch-options.ts';
import { LiveCore } from './model/live-core.ts';
import { LocalMedia } from './model/local-media.ts';
import { RoomModel } from './model/room-model.ts';
import { App } from './view/app.tsx';

const launch = readLaunchOptions(location.search);
const room = new RoomModel();
const media = new LocalMedia((trouble) => room.notify(trouble));
const live = new LiveCore(launch.token);
live.start();

/** For tests and for who likes to look under the bonnet. */
const handle = { session: room.session, room, media, live };
Object.assign(window, { switchyard: handle });

const root = document.getElementById('app');
if (root !== null) render(<App launch={launch} room={room} media={media} live={live} />, root);
