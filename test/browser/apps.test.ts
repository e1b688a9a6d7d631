import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chromiumPath, launchChromium, openPage } from '../harness/chromium.ts';
import { waitFor } from '../harness/wait.ts';
import { Yard } from '../harness/yard.ts';

const SECRET = 'acme-secret-000000';

describe.skipIf(chromiumPath() === undefined)('a browser where an app is configured', () => {
  let yard: Yard;
  let browser: Browser;

  const token = async (permissions: object): Promise<string> => {
    const response = await fetch(`${yard.api}/v1/tokens`, {
      method: 'POST',
      headers: { authorization: `Bearer ${SECRET}`, 'content-type': 'application/json' },
      body: JSON.stringify({ room: 'demo', permissions }),
    });
    return ((await response.json()) as { token: string }).token;
  };

  beforeAll(async () => {
    yard = await Yard.start(['webrtc'], { SWITCHYARD_APPS: `acme:${SECRET}` });
    browser = await launchChromium();
  });
  afterAll(async () => {
    await browser?.close();
    await yard?.stop();
  });

  it('reads the API page, which loads nothing from elsewhere, and tries a call with a secret', async () => {
    const { page, lines } = await openPage(browser, `${yard.http}/api/core/docs`);
    const hosts = new Set<string>();
    page.on('request', (request) => hosts.add(new URL(request.url()).host));
    await page.reload();
    const rooms = page.locator('details', {
      has: page.locator('summary code', { hasText: /^\/v1\/rooms$/ }),
    });
    await rooms.locator('summary').click();
    await rooms.getByRole('button', { name: 'Send' }).click();
    const answer = rooms.locator('div pre');
    await waitFor('an answer', async () => (await answer.textContent())?.startsWith('401'));
    await page.locator('#auth').fill(SECRET);
    await rooms.getByRole('button', { name: 'Send' }).click();
    await waitFor('another answer', async () => (await answer.textContent())?.startsWith('200'));
    expect(await answer.textContent()).toContain('"rooms": []');
    expect(await page.locator('details').count()).toBeGreaterThanOrEqual(9);
    expect([...hosts]).toEqual([new URL(yard.http).host]);
    expect(lines.filter((line) => !line.includes('401'))).toEqual([]);
  });

  it('joins from the console with a token of the address, and not without one', async () => {
    const query = 'room=demo&name=ann&autojoin=1&publish=none';
    const good = await openPage(browser, `${yard.http}/?${query}&token=${await token({ admin: true })}`);
    await good.page.locator('[data-testid=app][data-state=joined]').waitFor();
    const response = await good.page.waitForResponse(/api\/core\/v1\/rooms/);
    expect(response.status()).toBe(200);
    const bad = await openPage(browser, `${yard.http}/?${query}`);
    await bad.page.getByText('A token is needed').first().waitFor();
  });
});
