import { describe, expect, test } from 'vitest';
import { EVENT_STREAMS_MAX, type NewsFeed, type NewsReader, ViewerNews } from './viewer-news.ts';

class Reader implements NewsReader {
  told = 0;
  ended = false;

  onNews(): void {
    this.told += 1;
  }

  onEnd(): void {
    this.ended = true;
  }
}

const takeAll = (feed: NewsFeed | undefined): string[] => {
  const taken: string[] = [];
  for (let item = feed?.take(); item !== undefined; item = feed?.take())
    taken.push(`${item.type} ${item.data}`);
  return taken;
};

describe('ViewerNews', () => {
  test('tells what holds when it is opened, and then what changes', () => {
    const news = new ViewerNews();
    const feed = news.open('a');
    const reader = new Reader();
    feed?.attach(reader);
    // Never an «inactive» at first.
    expect(takeAll(feed)).toEqual([]);
    news.tell(true, '1');
    expect(reader.told).toBe(1);
    expect(takeAll(feed)).toEqual(['active {}', 'layers 1']);
    news.tell(true, '1');
    expect(reader.told).toBe(1);
    news.tell(false, '2');
    expect(takeAll(feed)).toEqual(['inactive {}', 'layers 2']);
    expect(takeAll(news.open('b'))).toEqual(['layers 2']);
  });

  test('a feed that nobody takes from holds the last state, not its history', () => {
    const news = new ViewerNews();
    const feed = news.open('a');
    for (let i = 0; i < 1000; i += 1) news.tell(i % 2 === 0, String(i));
    news.tell(true, 'last');
    expect(takeAll(feed)).toEqual(['active {}', 'layers last']);
  });

  test('a reader that comes back is told everything again, and that what it knew has ended', () => {
    const news = new ViewerNews();
    const feed = news.open('a');
    const first = new Reader();
    feed?.attach(first);
    news.tell(true, '1');
    takeAll(feed);
    const second = new Reader();
    feed?.attach(second);
    expect(first.ended).toBe(true);
    expect(takeAll(feed)).toEqual(['active {}', 'layers 1']);
    // A stale reader takes nothing from the one in its place.
    feed?.detach(first);
    expect(feed?.isRead).toBe(true);
    feed?.detach(second);
    news.tell(false, '1');
    feed?.attach(new Reader());
    expect(takeAll(feed)).toEqual(['inactive {}', 'layers 1']);
  });

  test('tells only what was asked for', () => {
    const news = new ViewerNews();
    const feed = news.open('a', ['inactive']);
    news.tell(true, '1');
    expect(takeAll(feed)).toEqual([]);
    news.tell(false, '2');
    expect(takeAll(feed)).toEqual(['inactive {}']);
  });

  test('feeds are bounded: the oldest that nobody reads makes room, those that are read stay', () => {
    const news = new ViewerNews();
    const readers = Array.from({ length: EVENT_STREAMS_MAX }, (_, index) => {
      const reader = new Reader();
      if (index > 0) news.open(String(index))?.attach(reader);
      else news.open('idle');
      return reader;
    });
    expect(news.open('more')).toBeDefined();
    expect(news.find('idle')).toBeUndefined();
    news.find('more')?.attach(new Reader());
    expect(news.open('too many')).toBeUndefined();
    expect(readers.map(({ ended }) => ended)).toEqual(readers.map(() => false));
  });

  test('says when somebody listens and when nobody does any more', () => {
    const watched: boolean[] = [];
    const news = new ViewerNews((isWatched) => watched.push(isWatched));
    const [first, second] = [news.open('a'), news.open('b')];
    if (first !== undefined) news.remove(first);
    if (second !== undefined) news.remove(second);
    if (second !== undefined) news.remove(second);
    news.open('c');
    news.close();
    expect(watched).toEqual([true, false, true]);
  });

  test('every feed ends with the session, and none begins afterwards', () => {
    const news = new ViewerNews();
    const reader = new Reader();
    news.open('a')?.attach(reader);
    news.close();
    expect(reader.ended).toBe(true);
    expect(news.find('a')).toBeUndefined();
    expect(news.open('b')).toBeUndefined();
  });
});
