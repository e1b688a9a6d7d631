export { ImpairedLink, type LinkCounts } from './impaired-link.ts';
export { CLEAN_LINK, LINK_PRESETS, type LinkPreset, type LinkProfile } from './link-profile.ts';
export { type GilbertElliott, LossModel } from './loss-model.ts';
export { SeededRandom } from './seeded-random.ts';
