import type { JSX } from 'preact';
import { hueOf, initials } from '../model/names.ts';

/** Initials on a colour of their own, for who shows no picture. */
export const Avatar = ({ name }: { name: string }): JSX.Element => (
  <span class="avatar" style={{ '--hue': hueOf(name).toString() }} aria-hidden="true">
    {initials(name)}
  </span>
);
