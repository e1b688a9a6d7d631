import { existsSync } from 'node:fs';
import { type Browser, chromium, type Page } from 'playwright-core';
import { installPageTools } from './page-tools.ts';

const PATHS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** The browser that the tests drive; undefined when none is installed. */
export const chromiumPath = (): string | undefined => PATHS.find((path) => existsSync(path));

/** Headless Chromium with a fake camera (moving picture) and microphone (beeps), which nobody has to allow. */
export async function launchChromium(): Promise<Browser> {
  const executablePath = chromiumPath();
  if (executablePath === undefined) throw new Error('Chromium is not installed');
  return await chromium.launch({
    executablePath,
    headless: true,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--use-fake-device-for-media-stream',
      '--use-fake-ui-for-media-stream',
      '--autoplay-policy=no-user-gesture-required',
      '--disable-background-timer-throttling',
      '--disable-renderer-backgrounding',
      '--disable-backgrounding-occluded-windows',
      '--disable-features=WebRtcHideLocalIpsWithMdns',
    ],
  });
}

/** A page with what it says in its console. */
export interface WatchedPage {
  readonly page: Page;
  readonly lines: string[];
}

/** A page at `url` that may use camera and microphone, and has the tests' tools. */
export async function openPage(browser: Browser, url: string): Promise<WatchedPage> {
  const context = await browser.newContext({ permissions: ['camera', 'microphone'] });
  const page = await context.newPage();
  const lines: string[] = [];
  page.on('console', (message) => lines.push(`${message.type()}: ${message.text()}`));
  page.on('pageerror', (error) => lines.push(`pageerror: ${error.message}`));
  await installPageTools(page);
  await page.goto(url);
  return { page, lines };
}
