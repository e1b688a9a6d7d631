import type { JSX } from 'preact';
import type { Notice, RoomModel } from '../model/room-model.ts';
import { Icon } from './icons.tsx';

/** What went wrong lately, one sentence each; they leave by themselves. */
export const Notices = ({ room, notices }: { room: RoomModel; notices: readonly Notice[] }): JSX.Element => (
  <div class="notices" role="log" aria-live="polite">
    {notices.map((notice) => (
      <div class="notice" key={notice.id} data-testid="notice" data-code={notice.code}>
        <div class="notice-body">
          <p class="notice-title">{notice.title}</p>
          <p class="notice-text">{notice.text}</p>
        </div>
        <button
          type="button"
          class="button-quiet button-icon"
          aria-label="Dismiss"
          onClick={() => room.dismiss(notice.id)}
        >
          <Icon name="close" size={16} />
        </button>
      </div>
    ))}
  </div>
);
