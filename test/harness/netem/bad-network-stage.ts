import type { Browser, Page } from 'playwright-core';
import { launchChromium, openPage } from '../chromium.ts';
import { waitFor } from '../wait.ts';
import { Yard } from '../yard.ts';
import { PICTURE, publishBarCode, publishedBps } from './bar-code-publisher.ts';
import { readSpan, type ViewerSpan, watchThrough } from './bar-code-viewer.ts';
import { ImpairmentProxy, type PathProfile } from './impairment-proxy.ts';

/** A viewer on the stage. */
export interface StageViewer {
  readonly page: Page;
  readonly proxy: ImpairmentProxy;
  /** What it saw since this was asked last. */
  span(): Promise<ViewerSpan>;
  /** Lines of the picture that is shown now. */
  height(): Promise<number>;
  close(): Promise<void>;
}

/** Lines of the top layer. */
export const TOP_HEIGHT: number = PICTURE.height;

/** A server, one simulcast publisher on a clean path, and viewers on paths of their own: what bad-network runs play on. */
export class BadNetworkStage {
  readonly yard: Yard;
  readonly #browser: Browser;
  readonly #publisher: Page;
  readonly #proxies: ImpairmentProxy[] = [];

  private constructor(yard: Yard, browser: Browser, publisher: Page) {
    this.yard = yard;
    this.#browser = browser;
    this.#publisher = publisher;
  }

  /** @param environment For the processes of the server. */
  static async open(environment: Readonly<Record<string, string>> = {}): Promise<BadNetworkStage> {
    const yard = await Yard.start(['webrtc'], environment);
    const browser = await launchChromium();
    const { page } = await openPage(browser, yard.http);
    const stage = new BadNetworkStage(yard, browser, page);
    await publishBarCode(page, `${yard.http}/whip/stage?peer=source`);
    await waitFor(
      'all encodings of the publisher flow',
      async () => (await publishedBps(page)).every((bps) => bps > 50_000),
      40_000,
    );
    return stage;
  }

  publishedBps(): Promise<number[]> {
    return publishedBps(this.#publisher);
  }

  /** A path that viewers may share. */
  async path(seed: number, profile: PathProfile): Promise<ImpairmentProxy> {
    const proxy = await ImpairmentProxy.start(this.yard.httpPort, seed, profile);
    this.#proxies.push(proxy);
    return proxy;
  }

  /** A viewer behind `proxy`, as soon as it shows pictures. */
  async watch(proxy: ImpairmentProxy): Promise<StageViewer> {
    const { page } = await openPage(this.#browser, this.yard.http);
    await watchThrough(page, `${this.yard.http}/whep/stage?peer=source`, proxy.port);
    await waitFor(
      'the first pictures',
      () =>
        page.evaluate(() => (window as unknown as { meter: { frames: unknown[] } }).meter.frames.length > 3),
      20_000,
      () => this.yard.log('webrtc'),
    );
    return {
      page,
      proxy,
      span: () => readSpan(page),
      height: () => page.evaluate(() => document.querySelector('video')?.videoHeight ?? 0),
      close: () => page.context().close(),
    };
  }

  async close(): Promise<void> {
    await this.#browser.close();
    for (const proxy of this.#proxies) proxy.close();
    await this.yard.stop();
  }
}
