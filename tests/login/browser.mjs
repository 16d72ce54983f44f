#!/usr/bin/env node
// A person with Chromium: opens a page, and presses what is to be pressed until nothing is.   usage: browser.mjs URL NAME
//
// It fills in the provider's login page with the name, consents, and lets a device in. What the last page says is printed as
// JSON: {"url","text","problems"}, the latter what the browser did not let a page do.
import { chromium } from 'playwright-core';

const [url, name] = process.argv.slice(2);
const browser = await chromium.launch({
  executablePath: process.env.DPC_CHROMIUM || '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update'],
});
const page = await browser.newPage();
const problems = [];
page.on('console', (message) => { if (message.type() === 'error' && !message.text().includes('favicon')) problems.push(message.text()); });
page.on('pageerror', (error) => problems.push(String(error)));
// The style of the provider's pages is somewhere else, where this machine does not reach; so is nothing of the hub's.
await page.route((address) => address.hostname !== '127.0.0.1', (route) => route.abort());

const buttons = ['form[action="/device"] button', 'nav a', 'button[type=submit]'];
await page.goto(url);
for (let step = 0; step < 10; step += 1) {
  const login = page.locator('input[name=login]');
  if (await login.count()) {
    await login.fill(name);
    await page.locator('input[name=password]').fill('any');
  }
  let pressed = false;
  for (const button of buttons) {
    const found = page.locator(button).first();
    if (!pressed && await found.count()) {
      const before = page.url();
      await Promise.all([page.waitForNavigation({ timeout: 20000 }), found.click()]);
      await page.waitForLoadState();
      pressed = page.url() !== before || !button.includes('submit');
    }
  }
  if (!pressed) break;
}
console.log(JSON.stringify({ url: page.url(), text: await page.locator('body').innerText(), problems }));
await browser.close();
