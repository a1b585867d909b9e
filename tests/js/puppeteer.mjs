// `node puppeteer.mjs CDP_URL`: an unmodified puppeteer-core works on a page and says as JSON what it found.
import puppeteer from "puppeteer-core";

const browser = await puppeteer.connect({ browserWSEndpoint: process.argv[2], defaultViewport: null });
const page = await browser.newPage();
await page.setContent("<title>by puppeteer</title><input id=field><button onclick='document.title=field.value'>go</button>");
await page.type("#field", "typed by puppeteer");
await page.click("button");
const picture = await page.screenshot({ encoding: "binary" });
const found = { title: await page.title(), pages: (await browser.pages()).length, picture: picture.length };
const long = await page.evaluate(() => "x".repeat(50_000_000));
await page.close();
await browser.disconnect();
console.log(JSON.stringify({ ...found, long: long.length }));
