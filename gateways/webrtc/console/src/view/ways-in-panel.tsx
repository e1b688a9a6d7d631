import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { type EntryPoints, waysIn } from '../model/ways-in.ts';
import { Icon, type IconName } from './icons.tsx';

/** How OBS, phones, browsers, WHIP and WHEP come into a room. */
export const WaysInPanel = ({ room, entry }: { room: string; entry: EntryPoints }): JSX.Element => {
  const ways = waysIn(room, location, entry);
  return (
    <div class="ways" data-testid="ways-in">
      <Way icon="link" title="Browser" text="Send this link.">
        <CopyField label="Link" value={ways.link} testId="copy-link" />
      </Way>
      <Way icon="broadcast" title="OBS and ffmpeg" text="Settings → Stream → Custom.">
        <CopyField label="Server" value={ways.rtmpServer} testId="copy-rtmp-server" />
        <CopyField label="Stream key" value={ways.rtmpKey} testId="copy-rtmp-key" />
      </Way>
      <Way icon="phone" title="Phone" text="Call from any SIP phone or softphone.">
        <CopyField label="SIP address" value={ways.sip} testId="copy-sip" />
      </Way>
      <Way icon="eye" title="WHIP and WHEP" text="Publish and watch over standard HTTP.">
        <CopyField label="Publish" value={ways.whip} testId="copy-whip" />
        <CopyField label="Watch" value={ways.whep} testId="copy-whep" />
      </Way>
    </div>
  );
};

interface WayProps {
  readonly icon: IconName;
  readonly title: string;
  readonly text: string;
  readonly children: JSX.Element | JSX.Element[];
}

const Way = ({ icon, title, text, children }: WayProps): JSX.Element => (
  <div class="way">
    <span class="way-icon">
      <Icon name={icon} size={18} />
    </span>
    <div class="way-body">
      <h3>{title}</h3>
      <p class="muted">{text}</p>
      {children}
    </div>
  </div>
);

const COPIED_MS = 1600;

const CopyField = ({
  label,
  value,
  testId,
}: {
  label: string;
  value: string;
  testId: string;
}): JSX.Element => {
  const [copied, setCopied] = useState(false);
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(value);
    } catch {
      // No clipboard here: the text beside the button can be selected.
      return;
    }
    setCopied(true);
    setTimeout(() => setCopied(false), COPIED_MS);
  };
  return (
    <div class="copy">
      <span class="copy-label">{label}</span>
      <code class="copy-value" title={value}>
        {value}
      </code>
      <button
        type="button"
        class="button-quiet button-icon"
        aria-label={copied ? 'Copied' : `Copy: ${label}`}
        data-testid={testId}
        data-value={value}
        onClick={() => void copy()}
      >
        <Icon name={copied ? 'check' : 'copy'} size={16} />
      </button>
    </div>
  );
};
