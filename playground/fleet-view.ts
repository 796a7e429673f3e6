/** The servers and what `stats()` says of them. */
import type { ServerStatus } from './server.js';

const roles: Record<ServerStatus['role'], string> = {
  serving: 'takes every new connection',
  draining: 'draining: sends its clients to the new server',
  away: 'restarting; its sessions are in the store',
  closed: 'closed; its sessions have moved',
};

const figures: readonly { readonly title: string; readonly value: (stats: ServerStatus['stats']) => string }[] = [
  { title: 'Sessions', value: ({ sessions }) => String(sessions) },
  { title: 'Attached', value: ({ attached }) => String(attached) },
  { title: 'Detached', value: ({ detached }) => String(detached) },
  { title: 'Plain', value: ({ plain }) => String(plain) },
  { title: 'Retained', value: ({ retainedBytes }) => `${retainedBytes} B` },
  { title: 'Remembered', value: ({ remembered }) => String(remembered) },
];

/** Shows them in `list`, the newest first. */
export function showFleet(list: HTMLElement, servers: readonly ServerStatus[]): void {
  while (list.childElementCount > servers.length) list.lastElementChild?.remove();
  while (list.childElementCount < servers.length) list.append(emptyItem());
  servers.forEach(({ number, role, stats }, index) => {
    const item = list.children[index] as HTMLElement;
    item.dataset.role = role;
    const [name, words] = [item.querySelector('b'), item.querySelector('span')];
    if (name) name.textContent = `Server ${number}`;
    if (words) words.textContent = roles[role];
    item.querySelectorAll('dd').forEach((cell, place) => {
      cell.textContent = figures[place]?.value(stats) ?? '';
    });
  });
}

function emptyItem(): HTMLElement {
  const item = document.createElement('li');
  item.innerHTML = `
    <p><b></b> <span></span></p>
    <dl class="figures">${figures.map(({ title }) => `<div><dt>${title}</dt><dd></dd></div>`).join('')}</dl>`;
  return item;
}
