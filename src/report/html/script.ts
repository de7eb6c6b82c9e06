/**
 * Sorting, filtering and paging of the tables, in the reader's browser. Without it every row is shown as the ledger has
 * it. It is plain text here because its hash stands in the page's policy.
 */
export const SCRIPT = `'use strict';
for (const block of document.querySelectorAll('[data-rows]')) {
  const body = block.querySelector('tbody');
  const rows = Array.from(body.rows);
  const tools = block.querySelector('.tools');
  const search = block.querySelector('input[type=search]');
  const select = block.querySelector('select');
  const status = block.querySelector('[role=status]');
  const more = block.querySelector('.more');
  const page = 25;
  let limit = page;
  const texts = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));
  const value = (row, i) => {
    const cell = row.cells[i];
    return cell.dataset.v === undefined ? cell.textContent.trim() : cell.dataset.v;
  };
  const show = () => {
    const words = search ? search.value.toLowerCase().split(/\\s+/).filter(Boolean) : [];
    const wanted = select ? select.value : '';
    let matches = 0;
    for (const row of body.rows) {
      const text = texts.get(row);
      const fits = words.every((word) => text.includes(word)) && (wanted === '' || row.dataset.choice === wanted);
      row.hidden = !fits;
      row.classList.toggle('later', fits && matches >= limit);
      if (fits) matches++;
    }
    const shown = Math.min(matches, limit);
    if (status) status.textContent = matches === rows.length ? shown + ' of ' + rows.length + ' rows shown' :
      shown + ' of ' + matches + ' matching rows shown, ' + rows.length + ' in all';
    if (more) more.hidden = matches <= limit;
  };
  for (const button of block.querySelectorAll('th button')) {
    const head = button.closest('th');
    const column = head.cellIndex;
    button.disabled = false;
    button.addEventListener('click', () => {
      const down = head.getAttribute('aria-sort') === 'ascending';
      for (const other of block.querySelectorAll('th[aria-sort]')) other.removeAttribute('aria-sort');
      head.setAttribute('aria-sort', down ? 'descending' : 'ascending');
      const keyed = rows.map((row) => [value(row, column), row]);
      const compare = new Intl.Collator('en', { numeric: true, sensitivity: 'base' }).compare;
      keyed.sort((a, b) => (a[0] === '') - (b[0] === '') || (down ? -1 : 1) * compare(a[0], b[0]));
      body.append(...keyed.map((pair) => pair[1]));
      show();
    });
  }
  if (search) search.addEventListener('input', () => { limit = page; show(); });
  if (select) select.addEventListener('change', () => { limit = page; show(); });
  if (more) more.addEventListener('click', () => { limit += 200; show(); });
  if (tools) tools.hidden = false;
  show();
}
`;
