import { describe, expect, test } from 'vitest';
import { settle } from '../../testing/fake-ports.ts';
import { ViewerNews } from '../session/viewer-news.ts';
import { EventStream } from './event-stream.ts';

function open(): { news: ViewerNews; stream: EventStream } {
  const news = new ViewerNews();
  const feed = news.open('a');
  if (feed === undefined) throw new Error('no feed');
  return { news, stream: new EventStream(feed) };
}

describe('EventStream', () => {
  test('events are one line of data each', async () => {
    const { news, stream } = open();
    let text = '';
    stream.on('data', (chunk: string) => {
      text += chunk;
    });
    news.tell(true, '{"0":{}}');
    await settle();
    expect(text).toBe('retry: 1000\n\nevent: active\ndata: {}\n\nevent: layers\ndata: {"0":{}}\n\n');
    stream.destroy();
  });

  test('a client that reads nothing makes nothing grow, and has the last state when it reads again', async () => {
    const { news, stream } = open();
    const layers = (i: number): string => JSON.stringify({ 0: { layers: ['x'.repeat(1000), i] } });
    for (let i = 0; i < 10_000; i += 1) {
      news.tell(i % 2 === 0, layers(i));
      // Node reads ahead a turn later.
      if (i % 100 === 0) await settle();
    }
    expect(stream.readableLength).toBeLessThan(8192);
    let last = '';
    stream.on('data', (chunk: string) => {
      last = chunk;
    });
    await settle();
    expect(last).toBe(`event: layers\ndata: ${layers(9999)}\n\n`);
    stream.destroy();
  });

  test('it ends when the session does, and a client that goes lets go of its feed', async () => {
    const { news, stream } = open();
    const ended = new Promise((resolve) => stream.on('end', resolve));
    stream.resume();
    news.close();
    await ended;
    const other = open();
    other.stream.destroy();
    await settle();
    expect(other.news.find('a')?.isRead).toBe(false);
  });
});
