import type { Page } from 'playwright';

/** Texts whose contrast with what is behind them is below 4.5, as WCAG AA asks (3 for large ones). */
export function unreadableTexts(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const channels = (colour: string): number[] => (colour.match(/[\d.]+/g) ?? []).map(Number);
    const luminance = (colour: string): number => {
      const [r = 0, g = 0, b = 0] = channels(colour).map((value) => {
        const part = value / 255;
        return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
      });
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = (element: Element | null): string => {
      if (!element) return 'rgb(255, 255, 255)';
      const colour = getComputedStyle(element).backgroundColor;
      return channels(colour)[3] === 0 ? behind(element.parentElement) : colour;
    };
    const texts = [...document.body.querySelectorAll<HTMLElement>('*')].filter(
      (element) =>
        element.offsetParent && [...element.childNodes].some((node) => node.nodeType === 3 && node.nodeValue?.trim()),
    );
    return texts.flatMap((element) => {
      const { color, fontSize } = getComputedStyle(element);
      const [light = 0, dark = 0] = [luminance(color), luminance(behind(element))].sort((a, b) => b - a);
      const contrast = (light + 0.05) / (dark + 0.05);
      const enough = Number.parseFloat(fontSize) >= 24 ? 3 : 4.5;
      return contrast < enough ? [`${element.textContent?.trim().slice(0, 40)}: ${contrast.toFixed(2)}`] : [];
    });
  });
}
