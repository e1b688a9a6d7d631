import type { JSX } from 'preact';
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import type { LocalMedia } from '../model/local-media.ts';
import { Icon } from './icons.tsx';
import { useStore } from './use-store.ts';

/** Which camera and which microphone, and the test picture. */
export const DeviceMenu = ({ media }: { media: LocalMedia }): JSX.Element => {
  const { cameras, microphones, camera, microphone, pattern } = useStore(media);
  const [open, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const id = useId();
  useEffect(() => {
    if (!open) return undefined;
    const close = (event: Event): void => {
      const inside = event.target instanceof Node && root.current?.contains(event.target) === true;
      if (event instanceof KeyboardEvent ? event.key === 'Escape' : !inside) setOpen(false);
    };
    document.addEventListener('pointerdown', close);
    document.addEventListener('keydown', close);
    return () => {
      document.removeEventListener('pointerdown', close);
      document.removeEventListener('keydown', close);
    };
  }, [open]);
  return (
    <div class="menu-root" ref={root}>
      <button
        type="button"
        class="round"
        aria-label="Choose devices"
        aria-expanded={open}
        aria-controls={id}
        data-testid="devices-button"
        onClick={() => setOpen(!open)}
      >
        <Icon name="more" />
      </button>
      {open && (
        <div class="menu" id={id} data-testid="devices-menu">
          <DeviceSelect
            label="Camera"
            devices={cameras}
            current={camera?.getSettings().deviceId}
            onChoose={(deviceId) => void media.start(['camera'], deviceId)}
          />
          <DeviceSelect
            label="Microphone"
            devices={microphones}
            current={microphone?.getSettings().deviceId}
            onChoose={(deviceId) => void media.start(['microphone'], deviceId)}
          />
          <label class="check">
            <input
              type="checkbox"
              checked={pattern}
              data-testid="pattern-toggle"
              onChange={() => void media.togglePattern()}
            />
            <span>Send a test picture and tone</span>
          </label>
        </div>
      )}
    </div>
  );
};

interface DeviceSelectProps {
  readonly label: string;
  readonly devices: readonly MediaDeviceInfo[];
  readonly current: string | undefined;
  readonly onChoose: (deviceId: string) => void;
}

const DeviceSelect = ({ label, devices, current, onChoose }: DeviceSelectProps): JSX.Element => (
  <label class="field">
    <span>{label}</span>
    <select
      value={current ?? ''}
      disabled={devices.length === 0}
      data-testid={`select-${label.toLowerCase()}`}
      onChange={(event) => {
        if (event.currentTarget.value !== '') onChoose(event.currentTarget.value);
      }}
    >
      <option value="">{devices.length === 0 ? 'Turn it on to choose' : 'Off'}</option>
      {devices.map((device, index) => (
        <option key={device.deviceId} value={device.deviceId}>
          {device.label === '' ? `${label} ${index + 1}` : device.label}
        </option>
      ))}
    </select>
  </label>
);
